//! Engine.IO v4 packets, over WebSocket and as polling payloads.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

use crate::id::Sid;

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
    /// `3`
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

/// Why a text is not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError;

/// Decodes one packet: a WebSocket text message, or one record of a polling payload.
pub fn decode(_text: &str) -> Result<Packet<'_>, DecodeError> {
    Err(DecodeError)
}

/// Decodes a polling payload packet by packet; ends after the first error.
pub fn decode_payload(_text: &str) -> impl Iterator<Item = Result<Packet<'_>, DecodeError>> {
    std::iter::empty()
}

/// The contents of the open packet.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// The session's secret id.
    pub sid: Sid,
    /// Whether the client may upgrade to WebSocket.
    pub upgrade: bool,
    /// Between pings.
    pub ping_interval: Duration,
    /// Until a pong is overdue.
    pub ping_timeout: Duration,
    /// Bytes of a polling body or a message at most.
    pub max_payload: usize,
}

/// The open packet's text, `0{…}`, keys in the reference server's order.
pub fn encode_open(_open: &Open) -> String {
    String::new()
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

/// Appends a message (`4` + text) and its attachments as one group.
pub fn encode_message(_framing: Framing, _text: &str, _attachments: &[Bytes], _out: &mut Vec<u8>) {}
