//! The types of single values: how each is read, shown in TOML, and checked.
//!
//! A file must hold the very type. The environment has only text: numbers, switches
//! and lists (`a,b`) are read from it here, and text stays as it is (`0123` does not
//! turn into 123).

use std::net::SocketAddr;

use config::{Value, ValueKind};

use super::change::{Change, Effect, Line};
use super::check;
use super::reader::Reader;
use super::section::{Entry, Row};
use super::variables;

/// What a value must be beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Nothing more.
    Any,
    /// A number from the first to the second.
    Between(u64, u64),
    /// The path of a URL.
    Path,
    /// The name of an event that is not the protocol's own.
    Event,
    /// The name of a namespace.
    Namespace,
    /// Directives of a log filter.
    Filter,
    /// At least one character, and none that a header's value cannot carry.
    Token,
    /// At most 255 bytes without control characters.
    Label,
    /// A host's name or address, and a port.
    Address,
}

impl Rule {
    fn text(self) -> String {
        match self {
            Self::Any => String::new(),
            Self::Between(least, most) => format!("{least} to {most}"),
            Self::Path => "begins with `/`".into(),
            Self::Event => "not a name of the protocol's own".into(),
            Self::Namespace => "begins with `/`, without `,` and `?`".into(),
            Self::Filter => "a level, or `target=level,…`".into(),
            Self::Token => "visible ASCII characters, no spaces".into(),
            Self::Label => "at most 255 bytes".into(),
            Self::Address => "each `host:port`".into(),
        }
    }
}

/// A type that a setting can have.
pub(super) trait Setting: Sized + Clone + PartialEq {
    /// What belongs there, in errors and in the reference.
    const KIND: &'static str;

    /// Reads a value; a fault is reported and gives `None`.
    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self>;

    /// The value in TOML.
    fn show(&self) -> String;

    /// Checks the value against a rule; the text says what it must be.
    fn obeys(&self, _rule: Rule) -> Result<(), String> {
        Ok(())
    }

    /// Lines of the reference, with `self` as the default.
    fn entries(&self, key: &str, what: &'static str, rule: Rule, effect: Effect) -> Vec<Entry> {
        let unit = if key.ends_with("_ms") || key.contains("_ms_") {
            "ms"
        } else if key.contains("bytes") {
            "bytes"
        } else {
            ""
        };
        vec![Entry::Setting(Row {
            key: key.into(),
            kind: Self::KIND,
            default: self.show(),
            unit,
            allowed: rule.text(),
            env: (!key.contains('[')).then(|| variables::variable(key)),
            effect,
            what,
        })]
    }

    /// Lists the value in force.
    fn list(&self, key: &str, into: &mut Vec<Line>) {
        into.push(Line::Value(key.into(), self.show()));
    }

    /// Lists where `after` differs.
    fn differ(&self, after: &Self, key: &str, effect: Effect, into: &mut Vec<Change>) {
        if self != after {
            into.push(Change { key: key.into(), before: self.show(), after: after.show(), effect });
        }
    }

    /// Takes `after` over if it differs from `before`, and if a reload can change the setting.
    fn adopt(&mut self, before: &Self, after: &Self, effect: Effect) {
        if effect == Effect::Reload && before != after {
            self.clone_from(after);
        }
    }
}

/// The text of a value that came from the environment.
fn env_text(value: &Value) -> Option<&str> {
    match (&value.kind, value.origin()) {
        (ValueKind::String(text), Some(_)) => Some(text.trim()),
        _ => None,
    }
}

macro_rules! number {
    ($type:ty) => {
        impl Setting for $type {
            const KIND: &'static str = "a whole number";

            fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
                let number = match &value.kind {
                    ValueKind::I64(n) => Self::try_from(*n).ok(),
                    ValueKind::U64(n) => Self::try_from(*n).ok(),
                    ValueKind::I128(n) => Self::try_from(*n).ok(),
                    ValueKind::U128(n) => Self::try_from(*n).ok(),
                    _ => env_text(&value).and_then(|text| text.parse().ok()),
                };
                number.or_else(|| reader.mistyped(key, Self::KIND, &value))
            }

            fn show(&self) -> String {
                self.to_string()
            }

            fn obeys(&self, rule: Rule) -> Result<(), String> {
                match rule {
                    Rule::Between(least, most) if !(least..=most).contains(&(*self as u64)) => {
                        Err(format!("must be from {least} to {most}, not {self}"))
                    }
                    _ => Ok(()),
                }
            }
        }
    };
}

number!(u64);
number!(usize);

impl Setting for bool {
    const KIND: &'static str = "true or false";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        let switch = match value.kind {
            ValueKind::Boolean(b) => Some(b),
            _ => env_text(&value).and_then(|text| text.parse().ok()),
        };
        switch.or_else(|| reader.mistyped(key, Self::KIND, &value))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for String {
    const KIND: &'static str = "text";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        match value.kind {
            ValueKind::String(text) => Some(text),
            _ => reader.mistyped(key, Self::KIND, &value),
        }
    }

    fn show(&self) -> String {
        // A JSON string is a TOML string: Rust's own escapes are not.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn obeys(&self, rule: Rule) -> Result<(), String> {
        check::text(self, rule)
    }
}

impl Setting for SocketAddr {
    const KIND: &'static str = "an IP address and a port, such as \"127.0.0.1:8080\"";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        let address = match &value.kind {
            ValueKind::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        address.or_else(|| reader.mistyped(key, Self::KIND, &value))
    }

    fn show(&self) -> String {
        format!("\"{self}\"")
    }
}

/// Reads a list of words: an array of texts, or from the environment `a,b`.
///
/// `parse` reads one word; its error says what belongs there.
pub(super) fn words<T>(
    reader: &mut Reader,
    key: &str,
    expected: &'static str,
    value: &Value,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let list: Option<Vec<String>> = if let Some(text) = env_text(value) {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        Some(words.map(str::to_owned).collect())
    } else if let ValueKind::Array(items) = &value.kind {
        let text = |item: &Value| match &item.kind {
            ValueKind::String(text) => Some(text.clone()),
            _ => None,
        };
        items.iter().map(text).collect()
    } else {
        None
    };
    let Some(list) = list else {
        return reader.mistyped(key, expected, value);
    };
    let mut read = Vec::with_capacity(list.len());
    for word in &list {
        match parse(word) {
            Ok(item) => read.push(item),
            Err(why) => {
                reader.invalid(key, why);
                return None;
            }
        }
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by fuzzing: Rust writes `\u{200b}`, which no TOML parser reads.
    #[test]
    fn text_is_shown_as_toml_reads_it() {
        for text in ["plain", "a\u{200b}b", "e\u{301}\u{202e}", "it's \"\\", "\u{1F680}"] {
            let toml = format!("[node]\nname = {}\n", text.to_owned().show());
            let loaded = super::super::Settings::from_text(Some((std::path::Path::new("x.toml"), &toml)), []);
            assert_eq!(loaded.map(|loaded| loaded.settings.node.name).as_deref(), Ok(text), "{toml}");
        }
    }
}
