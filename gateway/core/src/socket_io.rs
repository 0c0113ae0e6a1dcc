//! Socket.IO v5 packets (default parser): text with placeholders, attachments apart.

use bytes::Bytes;

use crate::publication::Payload;

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
        /// JSON.
        data: &'a str,
    },
}

/// Why a text is not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError;

/// Decodes a message's text.
pub fn decode(_text: &str) -> Result<Packet<'_>, DecodeError> {
    Err(DecodeError)
}

/// Checks that every placeholder in `data` names one of `attachments` binary values
/// and that every one of those is named.
pub fn check_placeholders(_data: &str, _attachments: usize) -> Result<(), DecodeError> {
    Ok(())
}

/// Text of an EVENT or BINARY_EVENT packet.
pub fn encode_event(_namespace: &str, _ack: Option<u64>, _payload: &Payload) -> String {
    String::new()
}

/// Text of an ACK or BINARY_ACK packet; `args` is a JSON array.
pub fn encode_ack(_namespace: &str, _id: u64, _args: &str, _attachments: &[Bytes]) -> String {
    String::new()
}

/// Text of the CONNECT reply, `0{"sid":"…"}`.
pub fn encode_connect(_namespace: &str, _id: &str) -> String {
    String::new()
}

/// Text of a CONNECT_ERROR packet; `data` is JSON, left out if there is none.
pub fn encode_connect_error(_namespace: &str, _message: &str, _data: Option<&str>) -> String {
    String::new()
}

/// Text of a DISCONNECT packet.
pub fn encode_disconnect(_namespace: &str) -> String {
    String::new()
}
