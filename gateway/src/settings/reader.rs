//! Walks the merged sources, section by section, and collects every fault it meets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::{Map, Value, ValueKind};

use super::error::{Place, Problem};
use super::suggest;

/// The state of one walk.
pub(super) struct Reader {
    file: Option<PathBuf>,
    known: &'static [String],
    /// What is wrong so far.
    pub(super) problems: Vec<Problem>,
    /// Which keys somebody set, and where.
    pub(super) set: BTreeMap<String, Place>,
}

impl Reader {
    /// `known`: every valid key, sections included, list elements as `section[].key`.
    pub(super) fn new(file: Option<PathBuf>, known: &'static [String]) -> Self {
        Self { file, known, problems: Vec::new(), set: BTreeMap::new() }
    }

    /// Where a value came from: the environment marks its values with the variable's name.
    pub(super) fn place(&self, value: &Value) -> Place {
        match (value.origin(), &self.file) {
            (Some(variable), _) => Place::Environment(variable.into()),
            (None, Some(file)) => Place::File(file.clone()),
            (None, None) => Place::Default,
        }
    }

    /// Where the value of `key` came from.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.set.get(key).cloned().unwrap_or(Place::Default)
    }

    pub(super) fn note(&mut self, key: &str, value: &Value) {
        let place = self.place(value);
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
        let place = self.place(value);
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
            let place = self.place(&value);
            let nearest = self.nearest(&key);
            self.problems.push(Problem::UnknownKey { key, place, nearest: format!("{nearest:?}") });
        }
    }

    /// The nearest valid key, with the index of the list element put back.
    fn nearest(&self, key: &str) -> String {
        let (general, index) = match (key.find('['), key.find(']')) {
            (Some(from), Some(to)) if from < to => {
                (format!("{}[]{}", &key[..from], &key[to + 1..]), key[from..=to].to_owned())
            }
            _ => (key.to_owned(), "[]".to_owned()),
        };
        let nearest = suggest::nearest(&general, self.known.iter().map(String::as_str));
        nearest.unwrap_or_default().replace("[]", &index)
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
