//! Msgpack values as JSON text, the way notepack and `JSON.stringify` make it.

use std::borrow::Cow;

use bytes::Bytes;
use rmpv::{Utf8StringRef, ValueRef};
use roomcast_core::publication::ATTACHMENTS_MAX;
use roomcast_core::socket_io::DEPTH_MAX;

use super::{Unreadable, dates};

/// Values around an event that are read with it, such as the message and its packet.
const ENVELOPE_DEPTH: usize = 4;
/// The extension that every msgpack has.
const TIMESTAMP: i8 = -1;
/// The extension of notepack before version 3: dates, `undefined`, binary values.
const NOTEPACK: i8 = 0;

/// Reads one value that takes up all bytes.
pub(super) fn read(mut bytes: &[u8]) -> Result<ValueRef<'_>, Unreadable> {
    // rmpv counts two for each level, and at most four for a value without levels.
    let depth = 2 * (DEPTH_MAX + ENVELOPE_DEPTH) + 4;
    let value = rmpv::decode::read_value_ref_with_max_depth(&mut bytes, depth);
    value.ok().filter(|_| bytes.is_empty()).ok_or(Unreadable::Malformed)
}

/// What becomes of binary values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    /// Placeholders, and the values apart.
    Attach,
    /// Objects, as `JSON.stringify` writes a `Buffer`.
    Spell,
}

/// JSON text of a value, and its binary values.
pub(super) fn to_json(value: &ValueRef<'_>, binary: Binary) -> Result<(String, Vec<Bytes>), Unreadable> {
    let mut writer = Writer { text: Vec::new(), attachments: Vec::new(), binary };
    writer.value(value, 0)?;
    let text = String::from_utf8(writer.text).map_err(|_| Unreadable::Malformed)?;
    Ok((text, writer.attachments))
}

/// A string that need not be UTF-8.
pub(super) fn lossy<'a>(text: &'a Utf8StringRef<'_>) -> Cow<'a, str> {
    String::from_utf8_lossy(text.as_bytes())
}

/// A number as JavaScript writes it.
pub(super) fn number(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let size = value.abs();
    Some(if size == 0.0 {
        "0".to_owned()
    } else if size >= 1e21 {
        format!("{value:e}").replace('e', "e+")
    } else if size < 1e-6 {
        format!("{value:e}")
    } else {
        value.to_string()
    })
}

/// Milliseconds of an extension that is a date; `None` for all others.
fn date(kind: i8, data: &[u8]) -> Option<i64> {
    let unsigned = |bytes: &[u8]| bytes.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    let (seconds, nanoseconds) = match (kind, data.len()) {
        (TIMESTAMP, 4) => (i64::try_from(unsigned(data)).ok()?, 0),
        (TIMESTAMP, 8) => {
            let both = unsigned(data);
            (i64::try_from(both & 0x3_ffff_ffff).ok()?, both >> 34)
        }
        (TIMESTAMP, 12) => {
            let (nanoseconds, seconds) = data.split_at_checked(4)?;
            (i64::from_be_bytes(seconds.try_into().ok()?), unsigned(nanoseconds))
        }
        (NOTEPACK, 8) => return Some(i64::from_be_bytes(data.try_into().ok()?)),
        _ => return None,
    };
    // Beyond any date: not a number, and so JSON's null.
    let ms = i64::try_from(nanoseconds / 1_000_000).unwrap_or(i64::MAX);
    Some(seconds.saturating_mul(1_000).saturating_add(ms))
}

struct Writer {
    text: Vec<u8>,
    attachments: Vec<Bytes>,
    binary: Binary,
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn value(&mut self, value: &ValueRef<'_>, depth: usize) -> Result<(), Unreadable> {
        if depth > DEPTH_MAX {
            return Err(Unreadable::Payload);
        }
        match value {
            ValueRef::Nil => self.push("null"),
            ValueRef::Boolean(value) => self.push(if *value { "true" } else { "false" }),
            ValueRef::Integer(value) => self.push(&value.to_string()),
            ValueRef::F32(value) => self.push(number(f64::from(*value)).as_deref().unwrap_or("null")),
            ValueRef::F64(value) => self.push(number(*value).as_deref().unwrap_or("null")),
            ValueRef::String(text) => self.string(&lossy(text))?,
            ValueRef::Binary(data) => self.binary(data)?,
            ValueRef::Array(items) => self.array(items, depth)?,
            ValueRef::Map(members) => self.map(members, depth)?,
            ValueRef::Ext(kind, data) => self.extension(*kind, data)?,
        }
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<(), Unreadable> {
        serde_json::to_writer(&mut self.text, text).map_err(|_| Unreadable::Malformed)
    }

    fn array(&mut self, items: &[ValueRef<'_>], depth: usize) -> Result<(), Unreadable> {
        self.push("[");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.push(",");
            }
            self.value(item, depth + 1)?;
        }
        self.push("]");
        Ok(())
    }

    fn map(&mut self, members: &[(ValueRef<'_>, ValueRef<'_>)], depth: usize) -> Result<(), Unreadable> {
        self.push("{");
        for (index, (key, value)) in members.iter().enumerate() {
            if index > 0 {
                self.push(",");
            }
            self.key(key)?;
            self.push(":");
            self.value(value, depth + 1)?;
        }
        self.push("}");
        Ok(())
    }

    /// Keys of objects are strings: others become what JavaScript makes of them.
    fn key(&mut self, key: &ValueRef<'_>) -> Result<(), Unreadable> {
        match key {
            ValueRef::String(text) => self.string(&lossy(text)),
            ValueRef::Integer(_) | ValueRef::Boolean(_) | ValueRef::Nil | ValueRef::F32(_) | ValueRef::F64(_) => {
                self.push("\"");
                self.value(key, 0)?;
                self.push("\"");
                Ok(())
            }
            _ => Err(Unreadable::Payload),
        }
    }

    fn binary(&mut self, data: &[u8]) -> Result<(), Unreadable> {
        if self.binary == Binary::Spell {
            let bytes = serde_json::to_string(data).map_err(|_| Unreadable::Malformed)?;
            self.push(r#"{"type":"Buffer","data":"#);
            self.push(&bytes);
            self.push("}");
            return Ok(());
        }
        let full = self.attachments.len() >= ATTACHMENTS_MAX;
        // A value that was named more than once came more than once: past the limit it is one again.
        let twin = if full { self.attachments.iter().position(|known| known == data) } else { None };
        let index = match (full, twin) {
            (true, None) => return Err(Unreadable::Payload),
            (true, Some(twin)) => twin,
            (false, _) => {
                self.attachments.push(Bytes::copy_from_slice(data));
                self.attachments.len() - 1
            }
        };
        self.push(&format!(r#"{{"_placeholder":true,"num":{index}}}"#));
        Ok(())
    }

    fn extension(&mut self, kind: i8, data: &[u8]) -> Result<(), Unreadable> {
        if let Some(ms) = date(kind, data) {
            match dates::iso(ms) {
                Some(text) => self.string(&text)?,
                None => self.push("null"),
            }
        } else if (kind, data) == (NOTEPACK, &[0]) {
            // `undefined`
            self.push("null");
        } else if kind == NOTEPACK {
            self.binary(data)?;
        } else {
            // As notepack reads what it does not know.
            self.push(&format!("[{kind},"));
            self.binary(data)?;
            self.push("]");
        }
        Ok(())
    }
}
