//! The plain protocol of `/ws`: one JSON object a text frame.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::publication::Payload;

/// Version that `hello` announces.
pub const PROTOCOL: u32 = 1;
/// The WebSocket subprotocol's name.
pub const SUBPROTOCOL: &str = "roomcast.v1";

/// What a client asks for.
#[derive(Debug)]
pub struct Command<'a> {
    /// The client's own id for its request, JSON text as it came, to be repeated in the answer.
    pub id: Option<&'a RawValue>,
    /// What it wants.
    pub kind: Kind<'a>,
}

/// The kinds of [`Command`].
#[derive(Debug)]
pub enum Kind<'a> {
    /// Become a member of all these rooms, or of none.
    Subscribe(Vec<std::borrow::Cow<'a, str>>),
    /// Stop being a member.
    Unsubscribe(Vec<std::borrow::Cow<'a, str>>),
    /// Publish an event to a room.
    Publish {
        /// To whom.
        room: std::borrow::Cow<'a, str>,
        /// The event, its arguments and attachments.
        payload: Payload,
    },
    /// Send an event to the backend.
    Emit(Payload),
    /// Show another token.
    Auth(std::borrow::Cow<'a, str>),
}

/// Why a frame is not a command.
#[derive(Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not one JSON object: the connection is closed with 1008.
    NotAnObject,
    /// An object that is not a command: answered by an error, the connection stays.
    Refused {
        /// The command's id as JSON text, if it had one.
        id: Option<String>,
        /// Stable code.
        code: &'static str,
        /// What to do about it.
        message: String,
    },
}

/// Decodes one text frame.
pub fn decode(_text: &str) -> Result<Command<'_>, DecodeError> {
    Err(DecodeError::NotAnObject)
}

/// The first message of the server.
pub fn hello(_id: &str, _ping_interval_ms: u64, _message_bytes_max: usize) -> String {
    String::new()
}

/// An event: `{"type":"event","room"?,"event","args","attachments"?}`.
pub fn event(_room: Option<&str>, _payload: &Payload) -> String {
    String::new()
}

/// Success: `{"type":"ok","id",…}` with further members (JSON text `"key":value,…`, may be empty).
pub fn ok(_id: Option<&str>, _members: &str) -> String {
    String::new()
}

/// Refusal: `{"type":"error","id"?,"code","message"}`, with `"room"` when one was refused.
pub fn error(_id: Option<&str>, _code: &str, _message: &str, _room: Option<&str>) -> String {
    String::new()
}

/// Decodes the standard base64 of an `"attachments"` array.
pub fn attachments(_items: &[std::borrow::Cow<'_, str>]) -> Option<Vec<Bytes>> {
    None
}
