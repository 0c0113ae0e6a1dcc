//! A value that came, in JSON or in msgpack: the first byte of a payload decides which.
//!
//! Deliberately absent: what the fields of a message are called.

use std::fmt;

use bytes::Bytes;
use rmpv::ValueRef;
use roomcast_core::publication::Payload;
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::msgpack::Binary;
use super::{Unreadable, json, msgpack};

/// A value of a payload.
#[derive(Clone, Debug)]
pub(super) enum Item<'a> {
    Json(&'a RawValue),
    Pack(ValueRef<'a>),
}

/// The members of an object.
#[derive(Debug)]
pub(super) struct Fields<'a>(Vec<(String, Item<'a>)>);

/// Reads a payload and hands it to `then`.
pub(super) fn read<T>(payload: &[u8], then: impl FnOnce(Item<'_>) -> Result<T, Unreadable>) -> Result<T, Unreadable> {
    if matches!(payload.first(), Some(b'{' | b'[')) {
        let text = String::from_utf8_lossy(payload);
        let raw: &RawValue = serde_json::from_str(&text).map_err(|_| Unreadable::Malformed)?;
        then(Item::Json(raw))
    } else {
        then(Item::Pack(msgpack::read(payload)?))
    }
}

impl<'a> Item<'a> {
    /// The members of an object.
    pub(super) fn fields(self) -> Option<Fields<'a>> {
        match self {
            Self::Json(raw) => {
                let mut members = serde_json::Deserializer::from_str(raw.get());
                members.deserialize_map(Members).ok()
            }
            Self::Pack(ValueRef::Map(members)) => {
                let named = members.into_iter().filter_map(|(key, value)| match key {
                    ValueRef::String(key) => Some((msgpack::lossy(&key).into_owned(), Self::Pack(value))),
                    _ => None,
                });
                Some(Fields(named.collect()))
            }
            Self::Pack(_) => None,
        }
    }

    /// The elements of an array.
    pub(super) fn list(self) -> Option<Vec<Self>> {
        match self {
            Self::Json(raw) => {
                let items: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
                Some(items.into_iter().map(Self::Json).collect())
            }
            Self::Pack(ValueRef::Array(items)) => Some(items.into_iter().map(Self::Pack).collect()),
            Self::Pack(_) => None,
        }
    }

    /// A string.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Json(raw) => json::to_text(raw.get()),
            Self::Pack(ValueRef::String(text)) => Some(msgpack::lossy(text).into_owned()),
            Self::Pack(_) => None,
        }
    }

    /// A string, or a number as JavaScript makes it one.
    pub(super) fn name(&self) -> Option<String> {
        self.text().or_else(|| match self.number()? {
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::F32(number) => msgpack::number(f64::from(number)),
            ValueRef::F64(number) => msgpack::number(number),
            _ => None,
        })
    }

    /// A whole number that is not negative.
    pub(super) fn integer(&self) -> Option<u64> {
        // `2` may have come as the float 2.0.
        self.number().and_then(|_| self.name()).and_then(|name| name.parse().ok())
    }

    fn number(&self) -> Option<ValueRef<'a>> {
        match self {
            Self::Json(raw) if raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                match json::to_number(raw.get())? {
                    rmpv::Value::Integer(number) => Some(ValueRef::Integer(number)),
                    rmpv::Value::F64(number) => Some(ValueRef::F64(number)),
                    _ => None,
                }
            }
            Self::Pack(number @ (ValueRef::Integer(_) | ValueRef::F32(_) | ValueRef::F64(_))) => Some(number.clone()),
            _ => None,
        }
    }

    /// Whether it is `true`, or a number that JavaScript takes for it.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Json(raw) if raw.get() == "true" => true,
            Self::Pack(ValueRef::Boolean(value)) => *value,
            _ => self.integer().is_some_and(|number| number > 0),
        }
    }

    /// Whether it stands for nothing: no value, an empty string, array or object.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Json(raw) => raw.get() == "null" || raw.get() == r#""""# || self.has_no_items(),
            Self::Pack(ValueRef::Nil) => true,
            Self::Pack(ValueRef::String(text)) => text.as_bytes().is_empty(),
            Self::Pack(ValueRef::Array(items)) => items.is_empty(),
            Self::Pack(ValueRef::Map(members)) => members.is_empty(),
            Self::Pack(_) => false,
        }
    }

    fn has_no_items(&self) -> bool {
        let list = self.clone().list().is_some_and(|items| items.is_empty());
        list || self.clone().fields().is_some_and(|fields| fields.0.is_empty())
    }

    /// An event: `[name,arg,…]`.
    pub(super) fn event(self) -> Result<Payload, Unreadable> {
        let payload = match self {
            Self::Json(raw) => Payload::from_data(raw.get(), Vec::new()),
            Self::Pack(value) => {
                let (text, attachments) = msgpack::to_json(&value, Binary::Attach)?;
                Payload::from_data(&text, attachments)
            }
        };
        payload.map_err(|_| Unreadable::Payload)
    }

    /// JSON text in placeholder form, and the binary values.
    pub(super) fn value(&self) -> Result<(String, Vec<Bytes>), Unreadable> {
        match self {
            Self::Json(_) => Ok((self.spelled()?, Vec::new())),
            Self::Pack(value) => msgpack::to_json(value, Binary::Attach),
        }
    }

    /// JSON text, binary values written as `JSON.stringify` does.
    pub(super) fn spelled(&self) -> Result<String, Unreadable> {
        match self {
            Self::Json(raw) => {
                // No deeper than what is passed on.
                json::to_value(raw.get(), &[]).ok_or(Unreadable::Payload)?;
                Ok(raw.get().to_owned())
            }
            Self::Pack(value) => msgpack::to_json(value, Binary::Spell).map(|(text, _)| text),
        }
    }

    /// Whether it is an array.
    pub(super) fn is_list(&self) -> bool {
        match self {
            Self::Json(raw) => raw.get().starts_with('['),
            Self::Pack(value) => matches!(value, ValueRef::Array(_)),
        }
    }
}

impl<'a> Fields<'a> {
    /// Takes a member out; of several of one name the last, as JavaScript does.
    pub(super) fn take(&mut self, name: &str) -> Option<Item<'a>> {
        let index = self.0.iter().rposition(|(key, _)| key == name)?;
        Some(self.0.remove(index).1)
    }

    /// Takes a string out.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.take(name)?.text()
    }

    /// Takes a whole number out.
    pub(super) fn integer(&mut self, name: &str) -> Option<u64> {
        self.take(name)?.integer()
    }

    /// Takes an object out; an empty one if it is none.
    pub(super) fn fields(&mut self, name: &str) -> Self {
        self.take(name).and_then(Item::fields).unwrap_or(Fields(Vec::new()))
    }
}

struct Members;

impl<'a> Visitor<'a> for Members {
    type Value = Fields<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Fields<'a>, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &'a RawValue>()? {
            members.push((key, Item::Json(value)));
        }
        Ok(Fields(members))
    }
}
