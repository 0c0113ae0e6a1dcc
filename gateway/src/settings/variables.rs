//! The environment: the only place that reads it, and what is wrong with a variable's name.

use std::ffi::OsString;

use config::{Map, Value, ValueKind};

use super::error::{Place, Problem, SettingsError};
use super::section::Entry;
use super::suggest::{self, Hint};

/// The variable that names the settings file where the command line does not.
pub const ENV_CONFIG: &str = "ROOMCAST_CONFIG";
/// What the names of variables for single settings begin with.
pub const ENV_PREFIX: &str = "ROOMCAST__";
const SEPARATOR: &str = "__";
/// What the names of variables begin with that may be meant for us.
const OURS: &str = "ROOMCAST_";

/// The variable of a setting: `ROOMCAST__SECTION__KEY`.
pub(super) fn variable(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.replace('.', SEPARATOR).to_uppercase())
}

/// The variables of this process that are ours.
pub(super) fn process_environment() -> Result<Vec<(String, String)>, SettingsError> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    ours(std::env::vars_os())
}

/// The variables that are ours, or may be meant to be. Names and values of others need not even be text.
pub(super) fn ours(all: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<(String, String)>, SettingsError> {
    let mut ours = Vec::new();
    for (name, value) in all {
        let Some(name) = name.to_str().filter(|name| name.starts_with(OURS)) else {
            continue;
        };
        let value = match value.into_string() {
            Ok(value) => value,
            Err(_) if name == ENV_CONFIG || name.starts_with(ENV_PREFIX) => {
                return Err(SettingsError::from(Problem::Mistyped {
                    key: key_of(name),
                    place: Place::Environment(name.into()),
                    expected: "text in UTF-8".into(),
                    found: "other bytes".into(),
                }));
            }
            Err(_) => String::new(),
        };
        ours.push((name.to_owned(), value));
    }
    Ok(ours)
}

/// `ROOMCAST__LOG__LEVEL` as `log.level`.
fn key_of(variable: &str) -> String {
    let path = variable.strip_prefix(ENV_PREFIX).or(variable.strip_prefix(OURS)).unwrap_or(variable);
    path.to_lowercase().replace(SEPARATOR, ".")
}

/// Sets `section.key` of the file's table, marked with the name of the variable that it came from.
pub(super) fn set(table: &mut Map<String, Value>, variable: &str, text: String) {
    let key = key_of(variable);
    let Some((section, key)) = key.split_once('.') else { return };
    let section = table.entry(section.to_owned()).or_insert_with(|| Value::new(None, ValueKind::Nil));
    if matches!(section.kind, ValueKind::Nil) {
        section.kind = ValueKind::Table(Map::new());
    }
    // A section of the file that is no table is reported for itself.
    if let ValueKind::Table(section) = &mut section.kind {
        let variable = variable.to_owned();
        section.insert(key.to_owned(), Value::new(Some(&variable), ValueKind::String(text)));
    }
}

/// What is wrong with a variable's name, if something is.
pub(super) fn problem(name: &str, entries: &[Entry]) -> Option<Problem> {
    let settable = || entries.iter().filter_map(settable);
    let key = key_of(name);
    if name == ENV_CONFIG {
        return None;
    }
    if !name.starts_with(ENV_PREFIX) {
        return slip(name, &key, settable);
    }
    if settable().any(|known| known == key) {
        return None;
    }
    let place = Place::Environment(name.to_owned());
    let list = |entry: &Entry| match entry {
        Entry::Section { key: list, .. } => {
            list.strip_suffix("[]").is_some_and(|list| key == list || key.starts_with(&format!("{list}.")))
        }
        Entry::Setting(_) => false,
    };
    if entries.iter().any(list) {
        let why = "a list of tables: only a file can hold it".into();
        return Some(Problem::Invalid { key, place, why });
    }
    let hint = if key == key_of(ENV_CONFIG) {
        Hint::Near(vec![ENV_CONFIG.into()])
    } else {
        match suggest::hint(&key, settable()) {
            Hint::Near(keys) => Hint::Near(keys.iter().map(|key| variable(key)).collect()),
            valid @ Hint::Valid(..) => valid,
        }
    };
    Some(Problem::unknown_key(key, place, hint))
}

/// A variable that begins with `ROOMCAST_` alone. It is nobody's mistake unless it is a setting's name with
/// fewer underscores, or has two of them together and is near one, or is near the name of the file: Kubernetes
/// sets `ROOMCAST_SERVICE_HOST` and the like, and other programs have variables of their own.
fn slip<'a, I: Iterator<Item = &'a str> + Clone>(name: &str, key: &str, settable: impl Fn() -> I) -> Option<Problem> {
    if is_near_config(key) {
        return Some(Problem::NoVariable { name: name.to_owned(), nearest: ENV_CONFIG.to_owned() });
    }
    let joined = key.replace('.', "_");
    let meant = settable().find(|known| known.replace('.', "_") == joined).map(str::to_owned);
    let meant = meant.or_else(|| match suggest::hint(key, settable()) {
        Hint::Near(keys) if key.contains('.') => keys.into_iter().next(),
        _ => None,
    });
    meant.map(|meant| Problem::NoVariable { name: name.to_owned(), nearest: variable(&meant) })
}

/// Whether `key` is meant to name the settings file: a slip of it would start a node on its defaults.
fn is_near_config(key: &str) -> bool {
    let (word, rest) = key.split_once('_').unwrap_or((key, ""));
    suggest::near(word, "config").is_some() && ["", "file", "path", "toml", "yaml"].contains(&rest)
}

fn settable(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Setting(row) if row.env.is_some() => Some(&row.key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::reference;

    #[test]
    fn of_the_process_only_our_variables_are_read_and_those_must_be_text() {
        use std::os::unix::ffi::OsStringExt as _;
        let bytes = || OsString::from_vec(vec![0xff]);
        let other = [
            (bytes(), "x".into()),
            ("LANG".into(), bytes()),
            (ENV_CONFIG.into(), "a".into()),
            ("ROOMCAST_SERVICE_HOST".into(), bytes()),
        ];
        let kept = ours(other.into_iter()).expect("text");
        assert_eq!(
            kept,
            [(ENV_CONFIG.to_owned(), "a".to_owned()), ("ROOMCAST_SERVICE_HOST".to_owned(), String::new())]
        );
        let error = ours([("ROOMCAST__NODE__NAME".into(), bytes())].into_iter()).expect_err("not text");
        assert!(error.to_string().contains("node.name in environment variable ROOMCAST__NODE__NAME: expected text"));
    }

    #[test]
    fn a_variable_that_is_nearly_a_setting_is_an_error_and_any_other_is_not_ours() {
        let said = |name: &str| problem(name, &reference::entries()).map(|problem| problem.to_string());
        for (name, meant) in [
            ("ROOMCAST_PUBLIC__ADDRESS", "ROOMCAST__PUBLIC__ADDRESS"),
            ("ROOMCAST_PUBLIC_ADDRESS", "ROOMCAST__PUBLIC__ADDRESS"),
            ("ROOMCAST_SOCKET_IO_PING_INTERVAL_MS", "ROOMCAST__SOCKET_IO__PING_INTERVAL_MS"),
            ("ROOMCAST_LIMITS__CONECTIONS_MAX", "ROOMCAST__LIMITS__CONNECTIONS_MAX"),
            ("ROOMCAST_LOG_LEVEL", "ROOMCAST__LOG__LEVEL"),
            ("ROOMCAST_CONFG", ENV_CONFIG),
            ("ROOMCAST_CONF", ENV_CONFIG),
            ("ROOMCAST_config", ENV_CONFIG),
            ("ROOMCAST_CONFIG_FILE", ENV_CONFIG),
        ] {
            let expected = format!("environment variable {name} is not read: the nearest valid one is {meant}");
            assert_eq!(said(name), Some(expected));
        }
        for name in [
            ENV_CONFIG,
            "ROOMCAST_BIN",
            "ROOMCAST_ECHO_BIN",
            "ROOMCAST_LOADTEST_BIN",
            "ROOMCAST_TEST_LONG",
            "ROOMCAST_PORT",
            "ROOMCAST_SERVICE_HOST",
            "ROOMCAST_SERVICE_PORT_HTTP",
            "ROOMCAST_PUBLIC_PORT_8080_TCP_ADDR",
            "ROOMCAST_INTERNAL_SERVICE_PORT",
            "ROOMCAST_SIDECAR__MODE",
            "ROOMCAST_CONFIG_SERVICE_HOST",
            "ROOMCAST_CONFIG_PORT",
            "ROOMCAST_",
        ] {
            assert_eq!(said(name), None, "{name}");
        }
        let config = said("ROOMCAST__CONFIG").expect("no setting");
        assert!(config.ends_with("the nearest valid key is ROOMCAST_CONFIG"), "{config}");
    }
}
