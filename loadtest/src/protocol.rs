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
    /// The same over Engine.IO v4 long polling, never upgraded.
    Polling,
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
    /// The request that a connection begins with; `host` is the target's address.
    pub fn first_request(self, host: &str) -> String {
        match self {
            Self::Limit => upgrade("/", host),
            Self::SocketIo => upgrade("/socket.io/?EIO=4&transport=websocket", host),
            Self::Polling => poll(host, None),
            Self::Plain => upgrade("/ws", host),
        }
    }

    /// The message that makes a connection a member of a room.
    pub fn subscribe(self, room: u32) -> String {
        let room = room_name(room);
        match self {
            Self::Limit => format!("J{room}"),
            Self::SocketIo | Self::Polling => format!("420[\"subscribe\",\"{room}\"]"),
            Self::Plain => format!("{{\"type\":\"subscribe\",\"id\":\"s\",\"room\":\"{room}\"}}"),
        }
    }

    /// Appends the message that publishes a stamp.
    pub fn publish(self, stamp: &Stamp, payload_bytes: usize, out: &mut Vec<u8>) {
        let room = stamp.room;
        // Writing to a vector cannot fail.
        let (_, tail) = match self {
            Self::Limit => (write!(out, "Pbench:{room} "), ""),
            Self::SocketIo | Self::Polling => (write!(out, "42[\"publish\",\"bench:{room}\",\"{EVENT}\",\""), "\"]"),
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

/// A WebSocket handshake.
pub fn upgrade(path: &str, host: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
}

/// A long-polling GET: the handshake without `sid`.
pub fn poll(host: &str, sid: Option<&str>) -> String {
    let path = polling_path(sid);
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

/// A long-polling POST; `payload` is one packet, or several with 0x1e between them.
pub fn post(host: &str, sid: &str, payload: &str) -> String {
    let (path, length) = (polling_path(Some(sid)), payload.len());
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain;charset=UTF-8\r\n\
         Content-Length: {length}\r\n\r\n{payload}"
    )
}

fn polling_path(sid: Option<&str>) -> String {
    let sid = sid.map_or_else(String::new, |sid| format!("&sid={sid}"));
    format!("/socket.io/?EIO=4&transport=polling{sid}")
}

/// The session's id in an open packet.
pub fn sid_of(open: &str) -> Option<&str> {
    open.strip_prefix("0{\"sid\":\"")?.split('"').next()
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
    fn polls_are_what_engine_io_says() {
        assert_eq!(sid_of(r#"0{"sid":"abc","upgrades":[]}"#), Some("abc"));
        assert_eq!(sid_of(r#"40{"sid":"abc"}"#), None);
        assert_eq!(poll("h", None), "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n\r\n");
        let post = post("h", "abc", "40");
        assert!(post.starts_with("POST /socket.io/?EIO=4&transport=polling&sid=abc HTTP/1.1\r\nHost: h\r\n"));
        assert!(post.ends_with("Content-Length: 2\r\n\r\n40"));
    }

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
