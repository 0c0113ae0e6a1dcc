//! Engine.IO v4 packets, over WebSocket and as polling payloads.
//!
//! Source: the Engine.IO protocol, revision 4
//! (`docs/engine.io-protocol/v4-current.md` of socketio/socket.io), and the
//! reference server's parser where the text is silent.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `decode` | one text packet; a polling payload, packet by packet |
//! | `encode` | the open packet; a message with its attachments in three framings |
//!
//! A raw binary WebSocket message needs no decoding: it is the bytes of
//! [`Packet::Binary`]. Packets of a type digit alone (`1`, `2`, `3probe`, `6`) need
//! no encoder: they are constants of whoever sends them.
//!
//! Deliberately absent: EIO=3 (the client pings, lengths before packets, type bytes
//! before binary), WebTransport, JSONP, compression; also the rules of a session, such
//! as which packet is allowed when ([`crate::session`]).

mod decode;
mod encode;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::id::Sid;

pub use decode::{decode, decode_payload};
pub use encode::{encode_message, encode_open};

/// Joins the packets of a polling payload.
pub const RECORD_SEPARATOR: u8 = 0x1e;

/// A packet as a client sends it.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`: only servers send it.
    Open,
    /// `1`
    Close,
    /// `2`, with what follows (`probe`).
    Ping(&'a str),
    /// `3`, with what follows.
    Pong(&'a str),
    /// `4`: a Socket.IO packet.
    Message(&'a str),
    /// A binary message: raw on WebSocket, `b` + base64 in text.
    Binary(Cow<'a, [u8]>),
    /// `5`
    Upgrade,
    /// `6`
    Noop,
}

/// Why a text is not a packet. The session ends, without a close code on WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// No type digit: an empty message, body or record.
    Empty,
    /// The first character is neither a type, `0` to `6`, nor `b`.
    UnknownType,
    /// What follows `b` is not standard base64.
    Base64,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an Engine.IO packet has at least its type",
            Self::UnknownType => "an Engine.IO packet begins with a digit 0 to 6, or with b",
            Self::Base64 => "binary in text is b and standard base64",
        })
    }
}

impl std::error::Error for DecodeError {}

/// The contents of the open packet.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// The session's secret id.
    pub sid: Sid,
    /// Whether the client may upgrade to WebSocket.
    pub upgrade: bool,
    /// Between pings; sent in whole milliseconds.
    pub ping_interval: Duration,
    /// Until a pong is overdue; sent in whole milliseconds.
    pub ping_timeout: Duration,
    /// Bytes of a polling body or a message at most.
    pub max_payload: usize,
}

/// How the packets of one Socket.IO packet (its text and its attachments) are put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// WebSocket frames: one text frame, one binary frame an attachment.
    WebSocket,
    /// WebSocket text frames only: attachments as `b` + base64.
    WebSocketBase64,
    /// Records of a polling payload, joined (not ended) by 0x1e.
    Polling,
}
