//! The settings in force as text: `roomcast print-config`, and what was read.

use std::fmt::Write as _;

use super::change::Line;
use super::error::Place;
use super::load::Loaded;
use super::section::Section as _;

const HEAD: &str = "\
# The settings in force, and where each came from.
# Secrets are masked: put them back before this serves as a settings file.
";

/// Where the origins begin, if the values leave room.
const COLUMN: usize = 44;

impl Loaded {
    /// The settings in force as TOML: every value, with its origin behind it; secrets are `…`.
    pub fn to_toml(&self) -> String {
        let mut lines = Vec::new();
        self.settings.list("", &mut lines);
        let mut page = HEAD.to_owned();
        for line in lines {
            // Writing to a `String` cannot fail.
            let _ = match line {
                Line::Table(key) => writeln!(page, "\n[{key}]"),
                Line::Element(key) => writeln!(page, "\n[[{key}]]"),
                Line::Value(key, value) => {
                    let name = key.rsplit('.').next().unwrap_or(&key);
                    let (setting, origin) = (format!("{name} = {value}"), self.origin(&key));
                    writeln!(page, "{setting:COLUMN$} # {origin}")
                }
            };
        }
        page
    }

    /// Where the value of a key came from, without what would end a comment.
    fn origin(&self, key: &str) -> String {
        let origin = match self.set.get(key) {
            None | Some(Place::Default) => "default".into(),
            Some(Place::Environment(name)) => name.clone(),
            Some(file) => file.to_string(),
        };
        origin.replace(char::is_control, "?")
    }

    /// What was read, in words: the file and the variables.
    pub fn sources(&self) -> String {
        let file = self.file.as_ref().map(|file| file.display().to_string());
        let mut variables: Vec<String> = Vec::new();
        for place in self.set.values() {
            if let Place::Environment(name) = place
                && !variables.contains(name)
            {
                variables.push(name.clone());
            }
        }
        let sources: Vec<String> = file.into_iter().chain(variables).collect();
        if sources.is_empty() { "nothing but the defaults".into() } else { sources.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::load::load;
    use crate::settings::load::tests::{Written, env};

    #[test]
    fn it_loads_back_to_equal_settings() {
        let digest = "ab".repeat(32);
        let text = format!(
            "[public]\norigins = ['https://*.example.com']\n[node]\nname = 'a \"b\" \\ c\u{200b}'\n\
             [[internal.keys]]\nid = 'one'\nsha256 = '{digest}'\nscopes = ['read', 'publish']\n\
             [[namespaces]]\n[[namespaces]]\nname = '/chat'\n"
        );
        let file = Written::new("toml", &text);
        let loaded = load(Some(&file.0), env(&[("ROOMCAST__LIMITS__OUTBOX_BYTES_MAX", "65536")])).expect("valid");
        let page = loaded.to_toml();
        assert!(!page.contains(&digest) && page.matches("\"…\"").count() == 1, "{page}");
        let again = Written::new("toml", &page.replace('…', &digest));
        assert_eq!(load(Some(&again.0), []).expect("valid").settings, loaded.settings);
        let path = file.0.display().to_string();
        for (line, origin) in [
            ("origins = [\"https://*.example.com\"]", path.as_str()),
            ("outbox_bytes_max = 65536", "ROOMCAST__LIMITS__OUTBOX_BYTES_MAX"),
            ("outbox_age_ms_max = 10000", "default"),
            ("id = \"one\"", &path),
            ("name = \"/chat\"", &path),
            ("client_publish = false", "default"),
        ] {
            let found = page.lines().find(|found| found.starts_with(line)).expect(line);
            assert!(found.contains(&format!(" # {origin}")), "{found}");
        }
        assert_eq!(loaded.sources(), format!("{path}, ROOMCAST__LIMITS__OUTBOX_BYTES_MAX"));
    }

    #[test]
    fn the_defaults_load_back_too() {
        let loaded = load(None, []).expect("defaults");
        let again = Written::new("toml", &loaded.to_toml());
        assert_eq!(load(Some(&again.0), []).expect("valid").settings, loaded.settings);
        assert_eq!(loaded.sources(), "nothing but the defaults");
    }
}
