//! Clients that take what is sent to them, or do not.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use roomcast_core::websocket::{Decoder, Limits, Message, Opcode, Role, encode_masked};
use serde_json::{Value, json};

use crate::program::DEADLINE;

const LIMITS: Limits = Limits { message_bytes_max: 1 << 22, fragments_max: 1 };
/// About the least that the kernel gives a socket.
const SMALL: usize = 2304;

/// What came last of all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A close frame.
    Closed(u16, String),
    /// The stream's end, or its break, without one.
    Cut,
}

/// A WebSocket, of the plain protocol unless it says otherwise.
pub(crate) struct Client {
    stream: TcpStream,
    decoder: Decoder,
    texts: VecDeque<String>,
    end: Option<End>,
}

impl Client {
    fn open(to: SocketAddr, path: &str, receive_buffer: Option<usize>) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes).expect("a socket");
        }
        socket.connect(&to.into()).expect("it listens");
        socket.set_read_timeout(Some(DEADLINE)).expect("a socket");
        let mut stream = TcpStream::from(socket);
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {to}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("it reads");
        let mut last = [0; 4];
        while last != *b"\r\n\r\n" {
            last.rotate_left(1);
            stream.read_exact(&mut last[3..]).expect("an answer");
        }
        Self { stream, decoder: Decoder::new(Role::Client), texts: VecDeque::new(), end: None }
    }

    /// A member of rooms, by the plain protocol.
    pub(crate) fn plain(to: SocketAddr, rooms: &[String], slow: bool) -> Self {
        let mut client = Self::open(to, "/ws", slow.then_some(SMALL));
        client.send(&json!({"type":"subscribe","id":1,"rooms":rooms}).to_string());
        while client.next().expect("an answer")["type"] != "ok" {}
        client
    }

    /// A member of rooms, by Socket.IO.
    pub(crate) fn socket_io(to: SocketAddr, rooms: &[String], slow: bool) -> Self {
        let mut client = Self::open(to, "/socket.io/?EIO=4&transport=websocket", slow.then_some(SMALL));
        client.send("40");
        client.send(&format!("421{}", json!(["subscribe", rooms])));
        while !client.text().expect("an answer").starts_with("431") {}
        client
    }

    fn send(&mut self, text: &str) {
        let mut frame = Vec::new();
        encode_masked(Opcode::Text, text.as_bytes(), [1, 2, 3, 4], &mut frame);
        self.stream.write_all(&frame).expect("it reads");
    }

    /// The next message of the plain protocol; `None`: there is no other.
    pub(crate) fn next(&mut self) -> Option<Value> {
        self.text().map(|text| serde_json::from_str(&text).expect("JSON"))
    }

    fn text(&mut self) -> Option<String> {
        while self.texts.is_empty() && self.end.is_none() {
            let mut buffer = [0; 16384];
            match self.stream.read(&mut buffer) {
                Ok(count) if count > 0 => self.take(&mut buffer[..count]),
                result => {
                    // In time, or it is a fault of the gateway.
                    let late = result.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
                    assert!(!late, "nothing more came");
                    self.end = Some(End::Cut);
                }
            }
        }
        self.texts.pop_front()
    }

    fn take(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            let step = self.decoder.next(bytes, &LIMITS).expect("frames");
            match step.message {
                Some(Message::Text(text)) => self.texts.push_back(text.to_owned()),
                Some(Message::Close(Some((code, text)))) => self.end = Some(End::Closed(code, text.to_owned())),
                _ => {}
            }
            let consumed = step.consumed;
            bytes = &mut bytes[consumed..];
        }
    }

    /// Reads to the end.
    pub(crate) fn end(mut self) -> End {
        while self.text().is_some() {}
        self.end.expect("that was the end")
    }
}
