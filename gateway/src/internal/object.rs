//! Reading JSON strictly: an object's fields by name, each as the text it came in, so that
//! errors name the path and unknown fields are refused.
//!
//! Deliberately absent: documents as trees, and serde's derived readers, which cannot
//! name the field that they do not know.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::problem::{Code, Problem};

/// One field that was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    parent: &'static str,
    name: &'static str,
    raw: &'a RawValue,
}

/// The fields of the object `text` that are `known`, in that order.
///
/// `parent` is the path of the object, empty for the document itself.
pub(super) fn fields<'a, const N: usize>(
    text: &'a str,
    parent: &'static str,
    known: [&'static str; N],
) -> Result<[Option<Field<'a>>; N], Problem> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer
        .deserialize_map(Fields { known: &known })
        .and_then(|read| deserializer.end().map(|()| read))
        .map_err(|error| {
            if error.is_data() {
                let problem = Problem::new(Code::InvalidRequest, "expected an object");
                if parent.is_empty() { problem } else { problem.at(parent) }
            } else {
                Problem::new(Code::InvalidRequest, format!("not JSON: {error}"))
            }
        })?;
    let found = read.map_err(|fault| match fault {
        Fault::Unknown(name) => Problem::unsupported(path(parent, &name)),
        Fault::Twice(name) => Problem::invalid(path(parent, name), "given twice"),
    })?;
    let mut names = known.into_iter();
    Ok(found.map(|raw| {
        let name = names.next().unwrap_or_default();
        raw.map(|raw| Field { parent, name, raw })
    }))
}

/// The elements of the array `text`. Of more than `most` one more is kept, for the caller to
/// see it: a short element costs a caller far more memory than it has bytes.
pub(super) fn elements(text: &str, most: usize) -> Result<Vec<&RawValue>, Problem> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer.deserialize_seq(Elements { most }).and_then(|read| deserializer.end().map(|()| read));
    read.map_err(|error| {
        let detail = if error.is_data() { "expected an array".into() } else { format!("not JSON: {error}") };
        Problem::new(Code::InvalidRequest, detail)
    })
}

struct Elements {
    most: usize,
}

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(element) = seq.next_element()? {
            if found.len() <= self.most {
                found.push(element);
            }
        }
        Ok(found)
    }
}

fn path(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.into() } else { format!("{parent}.{name}") }
}

impl<'a> Field<'a> {
    /// JSON path of the field.
    pub(super) fn path(&self) -> String {
        path(self.parent, self.name)
    }

    /// Its text.
    pub(super) fn text(&self) -> &'a str {
        self.raw.get()
    }

    /// Its text, known to be JSON.
    pub(super) fn raw(&self) -> &'a RawValue {
        self.raw
    }

    /// The field is not what it has to be.
    pub(super) fn invalid(&self, detail: impl Into<String>) -> Problem {
        Problem::invalid(self.path(), detail)
    }

    pub(super) fn string(&self) -> Result<Cow<'a, str>, Problem> {
        string(self.raw).ok_or_else(|| self.invalid("expected a string"))
    }

    /// A string of 1 to `bytes_max` bytes.
    pub(super) fn name(&self, bytes_max: usize) -> Result<Cow<'a, str>, Problem> {
        self.string().and_then(|text| {
            let fits = (1..=bytes_max).contains(&text.len());
            fits.then_some(text).ok_or_else(|| self.invalid(format!("expected 1 to {bytes_max} bytes")))
        })
    }

    /// Strings; of more than `most` one more, for the caller to see it.
    pub(super) fn strings(&self, most: usize) -> Result<Vec<Cow<'a, str>>, Problem> {
        let Ok(items) = elements(self.raw.get(), most) else {
            return Err(self.invalid("expected an array of strings"));
        };
        let read = |(index, item)| {
            string(item).ok_or_else(|| Problem::invalid(format!("{}[{index}]", self.path()), "expected a string"))
        };
        items.into_iter().enumerate().map(read).collect()
    }

    pub(super) fn boolean(&self) -> Result<bool, Problem> {
        match self.raw.get() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.invalid("expected true or false")),
        }
    }

    /// A whole number from `least` to `most`, however it is written: JSON has one kind of number,
    /// and some languages write `1.0`.
    pub(super) fn number(&self, least: u64, most: u64) -> Result<u64, Problem> {
        let text = self.raw.get();
        let number = text.parse().ok().or_else(|| whole(text));
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.invalid(format!("expected a whole number from {least} to {most}")))
    }
}

/// The number that a text with a fraction or an exponent is, if it is whole.
fn whole(text: &str) -> Option<u64> {
    let number: f64 = text.parse().ok()?;
    if number.fract() == 0.0 { format!("{number:.0}").parse().ok() } else { None }
}

/// The string that a value is.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw.get()).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

enum Fault {
    Unknown(String),
    Twice(&'static str),
}

struct Fields<'k, const N: usize> {
    known: &'k [&'static str; N],
}

impl<'de, const N: usize> Visitor<'de> for Fields<'_, N> {
    type Value = Result<[Option<&'de RawValue>; N], Fault>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        let mut fault = None;
        while let Some(key) = map.next_key_seed(Key { known: self.known })? {
            let value: &RawValue = map.next_value()?;
            match key {
                Ok(index) => {
                    let twice = found.get_mut(index).and_then(|slot| slot.replace(value));
                    if let (Some(_), Some(name)) = (twice, self.known.get(index)) {
                        fault.get_or_insert(Fault::Twice(name));
                    }
                }
                Err(name) => {
                    fault.get_or_insert(Fault::Unknown(name));
                }
            }
        }
        Ok(fault.map_or(Ok(found), Err))
    }
}

/// A key: its index among the known ones, or its text.
#[derive(Clone, Copy)]
struct Key<'k> {
    known: &'k [&'static str],
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Result<usize, String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Result<usize, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.known.iter().position(|name| *name == key).ok_or_else(|| key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_the_order_asked_for() {
        let [a, b, c] = fields(r#" {"b":[1, 2],"\u0061":"x\ny"} "#, "", ["a", "b", "c"]).expect("valid");
        assert_eq!(a.map(|a| a.string()), Some(Ok("x\ny".into())));
        assert_eq!(b.map(|b| b.text()), Some("[1, 2]"));
        assert!(c.is_none());
    }

    #[test]
    fn no_more_is_kept_than_shows_that_there_is_too_much() {
        assert_eq!(elements("[1,2]", 2).map(|found| found.len()), Ok(2));
        assert_eq!(elements("[1,2,3,4,5]", 2).map(|found| found.len()), Ok(3));
        assert!(elements("[1,2,3,4,x]", 2).is_err() && elements("[1] 2", 2).is_err(), "the rest is read too");
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let read = |text: &str| {
            let [a] = fields(text, "", ["a"]).expect("valid");
            a.expect("given").number(1, 2000).ok()
        };
        for (text, number) in [("1", 1), ("1.0", 1), ("2e3", 2000), ("1200.00", 1200)] {
            assert_eq!(read(&format!("{{\"a\":{text}}}")), Some(number), "{text}");
        }
        for text in ["1.5", "0.0", "-1.0", "2001.0", "1e-1", "1e300", "1e999", "\"1\"", "true"] {
            assert_eq!(read(&format!("{{\"a\":{text}}}")), None, "{text}");
        }
    }

    #[test]
    fn errors_name_the_path() {
        let field = |text| fields(text, "to", ["a"]).err().map(|problem| problem.document());
        let says = |text, what: &str| {
            assert!(field(text).is_some_and(|document| document.contains(what)), "{text}: {what}");
        };
        says(r#"{"z":1}"#, r#""code":"unsupported_field""#);
        says(r#"{"z":1}"#, r#""field":"to.z""#);
        says(r#"{"a":1,"a":2}"#, "given twice");
        says("[]", "expected an object");
        says("{", "not JSON");
        says("{} x", "not JSON");
        let [a] = fields(r#"{"a":["x",1]}"#, "to", ["a"]).expect("valid");
        let problem = a.expect("given").strings(9).expect_err("a number");
        assert!(problem.document().contains("to.a[1]"));
    }
}
