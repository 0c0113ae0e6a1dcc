//! What is wrong with the settings, in words that stay the same.
//!
//! Deliberately absent: the values of secrets, and exit codes (the binary's business).

use std::fmt;
use std::path::PathBuf;

use super::suggest::Hint;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nobody set it.
    Default,
    /// The settings file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line of the key, counted from 1, where that can be told.
        line: Option<usize>,
    },
    /// The environment variable of this name.
    Environment(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the defaults"),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The file cannot be read, or is neither TOML nor YAML.
    File {
        /// The file.
        path: PathBuf,
        /// What the system or the parser says.
        why: String,
    },
    /// A key that no setting has.
    UnknownKey {
        /// The key as it was written, `section.key`.
        key: String,
        /// Where it stands.
        place: Place,
        /// What it may mean instead: the nearest valid keys, or those of the section.
        advice: String,
    },
    /// A variable that looks like a setting, but does not begin with `ROOMCAST__`.
    NoVariable {
        /// Its name.
        name: String,
        /// The variable that it is near.
        nearest: String,
    },
    /// A value of the wrong type.
    Mistyped {
        /// The key, `section.key`.
        key: String,
        /// Where it stands.
        place: Place,
        /// What belongs there.
        expected: String,
        /// What is there; a secret's kind only.
        found: String,
    },
    /// A value of the right type that is out of range, or does not fit the other settings.
    Invalid {
        /// The key, `section.key`.
        key: String,
        /// Where it stands.
        place: Place,
        /// What it must be.
        why: String,
    },
    /// A setting that is needed and absent.
    Missing {
        /// The key, `section.key`.
        key: String,
        /// Why it is needed, and the way around it.
        why: String,
    },
}

impl Problem {
    /// A key that no setting has; the keys of the hint are in the form that fits the place.
    pub(super) fn unknown_key(key: String, place: Place, hint: Hint) -> Self {
        let advice = match hint {
            Hint::Near(keys) if keys.len() == 1 => format!("the nearest valid key is {}", keys.concat()),
            Hint::Near(keys) => format!("the nearest valid keys are {}", keys.join(" and ")),
            Hint::Valid(section, keys) if section.is_empty() => {
                format!("no valid key is near; the sections are {}", keys.join(", "))
            }
            Hint::Valid(section, keys) => format!("no valid key is near; {section} has {}", keys.join(", ")),
        };
        Self::UnknownKey { key, place, advice }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, why } => write!(f, "{}: {why}", path.display()),
            Self::UnknownKey { key, place, advice } => write!(f, "unknown key {key:?} in {place}: {advice}"),
            Self::NoVariable { name, nearest } => {
                write!(f, "environment variable {name} is not read: the nearest valid one is {nearest}")
            }
            Self::Mistyped { key, place, expected, found } => {
                write!(f, "{key} in {place}: expected {expected}, found {found}")
            }
            Self::Invalid { key, place, why } => write!(f, "{key} in {place}: {why}"),
            Self::Missing { key, why } => write!(f, "{key} is missing: {why}"),
        }
    }
}

/// Why the settings cannot be used: at least one problem, each on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    problems: Vec<Problem>,
}

impl SettingsError {
    pub(super) fn check(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }

    /// Everything that was found, in the order of the settings.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
