//! The fields of one JSON object as borrowed raw text, and how to read them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Every field that any command has.
const NAMES: [&str; 8] = ["type", "id", "room", "rooms", "event", "args", "attachments", "token"];

/// Characters of a client's text that an error message repeats at most.
const REPEATED_CHARS_MAX: usize = 64;

/// A string that borrows from the frame unless it has escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What an object holds, in memory that does not grow with the number of its fields.
#[derive(Default)]
pub(super) struct Fields<'a> {
    /// In the order of [`NAMES`].
    values: [Option<&'a RawValue>; NAMES.len()],
    /// The first field that no command has.
    pub(super) unknown: Option<Cow<'a, str>>,
    /// The first known field that came a second time; `id` before all others.
    pub(super) twice: Option<&'static str>,
}

impl<'a> Fields<'a> {
    /// The raw text of a field.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = NAMES.iter().zip(&self.values).find(|(known, _)| **known == name);
        found.and_then(|(_, value)| *value)
    }

    /// Names of the known fields that are there.
    pub(super) fn present(&self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().zip(&self.values).filter(|(_, value)| value.is_some()).map(|(name, _)| *name)
    }

    fn take(&mut self, name: Cow<'a, str>, value: &'a RawValue) {
        let slot = NAMES.iter().zip(&mut self.values).find(|(known, _)| **known == name);
        match slot {
            None => {
                self.unknown.get_or_insert(name);
            }
            Some((_, slot @ None)) => *slot = Some(value),
            // An `id` that came twice can not be repeated in the answer, whatever else is wrong.
            Some((known @ &"id", _)) => self.twice = Some(known),
            Some((known, _)) => {
                self.twice.get_or_insert(known);
            }
        }
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some((key, value)) = map.next_entry::<&RawValue, _>()? {
                    // Half a surrogate pair is JSON, and the name of no field.
                    let name = text(key).unwrap_or(Cow::Borrowed(key.get()));
                    fields.take(name, value);
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The value of a JSON string; `None` for anything else, and for half a surrogate pair.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|Text(text)| text)
}

/// Why a value is not a list of strings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ListError {
    /// Something else, or something else in it.
    NotStrings,
    /// More than were allowed.
    TooMany,
}

/// The values of a JSON array of at most `max` strings.
pub(super) fn texts(raw: &RawValue, max: usize) -> Result<Vec<Cow<'_, str>>, ListError> {
    let mut json = serde_json::Deserializer::from_str(raw.get());
    match json.deserialize_seq(Strings(max)) {
        Err(_) => Err(ListError::NotStrings),
        Ok(None) => Err(ListError::TooMany),
        Ok(Some(texts)) => Ok(texts),
    }
}

/// Reads up to so many strings; `None` if there are more items.
struct Strings(usize);

impl<'de> Visitor<'de> for Strings {
    type Value = Option<Vec<Cow<'de, str>>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while texts.len() < self.0 {
            match seq.next_element()? {
                Some(Text(text)) => texts.push(text),
                None => return Ok(Some(texts)),
            }
        }
        let mut more = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            more = true;
        }
        Ok((!more).then_some(texts))
    }
}

/// The beginning of a client's text, for a message.
pub(super) fn short(text: &str) -> &str {
    let end = text.char_indices().nth(REPEATED_CHARS_MAX).map(|(at, _)| at);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}
