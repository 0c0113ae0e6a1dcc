//! From a table of settings to a struct, its defaults, its reader and its documentation.

use config::{Map, Value, ValueKind};

use super::change::{Change, Effect, Line};
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
    /// When a change takes effect.
    pub(super) effect: Effect,
    /// What the setting does.
    pub(super) what: &'static str,
}

/// A table of settings.
pub(super) trait Section: Default + Clone + PartialEq {
    /// Reads the fields it knows and reports the rest.
    fn read_table(reader: &mut Reader, at: &str, table: Map<String, Value>) -> Self;
    /// Documents the fields.
    fn document(&self, at: &str) -> Vec<Entry>;
    /// Lists the values of the fields.
    fn list(&self, at: &str, into: &mut Vec<Line>);
    /// Lists where `after` differs.
    fn differ(&self, after: &Self, at: &str, into: &mut Vec<Change>);
    /// Takes over those values that differ between `before` and `after`, and that a reload can change.
    fn adopt(&mut self, before: &Self, after: &Self);
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
            // What stands there may have been meant for a secret within.
            _ => reader.mistyped_secret(key, Self::KIND, &value),
        }
    }

    fn show(&self) -> String {
        let mut lines = Vec::new();
        self.list("", &mut lines);
        let value = |line: &Line| match line {
            Line::Value(key, value) => Some(format!("{key} = {value}")),
            Line::Table(_) | Line::Element(_) => None,
        };
        format!("{{ {} }}", lines.iter().filter_map(value).collect::<Vec<_>>().join(", "))
    }

    fn entries(&self, key: &str, what: &'static str, _: Rule, _: Effect) -> Vec<Entry> {
        let mut entries = vec![Entry::Section { key: key.into(), what }];
        entries.extend(self.document(key));
        entries
    }

    fn list(&self, key: &str, into: &mut Vec<Line>) {
        into.push(Line::Table(key.into()));
        Section::list(self, key, into);
    }

    fn differ(&self, after: &Self, key: &str, _: Effect, into: &mut Vec<Change>) {
        Section::differ(self, after, key, into);
    }

    fn adopt(&mut self, before: &Self, after: &Self, _: Effect) {
        Section::adopt(self, before, after);
    }
}

impl<T: Section> Setting for Vec<T> {
    const KIND: &'static str = "a list of tables (which only a file can hold)";

    fn read(reader: &mut Reader, key: &str, value: Value) -> Option<Self> {
        let ValueKind::Array(items) = value.kind else {
            return reader.mistyped_secret(key, Self::KIND, &value);
        };
        let mut read = Self::new();
        for (i, item) in items.into_iter().enumerate() {
            read.extend(<T as Setting>::read(reader, &format!("{key}[{i}]"), item));
        }
        Some(read)
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(Setting::show).collect::<Vec<_>>().join(", "))
    }

    fn list(&self, key: &str, into: &mut Vec<Line>) {
        if self.is_empty() {
            into.push(Line::Value(key.into(), self.show()));
        }
        for (i, element) in self.iter().enumerate() {
            into.push(Line::Element(key.into()));
            Section::list(element, &format!("{key}[{i}]"), into);
        }
    }

    fn differ(&self, after: &Self, key: &str, effect: Effect, into: &mut Vec<Change>) {
        if self.len() == after.len() {
            for (i, (one, other)) in self.iter().zip(after).enumerate() {
                Section::differ(one, other, &format!("{key}[{i}]"), into);
            }
        } else {
            into.push(Change { key: key.into(), before: self.show(), after: after.show(), effect });
        }
    }

    fn entries(&self, key: &str, what: &'static str, _: Rule, _: Effect) -> Vec<Entry> {
        let key = format!("{key}[]");
        let mut entries = vec![Entry::Section { key: key.clone(), what }];
        entries.extend(T::default().document(&key));
        entries
    }
}

/// Declares a section: `name: Type = default, rule => Reload;` for every field, with the field's
/// documentation above it. The rule may be absent, and without `=> Reload` a change needs a restart.
/// The documentation of the fields is the reference.
macro_rules! section {
    (
        $(#[$about:meta])+
        $name:ident {
            $(
                $(#[doc = $what:literal])+
                $field:ident: $type:ty = $default:expr $(, $rule:expr)? $(=> $effect:ident)?;
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
                use $crate::settings::change::Effect;
                use $crate::settings::value::{Rule, Setting};
                let mut entries = Vec::new();
                $(
                    entries.extend(self.$field.entries(
                        &$crate::settings::section::join(at, stringify!($field)),
                        concat!($($what),+).trim_ascii(),
                        [$($rule,)? Rule::Any][0],
                        [$(Effect::$effect,)? Effect::Restart][0],
                    ));
                )+
                entries
            }

            fn list(&self, at: &str, into: &mut Vec<$crate::settings::change::Line>) {
                use $crate::settings::value::Setting;
                $(
                    let key = $crate::settings::section::join(at, stringify!($field));
                    Setting::list(&self.$field, &key, into);
                )+
            }

            fn differ(&self, after: &Self, at: &str, into: &mut Vec<$crate::settings::change::Change>) {
                use $crate::settings::change::Effect;
                use $crate::settings::value::Setting;
                $(
                    let key = $crate::settings::section::join(at, stringify!($field));
                    let effect = [$(Effect::$effect,)? Effect::Restart][0];
                    Setting::differ(&self.$field, &after.$field, &key, effect, into);
                )+
            }

            fn adopt(&mut self, before: &Self, after: &Self) {
                use $crate::settings::change::Effect;
                use $crate::settings::value::Setting;
                $(
                    let effect = [$(Effect::$effect,)? Effect::Restart][0];
                    Setting::adopt(&mut self.$field, &before.$field, &after.$field, effect);
                )+
            }
        }
    };
}
pub(super) use section;
