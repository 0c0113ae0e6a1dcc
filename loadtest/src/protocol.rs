//! The texts of each protocol: handshake, subscribe, publish.

use std::io::Write;

use crate::stamp::Stamp;

/// What the harness speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// The limit's own: `J<room>` joins, `P<room> <payload>` publishes.
    Limit,
    /// Socket.IO v5 over an Engine.IO v4 WebSocket.
    SocketIo,
    /// Roomcast's JSON protocol on `/ws`.
    Plain,
}

/// The event's name.
pub const EVENT: &str = "bench";

/// Every client sends the key of RFC 6455 section 1.3, so the right answer is a constant
/// and neither side needs SHA-1. A real server computes [`ACCEPT`] from it.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// The answer to [`KEY`].
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The name of a room by its index.
pub fn room_name(room: u32) -> String {
    format!("bench:{room}")
}

impl Protocol {
    /// The upgrade request; `host` is the target's address.
    pub fn upgrade_request(self, host: &str) -> String {
        let path = match self {
            Self::Limit => "/",
            Self::SocketIo => "/socket.io/?EIO=4&transport=websocket",
            Self::Plain => "/ws",
        };
        format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        )
    }

    /// The message that makes a connection a member of a room.
    pub fn subscribe(self, room: u32) -> String {
        let room = room_name(room);
        match self {
            Self::Limit => format!("J{room}"),
            Self::SocketIo => format!("420[\"subscribe\",\"{room}\"]"),
            Self::Plain => format!("{{\"type\":\"subscribe\",\"id\":\"s\",\"room\":\"{room}\"}}"),
        }
    }

    /// Appends the message that publishes a stamp.
    pub fn publish(self, stamp: &Stamp, payload_bytes: usize, out: &mut Vec<u8>) {
        let room = stamp.room;
        // Writing to a vector cannot fail.
        let (_, tail) = match self {
            Self::Limit => (write!(out, "Pbench:{room} "), ""),
            Self::SocketIo => (write!(out, "42[\"publish\",\"bench:{room}\",\"{EVENT}\",\""), "\"]"),
            Self::Plain => (
                write!(
                    out,
                    "{{\"type\":\"publish\",\"id\":\"p\",\"room\":\"bench:{room}\",\"event\":\"{EVENT}\",\"args\":[\""
                ),
                "\"]}",
            ),
        };
        stamp.write(payload_bytes, out);
        out.extend_from_slice(tail.as_bytes());
    }
}

/// Appends the body of `POST /v1/publish`.
pub fn publish_body(stamp: &Stamp, payload_bytes: usize, out: &mut Vec<u8>) {
    let room = stamp.room;
    // Writing to a vector cannot fail.
    let _ = write!(out, "{{\"to\":{{\"rooms\":[\"bench:{room}\"]}},\"event\":\"{EVENT}\",\"args\":[\"");
    stamp.write(payload_bytes, out);
    out.extend_from_slice(b"\"]}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publications_are_what_the_protocols_say() {
        let stamp = Stamp { room: 3, room_sequence: 1, sequence: 2, intended_ns: 4 };
        let text = |protocol: Protocol| {
            let mut out = Vec::new();
            protocol.publish(&stamp, 0, &mut out);
            String::from_utf8(out).expect("UTF-8")
        };
        assert_eq!(text(Protocol::Limit), "Pbench:3 ~3.1.2.4~");
        assert_eq!(text(Protocol::SocketIo), r#"42["publish","bench:3","bench","~3.1.2.4~"]"#);
        let plain: serde_json::Value = serde_json::from_str(&text(Protocol::Plain)).expect("JSON");
        assert_eq!(plain["room"], room_name(3));
        let mut body = Vec::new();
        publish_body(&stamp, 0, &mut body);
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["to"]["rooms"][0], room_name(3));
        assert_eq!(body["args"][0], "~3.1.2.4~");
    }
}
