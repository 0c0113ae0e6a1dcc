//! Socket.IO v5 packets (default parser): text with placeholders, attachments apart.
//!
//! Source: the Socket.IO protocol, revision 5
//! (`docs/socket.io-protocol/v5-current.md` of socketio/socket.io), and
//! socket.io-parser 4.2 where the text is silent. A packet's text is
//! `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `decode` | the grammar, strictly; names of events that are reserved |
//! | `json` | checks of JSON text that build nothing |
//! | `placeholder` | which `{"_placeholder":true,"num":…}` belong to which attachments |
//! | `assembly` | a packet whose attachments are still on their way |
//! | `encode` | what a server sends |
//!
//! Arguments are text from end to end: checked, never parsed into a tree and never
//! written anew, so that numbers, key order and escapes arrive as they were sent.
//!
//! Deliberately absent: the query string in a namespace (EIO=3), the msgpack parser,
//! compression; also the rules of a session, such as a second CONNECT or a CONNECT_ERROR
//! from a client ([`crate::session`]). Any error here ends the whole connection, as with
//! the reference server.

mod assembly;
mod decode;
mod encode;
mod json;
mod placeholder;

use std::fmt;

pub use crate::publication::ATTACHMENTS_MAX;
pub use assembly::{Assembly, Complete, Kind};
pub use decode::{RESERVED_EVENTS, check_event, decode};
pub use encode::{encode_ack, encode_connect, encode_connect_error, encode_disconnect, encode_event};
pub use json::DEPTH_MAX;
pub use placeholder::check_placeholders;
pub(crate) use placeholder::has_placeholder;

/// Decimal digits an acknowledgement id may have: as many as always fit into 64 bits.
pub const ACK_DIGITS_MAX: usize = 19;

/// A packet as decoded from a message's text. Arguments stay text.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: join a namespace; `auth` is the text of a JSON object, or empty.
    Connect {
        /// Which, `/` if none was named.
        namespace: &'a str,
        /// JSON object, or empty.
        auth: &'a str,
    },
    /// `1`: leave a namespace.
    Disconnect {
        /// Which.
        namespace: &'a str,
    },
    /// `2` and `5`
    Event {
        /// Which namespace.
        namespace: &'a str,
        /// The id to answer with, if an answer is wanted.
        ack: Option<u64>,
        /// JSON array `["event",arg,…]`; the event's name is checked.
        data: &'a str,
        /// Binary messages that follow.
        attachments: usize,
    },
    /// `3` and `6`
    Ack {
        /// Which namespace.
        namespace: &'a str,
        /// The id that is answered.
        id: u64,
        /// JSON array of the arguments.
        data: &'a str,
        /// Binary messages that follow.
        attachments: usize,
    },
    /// `4`: only servers send it.
    ConnectError {
        /// Which namespace.
        namespace: &'a str,
        /// JSON object or string.
        data: &'a str,
    },
}

/// Why a text, or a text with its attachments, is not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The text does not begin with a type, `0` to `6`.
    UnknownType,
    /// A binary packet without a count from 1 to [`ATTACHMENTS_MAX`] and `-`.
    AttachmentCount,
    /// An ack without id, or an id of more than [`ACK_DIGITS_MAX`] digits.
    AckId,
    /// Not one whole JSON text.
    Json,
    /// Arrays and objects nested deeper than [`DEPTH_MAX`].
    Depth,
    /// JSON, or none, but not what this type of packet carries.
    Payload,
    /// An event whose name belongs to the protocol ([`RESERVED_EVENTS`]).
    ReservedEvent,
    /// Placeholders and attachments that do not belong together.
    Placeholder,
    /// The packet and its attachments are beyond the bound.
    TooLarge,
    /// A binary message that no packet announced.
    UnexpectedBinary,
    /// Attachments are missing.
    Incomplete,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownType => "a Socket.IO packet begins with a digit 0 to 6",
            Self::AttachmentCount => "a binary packet announces 1 to 10 attachments",
            Self::AckId => "an ack id has 1 to 19 decimal digits",
            Self::Json => "the data is not one JSON text",
            Self::Depth => "the data is nested deeper than 128 levels",
            Self::Payload => "the data is not what this type of packet carries",
            Self::ReservedEvent => "the event's name is reserved by the protocol",
            Self::Placeholder => "every placeholder needs its attachment, and every attachment a placeholder",
            Self::TooLarge => "the packet and its attachments are too large",
            Self::UnexpectedBinary => "no packet announced this binary message",
            Self::Incomplete => "attachments are missing",
        })
    }
}

impl std::error::Error for DecodeError {}
