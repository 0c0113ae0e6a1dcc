//! The order of the sources: defaults, the file, the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, File, FileFormat, ValueKind};

use super::check;
use super::error::{Place, Problem, SettingsError};
use super::lines::Lines;
use super::reader::Reader;
use super::reference;
use super::section::{Entry, Section};
use super::sections::Settings;
use super::variables::{self, ENV_CONFIG, ENV_PREFIX, Variable};

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

pub(super) fn load(
    config: Option<&Path>,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<Loaded, SettingsError> {
    let env: BTreeMap<String, String> = env.into_iter().filter(|(name, _)| name.starts_with("ROOMCAST_")).collect();
    let named = env.get(ENV_CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from);
    let file = config.map(Path::to_owned).or(named);

    let entries = reference::entries();
    let mut reader = Reader::new(known(&entries));
    let mut builder = Config::builder();
    if let Some(path) = &file {
        let (text, format) = read(path)?;
        reader.file = Some((path.clone(), Lines::of(&text, format)));
        builder = builder.add_source(File::from_str(&text, format));
    }
    for (name, value) in env.into_iter().filter(|(name, _)| name != ENV_CONFIG) {
        match variables::problem(&name, &entries) {
            Some(problem) => reader.problems.push(problem),
            None if name.starts_with(ENV_PREFIX) => builder = builder.add_source(Variable { name, value }),
            None => {}
        }
    }
    let merged = builder.build().map_err(|error| file_problem(file.as_deref(), &error))?;

    let settings = match merged.cache.kind {
        ValueKind::Table(table) => Settings::read_table(&mut reader, "", table),
        _ => Settings::default(),
    };
    // Rules between settings make sense only once every single one is what its author meant.
    if reader.problems.is_empty() {
        check::relations(&settings, &mut reader);
    }
    SettingsError::check(reader.problems)?;
    Ok(Loaded { settings, file, set: reader.set })
}

fn read(path: &Path) -> Result<(String, FileFormat), Problem> {
    let problem = |why: String| Problem::File { path: path.to_owned(), why };
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => FileFormat::Toml,
        Some("yaml" | "yml") => FileFormat::Yaml,
        _ => return Err(problem("a settings file ends in .toml, .yaml or .yml".into())),
    };
    let text = std::fs::read_to_string(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    Ok((text, format))
}

fn file_problem(file: Option<&Path>, error: &ConfigError) -> Problem {
    let why = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    Problem::File { path: file.unwrap_or(Path::new("")).to_owned(), why: unquoted(&why) }
}

/// What a parser says, in one line and without the lines of the file that it quotes: one may hold a secret.
fn unquoted(why: &str) -> String {
    let quotes = |line: &&str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    why.trim_end().lines().filter(|line| !quotes(line)).collect::<Vec<_>>().join(": ")
}

/// Every valid key, sections included.
fn known(entries: &[Entry]) -> Vec<String> {
    let key = |entry: &Entry| match entry {
        Entry::Section { key, .. } => key.trim_end_matches("[]").to_owned(),
        Entry::Setting(row) => row.key.clone(),
    };
    entries.iter().map(key).collect()
}

#[cfg(test)]
pub(super) mod tests;
