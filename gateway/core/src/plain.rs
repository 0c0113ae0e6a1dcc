//! The plain protocol of `/ws`: one JSON object a text frame.
//!
//! A client sends [`Command`]s; the server sends `hello` once, then `event` and, where
//! some may be missing, `gap`, and `ok` or `error` as answers. A command's `id` is the client's own and is repeated
//! in the answer; a command without one succeeds silently, and its error comes
//! without an id. Unknown fields are refused, never ignored, so that a later field
//! cannot change the meaning of what an older node has accepted.
//!
//! Deliberately absent: frames ([`crate::websocket`]), whether a room's name is
//! valid and who may do what (the session's rules), and any answer's timing.
//! Decoding builds no trees: arguments stay the text that the client wrote.

mod decode;
mod encode;

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

pub use decode::{attachments, decode, names};
pub use encode::{error, event, gap, hello, ok};

use crate::publication::Payload;

/// Version that `hello` announces.
pub const PROTOCOL: u32 = 1;
/// The WebSocket subprotocol's name.
pub const SUBPROTOCOL: &str = "roomcast.v1";
/// Longest `id` of a command, in bytes of JSON text without a string's quotes.
pub const ID_BYTES_MAX: usize = 255;
/// Rooms that one `subscribe` or `unsubscribe` may name.
pub const ROOMS_MAX: usize = 1_000;

/// Code of a refusal: `type` names no command.
pub const UNKNOWN_TYPE: &str = "unknown_type";
/// Code of a refusal: a field is missing, given twice, or not of its kind.
pub const INVALID_REQUEST: &str = "invalid_request";
/// Code of a refusal: a field that this command does not have.
pub const UNSUPPORTED_FIELD: &str = "unsupported_field";

/// What a client asks for.
#[derive(Debug)]
pub struct Command<'a> {
    /// The client's own id for its request, JSON text as it came (a string or a
    /// number of at most [`ID_BYTES_MAX`] bytes), to be repeated in the answer.
    pub id: Option<&'a RawValue>,
    /// What it wants.
    pub kind: Kind<'a>,
}

/// The kinds of [`Command`].
pub enum Kind<'a> {
    /// Become a member of all these rooms (1 to [`ROOMS_MAX`], names not yet checked), or of none.
    Subscribe(Vec<Cow<'a, str>>),
    /// Stop being a member; likewise at least one name.
    Unsubscribe(Vec<Cow<'a, str>>),
    /// Publish an event to a room.
    Publish {
        /// To whom; not yet checked to be a room's name.
        room: Cow<'a, str>,
        /// The event, its arguments and attachments.
        payload: Payload,
    },
    /// Send an event to the backend.
    Emit(Payload),
    /// Show another token.
    Auth(Cow<'a, str>),
}

impl fmt::Debug for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subscribe(rooms) => f.debug_tuple("Subscribe").field(rooms).finish(),
            Self::Unsubscribe(rooms) => f.debug_tuple("Unsubscribe").field(rooms).finish(),
            Self::Publish { room, payload } => {
                f.debug_struct("Publish").field("room", room).field("payload", payload).finish()
            }
            Self::Emit(payload) => f.debug_tuple("Emit").field(payload).finish(),
            // A bearer token belongs in no log.
            Self::Auth(_) => f.write_str("Auth(…)"),
        }
    }
}

/// Why a frame is not a command.
#[derive(Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not exactly one JSON object: the connection is closed with 1008.
    NotAnObject,
    /// An object that is not a command: answered by an error, the connection stays.
    Refused {
        /// The command's id as JSON text, if it had one that could be read.
        id: Option<String>,
        /// Stable code: [`UNKNOWN_TYPE`], [`INVALID_REQUEST`] or [`UNSUPPORTED_FIELD`].
        code: &'static str,
        /// What to do about it.
        message: String,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => f.write_str("a text frame is exactly one JSON object"),
            Self::Refused { code, message, .. } => write!(f, "{code}: {message}"),
        }
    }
}

impl std::error::Error for DecodeError {}
