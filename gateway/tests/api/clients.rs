//! Clients by hand: text messages over a WebSocket, as the plain protocol and as Socket.IO.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;

use roomcast_core::websocket::{Decoder, Limits, Message, Opcode, Role, encode_masked};
use serde_json::{Value, json};

use super::gateway::Running;

const LIMITS: Limits = Limits { message_bytes_max: 1 << 20, fragments_max: 16 };

/// A WebSocket that carries texts.
pub(crate) struct Socket {
    stream: TcpStream,
    decoder: Decoder,
    texts: VecDeque<String>,
    ended: bool,
}

impl Socket {
    pub(crate) fn open(gateway: &Running, path: &str) -> Self {
        let mut stream = gateway.public();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the head");
            head.extend(byte);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Self { stream, decoder: Decoder::new(Role::Client), texts: VecDeque::new(), ended: false }
    }

    pub(crate) fn send(&mut self, text: &str) {
        let mut frame = Vec::new();
        encode_masked(Opcode::Text, text.as_bytes(), [1, 2, 3, 4], &mut frame);
        self.send_bytes(&frame);
    }

    /// Sends a piece of a frame.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("it reads");
    }

    /// What carries it, for whoever reads and writes at the same time.
    pub(crate) fn carrier(&self) -> TcpStream {
        self.stream.try_clone().expect("a socket")
    }

    /// The next text; `None`: the connection has ended.
    pub(crate) fn next(&mut self) -> Option<String> {
        while self.texts.is_empty() && !self.ended {
            let mut buffer = [0; 4096];
            let count = self.stream.read(&mut buffer).expect("something in time");
            self.ended = count == 0;
            let mut rest = &mut buffer[..count];
            while !rest.is_empty() {
                let step = self.decoder.next(rest, &LIMITS).expect("frames");
                match step.message {
                    Some(Message::Text(text)) => self.texts.push_back(text.to_owned()),
                    Some(Message::Close(_)) => self.ended = true,
                    _ => {}
                }
                let consumed = step.consumed;
                rest = &mut rest[consumed..];
            }
        }
        self.texts.pop_front()
    }

    /// The next text of one that goes on.
    pub(crate) fn expect(&mut self) -> String {
        self.next().expect("it is still connected")
    }
}

/// A client of the plain protocol.
pub(crate) struct Plain {
    pub(crate) socket: Socket,
    pub(crate) id: String,
}

impl Plain {
    /// Connects and subscribes.
    pub(crate) fn member_of(gateway: &Running, rooms: &[&str]) -> Self {
        Self::at(gateway, "/ws", rooms)
    }

    /// Connects at a path, such as one that names a namespace, and subscribes.
    pub(crate) fn at(gateway: &Running, path: &str, rooms: &[&str]) -> Self {
        let mut socket = Socket::open(gateway, path);
        let hello: Value = serde_json::from_str(&socket.expect()).expect("JSON");
        let id = hello["id"].as_str().expect("an id").to_owned();
        let mut client = Self { socket, id };
        if !rooms.is_empty() {
            client.socket.send(&json!({"type":"subscribe","id":"1","rooms":rooms}).to_string());
            assert_eq!(client.next()["type"], "ok");
        }
        client
    }

    pub(crate) fn next(&mut self) -> Value {
        serde_json::from_str(&self.socket.expect()).expect("JSON")
    }
}

/// A Socket.IO client in the namespace `/`, over WebSocket.
pub(crate) struct SocketIo {
    pub(crate) socket: Socket,
    pub(crate) id: String,
}

impl SocketIo {
    /// Connects and subscribes to one room.
    pub(crate) fn member_of(gateway: &Running, room: &str) -> Self {
        Self::with(gateway, room, "", "")
    }

    /// The same with further parameters in the query, and an auth object.
    pub(crate) fn with(gateway: &Running, room: &str, query: &str, auth: &str) -> Self {
        let mut socket = Socket::open(gateway, &format!("/socket.io/?EIO=4&transport=websocket{query}"));
        assert!(socket.expect().starts_with('0'));
        socket.send(&format!("40{auth}"));
        let answer = socket.expect();
        let answer: Value = serde_json::from_str(answer.strip_prefix("40").expect("CONNECT")).expect("JSON");
        let id = answer["sid"].as_str().expect("an id").to_owned();
        let mut client = Self { socket, id };
        client.socket.send(&format!("4299{}", json!(["subscribe", room])));
        assert!(client.next().starts_with("4399"), "subscribed");
        client
    }

    pub(crate) fn next(&mut self) -> String {
        self.socket.expect()
    }

    /// Reads an event that asks for an acknowledgement and answers with `args`.
    pub(crate) fn acknowledge(&mut self, args: &str) {
        let event = self.next();
        let id: String = event.strip_prefix("42").expect("an event").chars().take_while(char::is_ascii_digit).collect();
        assert!(!id.is_empty(), "{event}");
        self.socket.send(&format!("43{id}{args}"));
    }
}
