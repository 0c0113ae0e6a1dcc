//! The order of the sources: defaults, the file, the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use config::{ConfigError, File, FileFormat, Map, Source as _, Value, ValueKind};

use super::check;
use super::error::{Place, Problem, SettingsError};
use super::reader::Reader;
use super::reference;
use super::section::{Entry, Section};
use super::sections::Settings;
use super::suggest;

/// The variable that names the settings file where the command line does not.
pub const ENV_CONFIG: &str = "ROOMCAST_CONFIG";
/// What the names of variables for single settings begin with.
pub const ENV_PREFIX: &str = "ROOMCAST__";
const SEPARATOR: &str = "__";

/// Settings that can be used, and where they came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// Every key, `section.key`, that the file or the environment set, and which of them; sections included.
    pub set: BTreeMap<String, Place>,
}

/// The variable of a setting: `ROOMCAST__SECTION__KEY`.
pub(super) fn variable(key: &str) -> String {
    format!("{ENV_PREFIX}{}", key.replace('.', SEPARATOR).to_uppercase())
}

/// The variables of this process that are ours.
pub(super) fn process_environment() -> Result<Vec<(String, String)>, SettingsError> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    ours(std::env::vars_os())
}

/// The variables that are ours. Names and values of others need not even be text.
fn ours(all: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<(String, String)>, SettingsError> {
    let mut ours = Vec::new();
    for (name, value) in all {
        let Some(name) = name.to_str().filter(|name| *name == ENV_CONFIG || name.starts_with(ENV_PREFIX)) else {
            continue;
        };
        let value = value.into_string().map_err(|_| Problem::Mistyped {
            key: key_of(name),
            place: Place::Environment(name.into()),
            expected: "text in UTF-8".into(),
            found: "other bytes".into(),
        })?;
        ours.push((name.to_owned(), value));
    }
    Ok(ours)
}

/// `ROOMCAST__LOG__LEVEL` as `log.level`.
fn key_of(variable: &str) -> String {
    let path = variable.strip_prefix(ENV_PREFIX).unwrap_or(variable);
    path.to_lowercase().replace(SEPARATOR, ".")
}

/// Sets `section.key` of the file's table, marked with the name of the variable that it came from.
fn set(table: &mut Map<String, Value>, variable: &str, text: String) {
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

pub(super) fn load(
    config: Option<&Path>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, SettingsError> {
    let env: BTreeMap<String, String> = env.into_iter().collect();
    let named = env.get(ENV_CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from);
    let file = config.map(Path::to_owned).or(named);
    let source = file.as_deref().map(source).transpose()?;
    merge(file, source, env)
}

/// The text of a settings file.
pub(super) type Text = File<config::FileSourceString, FileFormat>;

/// What the sources say together: `text` is what stands in `file`.
pub(super) fn merge(
    file: Option<PathBuf>,
    text: Option<Text>,
    env: BTreeMap<String, String>,
) -> Result<Loaded, SettingsError> {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(reference::entries);
    static KNOWN: LazyLock<Vec<String>> = LazyLock::new(|| known(&ENTRIES));
    let mut reader = Reader::new(file.clone(), &KNOWN);
    // Collected, not built by `config`: that takes keys for paths, and `"a[999999999]"` for a list so long.
    let collected = text.map(|text| text.collect()).transpose();
    let mut table = collected.map_err(|error| file_problem(file.as_deref(), &error))?.unwrap_or_default();
    for (name, value) in env.into_iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)) {
        match variable_problem(&name, &ENTRIES) {
            Some(problem) => reader.problems.push(problem),
            None => set(&mut table, &name, value),
        }
    }

    let settings = Settings::read_table(&mut reader, "", table);
    // Rules between settings make sense only once every single one is what its author meant.
    if reader.problems.is_empty() {
        check::relations(&settings, &mut reader);
    }
    SettingsError::check(reader.problems)?;
    Ok(Loaded { settings, file, set: reader.set })
}

fn source(path: &Path) -> Result<Text, Problem> {
    let problem = |why: String| Problem::File { path: path.to_owned(), why };
    let format = format_of(path).ok_or_else(|| problem("a settings file ends in .toml, .yaml or .yml".into()))?;
    let text = std::fs::read_to_string(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    Ok(File::from_str(&text, format))
}

/// What a file's name says that it is.
pub(super) fn format_of(path: &Path) -> Option<FileFormat> {
    match path.extension()?.to_str()? {
        "toml" => Some(FileFormat::Toml),
        "yaml" | "yml" => Some(FileFormat::Yaml),
        _ => None,
    }
}

fn file_problem(file: Option<&Path>, error: &ConfigError) -> Problem {
    let why = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    Problem::File { path: file.unwrap_or(Path::new("")).to_owned(), why: why.trim_end().to_owned() }
}

/// Every valid key, sections included.
fn known(entries: &[Entry]) -> Vec<String> {
    let key = |entry: &Entry| match entry {
        Entry::Section { key, .. } => key.trim_end_matches("[]").to_owned(),
        Entry::Setting(row) => row.key.clone(),
    };
    entries.iter().map(key).collect()
}

/// What is wrong with a variable's name, if something is.
fn variable_problem(name: &str, entries: &[Entry]) -> Option<Problem> {
    let variables: Vec<(&str, &str)> = entries.iter().filter_map(settable).collect();
    let key = key_of(name);
    if variables.iter().any(|(known, _)| *known == key) {
        return None;
    }
    let place = Place::Environment(name.to_owned());
    let list = |entry: &&Entry| match entry {
        Entry::Section { key: list, .. } => {
            list.strip_suffix("[]").is_some_and(|list| key == list || key.starts_with(&format!("{list}.")))
        }
        Entry::Setting(_) => false,
    };
    if entries.iter().any(|entry| list(&entry)) {
        let why = "a list of tables: only a file can hold it".into();
        return Some(Problem::Invalid { key, place, why });
    }
    let nearest = suggest::nearest(&key, variables.iter().map(|(known, _)| *known)).unwrap_or_default();
    Some(Problem::UnknownKey { nearest: variable(nearest), key, place })
}

fn settable(entry: &Entry) -> Option<(&str, &str)> {
    match entry {
        Entry::Setting(row) => row.env.as_deref().map(|variable| (row.key.as_str(), variable)),
        Entry::Section { .. } => None,
    }
}

#[cfg(test)]
mod tests;
