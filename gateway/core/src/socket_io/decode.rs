//! The grammar: `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`.

use super::json::{self, Token, Tokens};
use super::{ACK_DIGITS_MAX, DecodeError, Packet};

/// Names that an event of a client must not have: both sides emit them locally.
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Decodes a message's text (what follows the `4` of Engine.IO).
///
/// Strict: a part that this type of packet does not have is an error, never skipped.
/// The JSON is valid as a whole and given back as it came, without whitespace around it.
/// The namespace is any text that begins with `/`: whether it exists, or could, is for
/// the session to say. Placeholders are checked when the attachments are there
/// ([`super::Assembly`]). Takes linear time.
pub fn decode(text: &str) -> Result<Packet<'_>, DecodeError> {
    let mut chars = text.chars();
    let kind = chars.next().ok_or(DecodeError::UnknownType)?;
    let rest = chars.as_str();
    match kind {
        '0' => connect(rest),
        '1' => disconnect(rest),
        '2' => event(rest, 0),
        '3' => ack(rest, 0),
        '4' => connect_error(rest),
        '5' => take_attachments(rest).and_then(|(n, rest)| event(rest, n)),
        '6' => take_attachments(rest).and_then(|(n, rest)| ack(rest, n)),
        _ => Err(DecodeError::UnknownType),
    }
}

fn connect(text: &str) -> Result<Packet<'_>, DecodeError> {
    let (namespace, text) = take_namespace(text);
    let auth = if text.is_empty() { "" } else { json::check(text)? };
    if auth.is_empty() || auth.starts_with('{') {
        Ok(Packet::Connect { namespace, auth })
    } else {
        Err(DecodeError::Payload)
    }
}

fn disconnect(text: &str) -> Result<Packet<'_>, DecodeError> {
    match take_namespace(text) {
        (namespace, "") => Ok(Packet::Disconnect { namespace }),
        _ => Err(DecodeError::Payload),
    }
}

fn event(text: &str, attachments: usize) -> Result<Packet<'_>, DecodeError> {
    let (namespace, text) = take_namespace(text);
    let (ack, text) = take_ack(text)?;
    let data = json::check(text)?;
    check_name(data)?;
    Ok(Packet::Event { namespace, ack, data, attachments })
}

fn ack(text: &str, attachments: usize) -> Result<Packet<'_>, DecodeError> {
    let (namespace, text) = take_namespace(text);
    let (id, text) = take_ack(text)?;
    let id = id.ok_or(DecodeError::AckId)?;
    let data = json::check(text)?;
    if !data.starts_with('[') {
        return Err(DecodeError::Payload);
    }
    Ok(Packet::Ack { namespace, id, data, attachments })
}

fn connect_error(text: &str) -> Result<Packet<'_>, DecodeError> {
    let (namespace, text) = take_namespace(text);
    let data = json::check(text)?;
    if data.starts_with(['{', '"']) { Ok(Packet::ConnectError { namespace, data }) } else { Err(DecodeError::Payload) }
}

/// The count of a binary packet, 1 to 10 without leading zeros, and what follows its `-`.
fn take_attachments(text: &str) -> Result<(usize, &str), DecodeError> {
    let mut rest = text.bytes();
    let (n, length) = match (rest.next(), rest.next(), rest.next()) {
        (Some(b'1'), Some(b'0'), Some(b'-')) => (10, 3),
        (Some(digit @ b'1'..=b'9'), Some(b'-'), _) => (usize::from(digit - b'0'), 2),
        _ => return Err(DecodeError::AttachmentCount),
    };
    let rest = text.get(length..).ok_or(DecodeError::AttachmentCount)?;
    Ok((n, rest))
}

/// The namespace up to the first comma or the end; `/` if none is named.
fn take_namespace(text: &str) -> (&str, &str) {
    if text.starts_with('/') { text.split_once(',').unwrap_or((text, "")) } else { ("/", text) }
}

fn take_ack(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at_checked(length).unwrap_or_default();
    if digits.is_empty() {
        return Ok((None, rest));
    }
    if digits.len() > ACK_DIGITS_MAX {
        return Err(DecodeError::AckId);
    }
    let id = digits.parse().map_err(|_| DecodeError::AckId)?;
    Ok((Some(id), rest))
}

/// Checks text that is to become the data of an event: one JSON array, not too deep, that
/// begins with a name which is not reserved, with a placeholder for each of `attachments`.
pub fn check_event(data: &str, attachments: usize) -> Result<(), DecodeError> {
    check_name(json::check(data)?)?;
    if attachments == 0 { Ok(()) } else { super::check_placeholders(data, attachments) }
}

/// Checks that `data`, a JSON text, is an array that begins with an event's name.
fn check_name(data: &str) -> Result<(), DecodeError> {
    let mut tokens = Tokens::new(data);
    match (tokens.next(), tokens.next()) {
        (Some(Token::OpenArray), Some(Token::Text(name))) => check_text_name(name),
        (Some(Token::OpenArray), Some(Token::Scalar(name))) if !name.starts_with(['t', 'f', 'n']) => Ok(()),
        _ => Err(DecodeError::Payload),
    }
}

/// `quoted` is a JSON string. A name that is no Unicode (a lone surrogate) is refused:
/// unlike arguments, names are read by this node and its backends.
fn check_text_name(quoted: &str) -> Result<(), DecodeError> {
    let plain = quoted.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let reserved = match plain {
        Some(name) if !name.contains('\\') => RESERVED_EVENTS.contains(&name),
        _ => {
            let name: String = serde_json::from_str(quoted).map_err(|_| DecodeError::Payload)?;
            RESERVED_EVENTS.contains(&name.as_str())
        }
    };
    if reserved { Err(DecodeError::ReservedEvent) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
