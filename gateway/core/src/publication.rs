//! What is published, to whom, and how it is to be delivered.
//!
//! Deliberately absent: how it travels ([`crate::adapter`]) and how it looks to a
//! client ([`crate::delivery`]).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::room::{Namespace, Room};
use crate::socket_io::{DecodeError, has_placeholder};

/// Milliseconds since the Unix epoch.
pub type UnixMillis = u64;

/// Binary values one publication may carry: the cap of stock Socket.IO parsers.
pub const ATTACHMENTS_MAX: usize = 10;

/// What a backend or client publishes: one event, addressed to an audience.
#[derive(Clone, Debug)]
pub struct Publication {
    /// Chosen by the publisher (its idempotency key) or by the node.
    pub id: Arc<str>,
    /// Where: rooms are names within a namespace.
    pub namespace: Namespace,
    /// To whom.
    pub audience: Audience,
    /// What.
    pub payload: Payload,
    /// How it competes for the outbox of a slow client.
    pub class: Class,
    /// For [`Class::Latest`]: which earlier publication it replaces.
    pub key: Option<Arc<str>>,
    /// Not delivered after this instant.
    pub expires_at: Option<UnixMillis>,
    /// When the node accepted it.
    pub published_at: UnixMillis,
    /// The acknowledgement id that clients answer with, if they are asked to.
    pub ack: Option<u64>,
    /// Who published.
    pub origin: Origin,
    /// W3C trace context of the publisher.
    pub trace: Option<Arc<str>>,
    /// Whether a history may keep it.
    pub remember: bool,
    /// What is done with it while the backend between nodes does not answer. Never travels.
    pub fallback: Fallback,
    /// Room that its publisher's node has reserved for it. Never travels.
    pub admission: Option<Admission>,
}

impl Publication {
    /// A publication with everything optional left out.
    pub fn new(id: Arc<str>, namespace: Namespace, audience: Audience, payload: Payload, now: UnixMillis) -> Self {
        Self {
            id,
            namespace,
            audience,
            payload,
            class: Class::Reliable,
            key: None,
            expires_at: None,
            published_at: now,
            ack: None,
            origin: Origin::Backend,
            trace: None,
            remember: true,
            fallback: Fallback::Refuse,
            admission: None,
        }
    }
}

/// Memory that the publisher's node set aside in its mailboxes, given back on drop.
///
/// Opaque here; it lives as long as the publication, or until the node gives it back.
#[derive(Clone)]
pub struct Admission(Arc<Mutex<Option<Held>>>);

type Held = Box<dyn std::any::Any + Send + Sync>;

impl Admission {
    /// Wraps whatever gives the room back when it is dropped.
    pub fn new(held: impl std::any::Any + Send + Sync) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(held)))))
    }

    /// Gives the room back now, for all clones: what it was set aside for is where it belongs.
    pub fn give_back(&self) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(held);
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Admission(held {})", Arc::strong_count(&self.0))
    }
}

/// To whom: the union of `rooms`, each socket once, minus every member of a room in
/// `except`. No rooms means everybody in the namespace. Users and single sockets are
/// rooms too ([`Room::of_user`], [`Room::of_socket`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// Members of any of these; empty: everybody.
    pub rooms: Vec<Room>,
    /// But no member of any of these.
    pub except: Vec<Room>,
}

impl Audience {
    /// Everybody in the namespace.
    pub fn everybody() -> Self {
        Self::default()
    }

    /// The members of one room.
    pub fn room(room: Room) -> Self {
        Self { rooms: vec![room], except: Vec::new() }
    }

    /// The published room when exactly one was addressed.
    pub fn single_room(&self) -> Option<&Room> {
        match self.rooms.as_slice() {
            [room] => Some(room),
            _ => None,
        }
    }
}

/// How a publication competes for the outbox of a client that reads slowly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Class {
    /// Delivered, or the connection is closed with a reason.
    #[default]
    Reliable,
    /// Dropped and counted for a client that is not keeping up.
    Volatile,
    /// While a client is blocked only the latest one per key waits for it.
    Latest,
}

/// What is done with a publication while the backend between nodes does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// It is refused: nobody gets it, and a retry makes no duplicate.
    #[default]
    Refuse,
    /// Members on this node get it at once, and the receipt says so.
    ThisNode,
}

/// Who published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A backend, over HTTP or embedded.
    Backend,
    /// A client of this gateway.
    Client,
    /// Another server or emitter on the same backend between nodes.
    Cluster,
}

/// An event with its arguments: JSON in Socket.IO placeholder form, and the binary
/// values that the placeholders `{"_placeholder":true,"num":i}` stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// One JSON array, `["event",arg,…]`, its key order and number texts kept.
    data: Bytes,
    attachments: Vec<Bytes>,
}

/// Why a text is not a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// Not a JSON array whose first element is a string or a number.
    NotAnEvent,
    /// More than [`ATTACHMENTS_MAX`] binary values.
    TooManyAttachments,
    /// A placeholder whose number is not that of an attachment, be there any or none, or an
    /// attachment without a placeholder.
    Placeholder,
    /// Nested deeper than [`crate::socket_io::DEPTH_MAX`].
    TooDeep,
    /// An event whose name belongs to the protocol, such as `connect`.
    ReservedEvent,
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnEvent => "an event is a JSON array that begins with the event's name",
            Self::TooManyAttachments => "at most 10 binary values",
            Self::TooDeep => "arrays and objects are nested at most 128 deep",
            Self::ReservedEvent => "this event's name belongs to the protocol: choose another one",
            Self::Placeholder => "every placeholder needs its attachment, and every attachment a placeholder",
        })
    }
}

impl std::error::Error for PayloadError {}

impl Payload {
    /// From the event's name and the text of a JSON array of arguments.
    pub fn new(event: &str, args: &RawValue, attachments: Vec<Bytes>) -> Result<Self, PayloadError> {
        let inner = args.get().trim();
        let inner = inner.strip_prefix('[').and_then(|t| t.strip_suffix(']')).ok_or(PayloadError::NotAnEvent)?.trim();
        let name = serde_json::to_string(event).map_err(|_| PayloadError::NotAnEvent)?;
        let mut data = String::with_capacity(name.len() + inner.len() + 3);
        data.push('[');
        data.push_str(&name);
        if !inner.is_empty() {
            data.push(',');
            data.push_str(inner);
        }
        data.push(']');
        Self::checked(Bytes::from(data), attachments)
    }

    /// From the text of a Socket.IO packet's data, `["event",arg,…]`.
    pub fn from_data(data: &str, attachments: Vec<Bytes>) -> Result<Self, PayloadError> {
        let items: Vec<&RawValue> = serde_json::from_str(data).map_err(|_| PayloadError::NotAnEvent)?;
        let first = items.first().and_then(|v| v.get().bytes().next()).ok_or(PayloadError::NotAnEvent)?;
        if !matches!(first, b'"' | b'-' | b'0'..=b'9') {
            return Err(PayloadError::NotAnEvent);
        }
        Self::checked(Bytes::copy_from_slice(data.as_bytes()), attachments)
    }

    fn checked(data: Bytes, attachments: Vec<Bytes>) -> Result<Self, PayloadError> {
        if attachments.len() > ATTACHMENTS_MAX {
            return Err(PayloadError::TooManyAttachments);
        }
        let payload = Self { data, attachments };
        match crate::socket_io::check_event(payload.data(), payload.attachments.len()) {
            // Receivers would take it for a binary value that never came.
            Ok(()) if payload.attachments.is_empty() && has_placeholder(payload.data()) => {
                Err(PayloadError::Placeholder)
            }
            Ok(()) => Ok(payload),
            Err(DecodeError::Depth) => Err(PayloadError::TooDeep),
            Err(DecodeError::ReservedEvent) => Err(PayloadError::ReservedEvent),
            Err(DecodeError::Placeholder) => Err(PayloadError::Placeholder),
            Err(_) => Err(PayloadError::NotAnEvent),
        }
    }

    /// The JSON array `["event",arg,…]`.
    pub fn data(&self) -> &str {
        // Both constructors take the bytes from a `&str` or `String`.
        std::str::from_utf8(&self.data).unwrap_or_default()
    }

    /// The binary values, in the order of their placeholders' numbers.
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }

    /// The event's name as JSON text, and the arguments as the inside of a JSON array.
    pub fn split(&self) -> (&str, &str) {
        split_event(self.data())
    }

    /// Bytes of text and attachments together: what the limits count.
    pub fn bytes(&self) -> usize {
        self.data.len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }
}

/// Splits `["event",a,b]` into `"event"` and `a,b` (both trimmed JSON text).
///
/// For text that is not a JSON array of at least one element both parts are empty.
pub fn split_event(data: &str) -> (&str, &str) {
    let Some(inner) = data.trim().strip_prefix('[').and_then(|t| t.strip_suffix(']')) else {
        return ("", "");
    };
    let mut items = serde_json::Deserializer::from_str(inner).into_iter::<&RawValue>();
    let Some(Ok(first)) = items.next() else {
        return ("", "");
    };
    let rest = inner.get(items.byte_offset()..).unwrap_or_default().trim_start();
    (first.get(), rest.strip_prefix(',').unwrap_or_default().trim())
}

/// What a publisher wants to know of the clients' acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckRequest {
    /// How long clients may take.
    pub timeout: Duration,
    /// Answers to collect at most; 0 counts only.
    pub collect_max: usize,
}

/// Where a publication stands in the order of its namespace. Text: `major-minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Orders first.
    pub major: u64,
    /// Orders within one `major`.
    pub minor: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.major, self.minor)
    }
}

impl std::str::FromStr for Position {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('-').unwrap_or((text, ""));
        Ok(Self { major: major.parse()?, minor: minor.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn a_payload_keeps_the_text_of_its_arguments() {
        let payload = Payload::new("a\"b", &raw(r#"[ {"z":1.0,"a":2}, [] ]"#), Vec::new()).expect("valid");
        assert_eq!(payload.data(), r#"["a\"b",{"z":1.0,"a":2}, []]"#);
        assert_eq!(payload.split(), (r#""a\"b""#, r#"{"z":1.0,"a":2}, []"#));
        let bare = Payload::new("x", &raw("[]"), Vec::new()).expect("valid");
        assert_eq!((bare.data(), bare.split()), (r#"["x"]"#, (r#""x""#, "")));
    }

    #[test]
    fn what_is_no_event_is_refused() {
        for text in ["", "{}", "[]", "[null]", "[{}]", "[[1]]", "[true]", "\"x\"", "[\"x\""] {
            assert_eq!(Payload::from_data(text, Vec::new()), Err(PayloadError::NotAnEvent), "{text}");
        }
        assert!(Payload::from_data("[42,1]", Vec::new()).is_ok());
    }

    #[test]
    fn placeholders_and_attachments_belong_together() {
        let data = r#"["x",{"_placeholder":true,"num":0}]"#;
        assert!(Payload::from_data(data, vec![Bytes::from_static(b"1")]).is_ok());
        assert_eq!(Payload::from_data(data, Vec::new()), Err(PayloadError::Placeholder));
        let none = raw(r#"[{"_placeholder":true,"num":"splice"}]"#);
        assert_eq!(Payload::new("x", &none, Vec::new()), Err(PayloadError::Placeholder));
        assert!(Payload::new("x", &raw(r#"["_placeholder"]"#), Vec::new()).is_ok());
        assert_eq!(Payload::from_data(r#"["x"]"#, vec![Bytes::new()]), Err(PayloadError::Placeholder));
        assert_eq!(Payload::from_data(data, vec![Bytes::new(); 11]), Err(PayloadError::TooManyAttachments));
    }

    #[test]
    fn a_position_is_text_and_back() {
        let position = Position { major: 7, minor: 0 };
        assert_eq!(position.to_string().parse(), Ok(position));
        assert!("7".parse::<Position>().is_err());
    }
}
