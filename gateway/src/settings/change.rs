//! What a reload can do for a setting, and where two sets of settings differ.
//!
//! Deliberately absent: carrying the change out (see [`crate::reload`]).

use std::fmt;

use super::check;
use super::error::SettingsError;
use super::load::Loaded;
use super::reader::Reader;
use super::section::Section;
use super::sections::Settings;

/// When a changed setting takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// When the settings are read again, on SIGHUP.
    Reload,
    /// When the node starts.
    Restart,
}

impl Effect {
    /// How the reference shows it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Reload => "yes",
            Self::Restart => "restart",
        }
    }
}

/// One setting that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key, `section.key`.
    pub key: String,
    /// The earlier value in TOML, `…` for a secret.
    pub before: String,
    /// The later value in TOML, `…` for a secret.
    pub after: String,
    /// When it takes effect.
    pub effect: Effect,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.key, self.before, self.after)
    }
}

impl Settings {
    /// Where `after` differs, in the order of the reference.
    pub fn differences(&self, after: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.differ(after, "", &mut changes);
        changes
    }

    /// These settings with those changes from `before` to `after` that a reload can make, unchecked.
    pub(crate) fn following(&self, before: &Self, after: &Self) -> Self {
        let mut next = self.clone();
        next.adopt(before, after);
        next
    }

    /// These settings with those changes from `before` to `loaded` that a reload can make, checked.
    ///
    /// # Errors
    /// If the result is not what a start would accept, or would open or guard the API.
    pub fn reloaded(&self, before: &Self, loaded: &Loaded) -> Result<Self, SettingsError> {
        let next = self.following(before, &loaded.settings);
        let mut reader = Reader::new(&[]);
        reader.set.clone_from(&loaded.set);
        check::relations(&next, &mut reader);
        if next.internal.keys.is_empty() != self.internal.keys.is_empty() {
            let why = "the first key and the last one need a restart: they decide whether the API is open or guarded";
            reader.invalid("internal.keys", why);
        }
        SettingsError::check(reader.problems)?;
        Ok(next)
    }
}

/// One line of the settings in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A table begins: `[section]`.
    Table(String),
    /// An element of a list of tables begins: `[[section]]`.
    Element(String),
    /// A setting: its key, and its value in TOML.
    Value(String, String),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::section::Entry;
    use super::super::{Key, OriginRule, Scope, Secret, reference};
    use super::*;

    fn key(id: &str, digest: u8) -> Key {
        Key { id: id.into(), sha256: Secret::new([digest; 32]), scopes: vec![Scope::Publish] }
    }

    fn loaded(settings: Settings) -> Loaded {
        Loaded { settings, file: None, set: BTreeMap::new() }
    }

    fn problem(next: Result<Settings, SettingsError>) -> String {
        let error = next.expect_err("refused");
        assert_eq!(error.problems().len(), 1, "{error}");
        error.problems()[0].to_string()
    }

    #[test]
    fn differences_name_every_key_and_no_secret() {
        let (mut before, mut after) = (Settings::default(), Settings::default());
        assert_eq!(before.differences(&after), []);
        after.limits.outbox_bytes_max = 65_536;
        after.public.origins = vec![OriginRule::Any];
        after.public.address = "127.0.0.1:1".parse().expect("an address");
        (before.internal.keys, after.internal.keys) = (vec![key("a", 0xab)], vec![key("b", 0xcd)]);
        let changes = before.differences(&after);
        let texts: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                r#"public.address "127.0.0.1:8080" -> "127.0.0.1:1""#,
                r#"public.origins [] -> ["*"]"#,
                r#"internal.keys[0].id "a" -> "b""#,
                r#"internal.keys[0].sha256 "…" -> "…""#,
                "limits.outbox_bytes_max 1048576 -> 65536",
            ]
        );
        let restart: Vec<bool> = changes.iter().map(|change| change.effect == Effect::Restart).collect();
        assert_eq!(restart, [true, false, false, false, false]);
        before.internal.keys.push(key("c", 0xef));
        let text = before.differences(&after)[2].to_string();
        assert!(text.starts_with(r#"internal.keys [{ id = "a", sha256 = "…", scopes = ["publish"] }, { id = "c""#));
    }

    #[test]
    fn only_what_a_reload_can_change_and_the_sources_did_change_follows() {
        let (mut running, before, mut after) = (Settings::default(), Settings::default(), Settings::default());
        running.limits.batch_items_max = 7;
        after.limits.outbox_bytes_max = 65_536;
        after.limits.mailbox_bytes_max = 100_000_000;
        after.node.name = "renamed".into();
        let next = running.reloaded(&before, &loaded(after)).expect("it fits");
        assert_eq!((next.limits.batch_items_max, next.limits.outbox_bytes_max), (7, 65_536));
        assert_eq!((next.limits.mailbox_bytes_max, next.node.name.as_str()), (67_108_864, ""));
    }

    #[test]
    fn what_would_not_fit_together_is_refused() {
        let (running, before, mut after) = (Settings::default(), Settings::default(), Settings::default());
        after.limits.message_bytes_max = 90_000_000;
        after.limits.mailbox_bytes_max = 100_000_000;
        let why = problem(running.reloaded(&before, &loaded(after)));
        assert!(why.contains("must not be beyond limits.mailbox_bytes_max, which is 67108864"), "{why}");
    }

    #[test]
    fn keys_are_exchanged_but_the_api_is_neither_opened_nor_guarded() {
        let (open, mut guarded, mut rotated) = (Settings::default(), Settings::default(), Settings::default());
        guarded.internal.keys = vec![key("a", 1)];
        rotated.internal.keys = vec![key("b", 2), key("c", 3)];
        for (from, to) in [(&open, &guarded), (&guarded, &open)] {
            let why = problem(from.reloaded(from, &loaded(to.clone())));
            assert!(why.contains("the first key and the last one need a restart"), "{why}");
        }
        let next = guarded.reloaded(&guarded, &loaded(rotated.clone())).expect("it fits");
        assert_eq!(next.internal.keys, rotated.internal.keys);
    }

    #[test]
    fn elements_of_a_list_follow_as_the_list_does() {
        let effect = |key: &str| {
            let row = |entry: Entry| match entry {
                Entry::Setting(row) if row.key == key => Some(row.effect),
                _ => None,
            };
            reference::entries().into_iter().find_map(row)
        };
        for field in ["id", "sha256", "scopes"] {
            assert_eq!(effect(&format!("internal.keys[].{field}")), Some(Effect::Reload));
        }
        for field in ["name", "client_subscribe", "client_publish"] {
            assert_eq!(effect(&format!("namespaces[].{field}")), Some(Effect::Restart));
        }
    }
}
