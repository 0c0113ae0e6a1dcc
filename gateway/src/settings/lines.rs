//! On which line of a settings file a key stands.
//!
//! The parsers tell where a fault of form is, but not where a value was. This looks for
//! keys as people write them, one a line; what it does not find has no line.

use std::collections::BTreeMap;

use config::FileFormat;

use super::section::join;

/// Lines, counted from 1, by key; elements of lists as `section[0].key`.
#[derive(Debug, Default)]
pub(super) struct Lines {
    keys: BTreeMap<String, usize>,
    /// How many elements each list has so far.
    elements: BTreeMap<String, usize>,
}

impl Lines {
    /// Those of a text.
    pub(super) fn of(text: &str, format: FileFormat) -> Self {
        let mut lines = Self::default();
        match format {
            FileFormat::Toml => lines.toml(text),
            _ => lines.yaml(text),
        }
        lines
    }

    /// The line of a key.
    pub(super) fn get(&self, key: &str) -> Option<usize> {
        self.keys.get(key).copied()
    }

    /// The key stands there, and so do the tables around it unless they were named before.
    fn note(&mut self, key: &str, line: usize) {
        for (end, _) in key.match_indices('.').chain([(key.len(), "")]) {
            self.keys.entry(key[..end].to_owned()).or_insert(line);
        }
    }

    /// The place of one more element of a list.
    fn element(&mut self, list: &str, line: usize) -> String {
        let elements = self.elements.entry(list.to_owned()).or_default();
        let element = format!("{list}[{elements}]");
        *elements += 1;
        self.note(list, line);
        self.note(&element, line);
        element
    }

    fn toml(&mut self, text: &str) {
        let mut table = String::new();
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            if let Some((list, _)) = text.strip_prefix("[[").and_then(|rest| rest.split_once("]]")) {
                table = self.element(&path(list).unwrap_or_default(), line);
            } else if let Some((name, _)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                table = path(name).unwrap_or_default();
                self.note(&table, line);
            } else if let Some(key) = text.split_once('=').and_then(|(key, _)| path(key)) {
                self.note(&join(&table, &key), line);
            }
        }
    }

    fn yaml(&mut self, text: &str) {
        /// A key whose value goes on below.
        struct Open {
            indent: usize,
            item: bool,
            path: String,
        }
        let mut open: Vec<Open> = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let mut rest = text.trim_start();
            let mut indent = text.len() - rest.len();
            if let Some(item) = rest.strip_prefix("- ") {
                // An item may stand as far left as the key of its list.
                while open.pop_if(|top| top.indent > indent || top.indent == indent && top.item).is_some() {}
                let path = self.element(open.last().map_or("", |top| &top.path), line);
                open.push(Open { indent, item: true, path });
                rest = item.trim_start();
                indent = text.len() - rest.len();
            }
            if let Some(key) = rest.split_once(':').and_then(|(key, _)| path(key)) {
                while open.pop_if(|top| top.indent >= indent).is_some() {}
                let path = join(open.last().map_or("", |top| &top.path), &key);
                self.note(&path, line);
                open.push(Open { indent, item: false, path });
            }
        }
    }
}

/// A key as it is written, quotes and spaces around its parts left out; `None`: it is none.
fn path(key: &str) -> Option<String> {
    let parts: Vec<&str> = key.split('.').map(|part| part.trim().trim_matches(['"', '\''])).collect();
    let is_key = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
    parts.iter().all(is_key).then(|| parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_text_has_lines(text in "([-a\\[\\]\"'=:. ]{0,9}\n){0,9}|\\PC*") {
            for format in [FileFormat::Toml, FileFormat::Yaml] {
                let lines = Lines::of(&text, format);
                proptest::prop_assert!(lines.keys.values().all(|line| (1..=text.lines().count()).contains(line)));
            }
        }
    }

    #[test]
    fn keys_are_found_where_people_write_them() {
        let toml = "# log.level = 1\nlog.level = \"x=y\"\n[public]\n  \"address\" = 'a'\norigins = [\n  'https://a=b',\n]\n\
                    [[internal.keys]] # one\nid = 'a'\n[[ internal.keys ]]\nid = 'b'\n";
        let yaml = "# a: b\nlog: {level: x}\npublic:\n  origins:\n  - 'https://a'\n\n  address: 'a'\ninternal:\n  keys:\n    \
                    - id: a\n      scopes: [read]\n    - id: b\nnamespaces:\n- name: /\n- name: /b\n";
        let found = |format, text| {
            let lines = Lines::of(text, format);
            move |key: &str| lines.get(key)
        };
        let toml = found(FileFormat::Toml, toml);
        for (key, line) in [
            ("log", 2),
            ("log.level", 2),
            ("public", 3),
            ("public.address", 4),
            ("public.origins", 5),
            ("internal.keys", 8),
            ("internal.keys[0].id", 9),
            ("internal.keys[1]", 10),
            ("internal.keys[1].id", 11),
        ] {
            assert_eq!(toml(key), Some(line), "{key}");
        }
        assert_eq!(toml("public.https://a"), None);
        let yaml = found(FileFormat::Yaml, yaml);
        for (key, line) in [
            ("log", 2),
            ("public.origins", 4),
            ("public.address", 7),
            ("internal.keys", 9),
            ("internal.keys[0].id", 10),
            ("internal.keys[0].scopes", 11),
            ("internal.keys[1].id", 12),
            ("namespaces", 13),
            ("namespaces[1].name", 15),
        ] {
            assert_eq!(yaml(key), Some(line), "{key}");
        }
        assert_eq!((yaml("a"), yaml("log.level")), (None, None));
    }
}
