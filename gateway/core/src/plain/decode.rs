//! From the text of one frame to a [`Command`].
//!
//! Two steps: [`Fields`] finds the object's known fields as borrowed raw text (this
//! is also where broken JSON shows), then each command reads the fields it has.

mod fields;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::value::RawValue;

use self::fields::{Fields, ListError, short, text, texts};
use super::{Command, DecodeError, ID_BYTES_MAX, INVALID_REQUEST, Kind, ROOMS_MAX};
use super::{UNKNOWN_TYPE, UNSUPPORTED_FIELD};
use crate::publication::{ATTACHMENTS_MAX, Payload, PayloadError};

/// A refusal before it knows whose it is.
struct Refusal {
    code: &'static str,
    message: String,
}

impl Refusal {
    fn invalid(message: impl Into<String>) -> Self {
        Self { code: INVALID_REQUEST, message: message.into() }
    }

    fn of(self, id: Option<&RawValue>) -> DecodeError {
        DecodeError::Refused { id: id.map(|id| id.get().to_owned()), code: self.code, message: self.message }
    }
}

/// Decodes one text frame. Its size is the caller's to bound; time is linear in it.
pub fn decode(text: &str) -> Result<Command<'_>, DecodeError> {
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|_| DecodeError::NotAnObject)?;
    let id = id(&fields).map_err(|refusal| refusal.of(None))?;
    let kind = kind(&fields).map_err(|refusal| refusal.of(id))?;
    Ok(Command { id, kind })
}

/// Decodes the standard base64 (with padding) of an `"attachments"` array; `None`
/// if an item is something else or there are more than [`ATTACHMENTS_MAX`].
pub fn attachments(items: &[Cow<'_, str>]) -> Option<Vec<Bytes>> {
    if items.len() > ATTACHMENTS_MAX {
        return None;
    }
    let decoded = |item: &Cow<'_, str>| STANDARD.decode(item.as_bytes()).ok().map(Bytes::from);
    items.iter().map(decoded).collect()
}

/// The names in a JSON array of at most [`ROOMS_MAX`] strings; `None` if it is anything else.
/// No more of them than that are ever held.
pub fn names(list: &RawValue) -> Option<Vec<Cow<'_, str>>> {
    texts(list, ROOMS_MAX).ok()
}

fn id<'a>(fields: &Fields<'a>) -> Result<Option<&'a RawValue>, Refusal> {
    if fields.twice == Some("id") {
        return Err(Refusal::invalid("\"id\" is given twice: give it once"));
    }
    let Some(id) = fields.get("id") else {
        return Ok(None);
    };
    if !matches!(id.get().as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9')) {
        return Err(Refusal::invalid("\"id\" must be a string or a number, or left out"));
    }
    let quotes = if id.get().starts_with('"') { 2 } else { 0 };
    if id.get().len() > ID_BYTES_MAX + quotes {
        return Err(Refusal::invalid(format!("\"id\" is too long: at most {ID_BYTES_MAX} bytes, escapes as written")));
    }
    Ok(Some(id))
}

fn kind<'a>(fields: &Fields<'a>) -> Result<Kind<'a>, Refusal> {
    if let Some(name) = fields.twice {
        return Err(Refusal::invalid(format!("\"{name}\" is given twice: give it once")));
    }
    let kind = required(fields, "type")?;
    match &*kind {
        "subscribe" => {
            only(fields, &kind, &["room", "rooms"])?;
            rooms(fields).map(Kind::Subscribe)
        }
        "unsubscribe" => {
            only(fields, &kind, &["room", "rooms"])?;
            rooms(fields).map(Kind::Unsubscribe)
        }
        "publish" => {
            only(fields, &kind, &["room", "event", "args", "attachments"])?;
            let room = required(fields, "room")?;
            let payload = payload(fields)?;
            Ok(Kind::Publish { room, payload })
        }
        "emit" => {
            only(fields, &kind, &["event", "args", "attachments"])?;
            payload(fields).map(Kind::Emit)
        }
        "auth" => {
            only(fields, &kind, &["token"])?;
            required(fields, "token").map(Kind::Auth)
        }
        other => Err(Refusal {
            code: UNKNOWN_TYPE,
            message: format!(
                "there is no type \"{}\": use subscribe, unsubscribe, publish, emit or auth",
                short(other)
            ),
        }),
    }
}

/// Refuses fields other than `type`, `id` and those in `names`.
fn only(fields: &Fields<'_>, kind: &str, names: &[&str]) -> Result<(), Refusal> {
    let known = |name: &str| name == "type" || name == "id" || names.contains(&name);
    let misplaced = fields.present().find(|name| !known(name));
    match fields.unknown.as_deref().or(misplaced) {
        None => Ok(()),
        Some(name) => Err(Refusal {
            code: UNSUPPORTED_FIELD,
            message: format!(
                "\"{}\" is not a field of {kind}: leave it out; the fields are type, id, {}",
                short(name),
                names.join(", ")
            ),
        }),
    }
}

fn required<'a>(fields: &Fields<'a>, name: &'static str) -> Result<Cow<'a, str>, Refusal> {
    let raw =
        fields.get(name).ok_or_else(|| Refusal::invalid(format!("\"{name}\" is missing: give it as a string")))?;
    text(raw).ok_or_else(|| Refusal::invalid(format!("\"{name}\" must be a string")))
}

fn rooms<'a>(fields: &Fields<'a>) -> Result<Vec<Cow<'a, str>>, Refusal> {
    match (fields.get("room"), fields.get("rooms")) {
        (Some(_), Some(_)) => Err(Refusal::invalid("give either \"room\" or \"rooms\", not both")),
        (None, None) => Err(Refusal::invalid("name a \"room\", or several as an array in \"rooms\"")),
        (Some(_), None) => required(fields, "room").map(|room| vec![room]),
        (None, Some(raw)) => match texts(raw, ROOMS_MAX) {
            Ok(rooms) if rooms.is_empty() => Err(Refusal::invalid("\"rooms\" is empty: name at least one room")),
            Ok(rooms) => Ok(rooms),
            Err(ListError::TooMany) => {
                Err(Refusal::invalid(format!("\"rooms\" has too many names: at most {ROOMS_MAX} in one command")))
            }
            Err(ListError::NotStrings) => Err(Refusal::invalid("\"rooms\" must be an array of strings")),
        },
    }
}

fn payload(fields: &Fields<'_>) -> Result<Payload, Refusal> {
    let event = required(fields, "event")?;
    let args = match fields.get("args") {
        Some(raw) if raw.get().starts_with('[') => raw,
        Some(_) => return Err(Refusal::invalid("\"args\" must be an array, or left out")),
        None => serde_json::from_str("[]").map_err(|_| Refusal::invalid("\"args\" is missing"))?,
    };
    let attachments = match fields.get("attachments").map(|raw| texts(raw, ATTACHMENTS_MAX)) {
        None => Vec::new(),
        Some(Ok(items)) => attachments(&items)
            .ok_or_else(|| Refusal::invalid("\"attachments\" must be standard base64 with its padding"))?,
        Some(Err(ListError::TooMany)) => {
            return Err(Refusal::invalid(format!("\"attachments\" has too many items: at most {ATTACHMENTS_MAX}")));
        }
        Some(Err(ListError::NotStrings)) => {
            return Err(Refusal::invalid("\"attachments\" must be an array of base64 strings"));
        }
    };
    Payload::new(&event, args, attachments).map_err(|error| match error {
        PayloadError::Placeholder => Refusal::invalid(
            "every attachment needs one {\"_placeholder\":true,\"num\":i} in \"args\", and every placeholder its attachment",
        ),
        other => Refusal::invalid(other.to_string()),
    })
}
