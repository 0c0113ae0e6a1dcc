//! Walks the merged sources, section by section, and collects every fault it meets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::{Map, Value, ValueKind};

use super::error::{Place, Problem};
use super::lines::Lines;
use super::suggest::{self, Hint};

/// The state of one walk.
pub(super) struct Reader {
    /// The settings file, and where its keys stand.
    pub(super) file: Option<(PathBuf, Lines)>,
    known: &'static [String],
    /// What is wrong so far.
    pub(super) problems: Vec<Problem>,
    /// Which keys somebody set, and where.
    pub(super) set: BTreeMap<String, Place>,
}

impl Reader {
    /// `known`: every valid key, sections included, list elements as `section[].key`.
    pub(super) fn new(known: &'static [String]) -> Self {
        Self { file: None, known, problems: Vec::new(), set: BTreeMap::new() }
    }

    /// Where the value of `key` came from: the environment marks its values with the variable's name.
    fn place(&self, key: &str, value: &Value) -> Place {
        match (value.origin(), &self.file) {
            (Some(variable), _) => Place::Environment(variable.into()),
            (None, Some((path, lines))) => Place::File { path: path.clone(), line: lines.get(key) },
            (None, None) => Place::Default,
        }
    }

    /// The same for a key that was read.
    fn place_of(&self, key: &str) -> Place {
        self.set.get(key).cloned().unwrap_or(Place::Default)
    }

    pub(super) fn note(&mut self, key: &str, value: &Value) {
        let place = self.place(key, value);
        self.set.insert(key.into(), place);
    }

    /// Reports a value of the wrong type; `None` so that callers can return it.
    pub(super) fn mistyped<T>(&mut self, key: &str, expected: &str, value: &Value) -> Option<T> {
        let found = match &value.kind {
            ValueKind::String(text) => format!("the text {text:?}"),
            ValueKind::Boolean(b) => format!("{b}"),
            ValueKind::Float(_) | ValueKind::I64(_) | ValueKind::U64(_) | ValueKind::I128(_) | ValueKind::U128(_) => {
                format!("the number {value}")
            }
            _ => kind(value).into(),
        };
        self.mistyped_as(key, expected, value, found)
    }

    /// The same for secrets: says the kind of what was found and nothing more.
    pub(super) fn mistyped_secret<T>(&mut self, key: &str, expected: &str, value: &Value) -> Option<T> {
        self.mistyped_as(key, expected, value, kind(value).into())
    }

    fn mistyped_as<T>(&mut self, key: &str, expected: &str, value: &Value, found: String) -> Option<T> {
        let place = self.place(key, value);
        self.problems.push(Problem::Mistyped { key: key.into(), place, expected: expected.into(), found });
        None
    }

    /// Reports a value that is out of range or does not fit the others.
    pub(super) fn invalid(&mut self, key: &str, why: impl Into<String>) {
        let place = self.place_of(key);
        self.problems.push(Problem::Invalid { key: key.into(), place, why: why.into() });
    }

    /// Reports a setting that is needed and absent.
    pub(super) fn missing(&mut self, key: &str, why: impl Into<String>) {
        self.problems.push(Problem::Missing { key: key.into(), why: why.into() });
    }

    /// Reports every key that is left over of a section.
    pub(super) fn unknown(&mut self, left: Map<String, Value>, path: impl Fn(&str) -> String) {
        let left: BTreeMap<_, _> = left.into_iter().collect();
        for (name, value) in left {
            let key = path(&name);
            let place = self.place(&key, &value);
            let hint = self.hint(&key);
            self.problems.push(Problem::unknown_key(key, place, hint));
        }
    }

    /// What to say of an unknown key, with the index of the list element put back.
    fn hint(&self, key: &str) -> Hint {
        let (general, index) = match (key.find('['), key.find(']')) {
            (Some(from), Some(to)) if from < to => {
                (format!("{}[]{}", &key[..from], &key[to + 1..]), key[from..=to].to_owned())
            }
            _ => (key.to_owned(), "[]".to_owned()),
        };
        match suggest::hint(&general, self.known.iter().map(String::as_str)) {
            Hint::Near(keys) => Hint::Near(keys.iter().map(|key| format!("{:?}", key.replace("[]", &index))).collect()),
            Hint::Valid(section, keys) => Hint::Valid(section.replace("[]", &index), keys),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value.kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
        ValueKind::String(_) => "text",
        _ => "a number",
    }
}
