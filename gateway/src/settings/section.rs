//! From a table of settings to a struct, its defaults, its reader and its documentation.

use config::{Map, Value, ValueKind};

use super::reader::Reader;
use super::value::{Rule, Setting};

/// One line of the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A section begins; its settings follow.
    Section {
        /// Name of the section; `section[]` for a list of tables.
        key: String,
        /// What the section is about.
        what: &'static str,
    },
    /// One setting.
    Setting(Row),
}

/// One setting of the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// `section.key`; `section[].key` within a list of tables.
    pub(super) key: String,
    /// What type of value it takes.
    pub(super) kind: &'static str,
    /// The default, in TOML.
    pub(super) default: String,
    /// `ms`, `bytes` or nothing.
    pub(super) unit: &'static str,
    /// Which values are allowed, where the type does not say it all.
    pub(super) allowed: String,
    /// The environment variable; `None` for what only a file can hold.
    pub(super) env: Option<String>,
    /// What the setting does.
    pub(super) what: &'static str,
}

/// A table of settings.
pub(super) trait Section: Default {
    /// Reads the fields it knows and reports the rest.
    fn read_table(reader: &mut Reader, at: &str, table: Map<String, Value>) -> Self;
    /// Documents the fields.
    fn document(&self, at: &str) -> Vec<Entry>;
}

/// `section` and `key` as `section.key`.
pub(super) fn join(at: &str, field: &str) -> String {
    if at.is_empty() { field.into() } else { format!("{at}.{field}") }
}

impl<T: Section> Setting for T {
    const KIND: &'static str = "a table";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        match value.kind {
            ValueKind::Table(table) => Some(T::read_table(reader, key, table)),
            // In YAML a section whose lines are all commented out is nothing at all.
            ValueKind::Nil => None,
            _ => reader.mistyped(key, Self::KIND, &value),
        }
    }

    fn show(&self) -> String {
        String::new()
    }

    fn entries(&self, key: &str, what: &'static str, _: Rule) -> Vec<Entry> {
        let mut entries = vec![Entry::Section { key: key.into(), what }];
        entries.extend(self.document(key));
        entries
    }
}

impl<T: Section> Setting for Vec<T> {
    const KIND: &'static str = "a list of tables (which only a file can hold)";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        let ValueKind::Array(items) = value.kind else {
            return reader.mistyped(key, Self::KIND, &value);
        };
        let mut read = Self::new();
        for (i, item) in items.into_iter().enumerate() {
            read.extend(<T as Setting>::read(reader, &format!("{key}[{i}]"), item));
        }
        Some(read)
    }

    fn show(&self) -> String {
        "[]".into()
    }

    fn entries(&self, key: &str, what: &'static str, _: Rule) -> Vec<Entry> {
        let key = format!("{key}[]");
        let mut entries = vec![Entry::Section { key: key.clone(), what }];
        entries.extend(T::default().document(&key));
        entries
    }
}

/// Declares a section: `name: Type = default, rule;` for every field, with the field's
/// documentation above it. The documentation of the fields is the reference.
macro_rules! section {
    (
        $(#[$about:meta])+
        $name:ident {
            $(
                $(#[doc = $what:literal])+
                $field:ident: $type:ty = $default:expr $(, $rule:expr)?;
            )+
        }
    ) => {
        $(#[$about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $(
                $(#[doc = $what])+
                #[doc = concat!("\n\nDefault: `", stringify!($default), "`.")]
                pub $field: $type,
            )+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::settings::section::Section for $name {
            fn read_table(
                reader: &mut $crate::settings::reader::Reader,
                at: &str,
                mut table: config::Map<String, config::Value>,
            ) -> Self {
                use $crate::settings::value::{Rule, Setting};
                let mut section = Self::default();
                $(
                    if let Some(value) = table.remove(stringify!($field)) {
                        let key = $crate::settings::section::join(at, stringify!($field));
                        reader.note(&key, &value);
                        if let Some(value) = <$type as Setting>::read(reader, &key, value) {
                            match value.obeys([$($rule,)? Rule::Any][0]) {
                                Ok(()) => section.$field = value,
                                Err(why) => reader.invalid(&key, why),
                            }
                        }
                    }
                )+
                reader.unknown(table, |name| $crate::settings::section::join(at, name));
                section
            }

            fn document(&self, at: &str) -> Vec<$crate::settings::section::Entry> {
                use $crate::settings::value::{Rule, Setting};
                let mut entries = Vec::new();
                $(
                    entries.extend(self.$field.entries(
                        &$crate::settings::section::join(at, stringify!($field)),
                        concat!($($what),+).trim_ascii(),
                        [$($rule,)? Rule::Any][0],
                    ));
                )+
                entries
            }
        }
    };
}
pub(super) use section;
