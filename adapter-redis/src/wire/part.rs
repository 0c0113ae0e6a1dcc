//! A value that goes, in JSON or in msgpack, built once for both.

use bytes::Bytes;
use rmpv::Value;
use roomcast_core::publication::Payload;
use roomcast_core::room::Room;
use serde_json::value::RawValue;

use super::json;

/// A value of a payload.
#[derive(Clone, Debug)]
pub(super) enum Part<'a> {
    Null,
    Bool(bool),
    Number(u64),
    Text(&'a str),
    Owned(String),
    List(Vec<Self>),
    Map(Vec<(&'a str, Self)>),
    /// JSON text in placeholder form, and its binary values.
    Json(&'a str, &'a [Bytes]),
}

impl<'a> Part<'a> {
    /// `[name,arg,…]`.
    pub(super) fn event(payload: &'a Payload) -> Self {
        Self::Json(payload.data(), payload.attachments())
    }

    /// JSON text that may not be any: then it is `null`, never a payload that nobody can read.
    pub(super) fn json(text: &'a str, attachments: &'a [Bytes]) -> Self {
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) => Self::Json(raw.get(), attachments),
            Err(_) => Self::Null,
        }
    }

    /// Names of rooms.
    pub(super) fn rooms(rooms: &'a [Room]) -> Self {
        Self::List(rooms.iter().map(|room| Self::Text(room.as_str())).collect())
    }

    /// Adds a member to an object.
    pub(super) fn with(mut self, name: &'a str, value: Self) -> Self {
        if let Self::Map(members) = &mut self {
            members.push((name, value));
        }
        self
    }

    /// Whether JSON cannot hold it.
    pub(super) fn has_binary(&self) -> bool {
        match self {
            Self::List(items) => items.iter().any(Self::has_binary),
            Self::Map(members) => members.iter().any(|(_, value)| value.has_binary()),
            Self::Json(text, attachments) => {
                !attachments.is_empty() && json::to_value(text, attachments).as_ref().is_some_and(holds_binary)
            }
            _ => false,
        }
    }

    /// Msgpack as notepack writes it.
    pub(super) fn to_msgpack(&self) -> Bytes {
        let mut bytes = Vec::new();
        // A `Vec` takes everything.
        let _ = rmpv::encode::write_value(&mut bytes, &self.value());
        bytes.into()
    }

    fn value(&self) -> Value {
        match self {
            Self::Null => Value::Nil,
            Self::Bool(value) => Value::Boolean(*value),
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => Value::from(*text),
            Self::Owned(text) => Value::from(text.as_str()),
            Self::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Self::Map(members) => {
                Value::Map(members.iter().map(|(name, value)| (Value::from(*name), value.value())).collect())
            }
            Self::Json(text, attachments) => json::to_value(text, attachments).unwrap_or(Value::Nil),
        }
    }

    /// JSON as `JSON.stringify` writes it. Of binary values only the placeholders.
    pub(super) fn to_json(&self) -> Bytes {
        let mut text = String::new();
        self.write(&mut text);
        text.into()
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(&number.to_string()),
            Self::Text(text) => quote(text, out),
            Self::Owned(text) => quote(text, out),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Self::Map(members) => {
                out.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    quote(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
            Self::Json(text, _) => out.push_str(text),
        }
    }
}

fn quote(text: &str, out: &mut String) {
    // Every string has a JSON text.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}

fn holds_binary(value: &Value) -> bool {
    match value {
        Value::Binary(_) => true,
        Value::Array(items) => items.iter().any(holds_binary),
        Value::Map(members) => members.iter().any(|(_, value)| holds_binary(value)),
        _ => false,
    }
}
