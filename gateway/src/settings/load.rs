//! The order of the sources: defaults, the file, the environment.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use config::{ConfigError, File, FileFormat, FileSourceString, Map, Source as _};

use super::aliases;
use super::check;
use super::error::{Place, Problem, SettingsError};
use super::lines::Lines;
use super::reader::Reader;
use super::reference;
use super::section::{Entry, Section};
use super::sections::Settings;
use super::variables::{self, ENV_CONFIG, ENV_PREFIX};
use crate::limits::SETTINGS_BYTES_MAX;

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

    let text = file.as_deref().map(read).transpose()?;
    merge(file.zip(text), env)
}

/// What the sources say together: defaults, the text of a file, variables.
pub(super) fn merge(
    source: Option<(PathBuf, (String, FileFormat))>,
    env: BTreeMap<String, String>,
) -> Result<Loaded, SettingsError> {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(reference::entries);
    static KNOWN: LazyLock<Vec<String>> = LazyLock::new(|| known(&ENTRIES));
    let mut reader = Reader::new(&KNOWN);
    let (mut table, mut file) = (Map::new(), None);
    if let Some((path, (text, format))) = source {
        // Editors of some systems begin every text with this mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if let Some((line, name)) = aliases::first(text).filter(|_| format == FileFormat::Yaml) {
            let why = format!("line {line}: aliases such as *{name} are not read: write out what it stands for");
            return Err(Problem::File { path, why }.into());
        }
        // Collected, not built by `config`: that takes keys for paths, and `"a[999999999]"` for a list so long.
        let source: File<FileSourceString, FileFormat> = File::from_str(text, format);
        table = source.collect().map_err(|error| file_problem(&path, &error))?;
        reader.file = Some((path.clone(), Lines::of(text, format)));
        file = Some(path);
    }
    for (name, value) in env.into_iter().filter(|(name, _)| name != ENV_CONFIG) {
        match variables::problem(&name, &ENTRIES) {
            Some(problem) => reader.problems.push(problem),
            None if name.starts_with(ENV_PREFIX) => variables::set(&mut table, &name, value),
            None => {}
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

fn read(path: &Path) -> Result<(String, FileFormat), Problem> {
    let problem = |why: String| Problem::File { path: path.to_owned(), why };
    let format = format_of(path).ok_or_else(|| problem("a settings file ends in .toml, .yaml or .yml".into()))?;
    let text = bounded(path).map_err(|error| problem(format!("cannot be read: {error}")))?;
    if text.len() as u64 > SETTINGS_BYTES_MAX {
        return Err(problem(format!("a settings file has at most {SETTINGS_BYTES_MAX} bytes")));
    }
    Ok((text, format))
}

/// The text of a file, or more of it than a settings file may have. Pipes and devices need not end, and
/// opening one may wait for ever.
fn bounded(path: &Path) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(SETTINGS_BYTES_MAX + 1).read_to_end(&mut text)?;
    String::from_utf8(text).map_err(|_| io::Error::other("it is not text in UTF-8"))
}

/// What a file's name says that it is.
pub(super) fn format_of(path: &Path) -> Option<FileFormat> {
    match path.extension()?.to_str()? {
        "toml" => Some(FileFormat::Toml),
        "yaml" | "yml" => Some(FileFormat::Yaml),
        _ => None,
    }
}

fn file_problem(file: &Path, error: &ConfigError) -> Problem {
    let why = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    Problem::File { path: file.to_owned(), why: unquoted(&why) }
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
