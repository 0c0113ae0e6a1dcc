//! A hostile peer: sends bytes as they are, and reads back what it is told.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use roomcast_core::websocket::{Decoder, Limits, Message, Opcode, Role, encode_masked};

use crate::{DEADLINE, SECRET};

const LIMITS: Limits = Limits { message_bytes_max: 16 << 20, fragments_max: 1024 };

/// One TCP connection.
pub(crate) struct Peer {
    stream: TcpStream,
    /// What was read and not taken yet.
    bytes: Vec<u8>,
    decoder: Decoder,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value, in lower case; the name too.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Asserts the status and that the body has `part` in it.
    pub(crate) fn is(&self, status: u16, part: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.body.contains(part), "no {part} in {self:?}");
    }
}

/// What a WebSocket was told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    /// A close frame with its code; `None`: it had none.
    Close(Option<u16>),
    /// The connection ended without a close frame.
    End,
}

impl Peer {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        stream.set_write_timeout(Some(DEADLINE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, bytes: Vec::new(), decoder: Decoder::new(Role::Client) }
    }

    /// Sends bytes. A server that has closed need not take them: whether it still does.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        match self.stream.write_all(bytes.as_ref()) {
            Ok(()) => true,
            Err(error) => {
                let closed = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
                assert!(closed, "neither taken nor refused in time: {error}");
                false
            }
        }
    }

    /// Resets the connection: what is on its way is thrown away by both sides.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    }

    /// Reads more; whether there was any.
    fn more(&mut self) -> bool {
        let mut buffer = [0; 16384];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.bytes.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("neither bytes nor an end in time: {error}"),
        }
    }

    /// Everything until the connection ends, by whatever way.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.bytes)
    }

    /// Reads an answer as far as its head; `None`: the connection ended without any.
    pub(crate) fn head(&mut self) -> Option<Answer> {
        let end = loop {
            match self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None if self.more() => {}
                None => return None,
            }
        };
        let head = String::from_utf8_lossy(&self.bytes[..end]).to_ascii_lowercase();
        self.bytes.drain(..end);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Some(Answer { status, head, body: String::new() })
    }

    /// Reads an answer to the end of its body; `None`: the connection ended without any.
    pub(crate) fn try_answer(&mut self) -> Option<Answer> {
        let mut answer = self.head()?;
        if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk() {
                answer.body.push_str(&chunk);
            }
        } else if answer.status != 101 {
            let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a number"));
            let body = self.take(length);
            answer.body = String::from_utf8_lossy(&body).into_owned();
        }
        Some(answer)
    }

    /// Reads an answer to the end of its body.
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer().expect("an answer before the end")
    }

    /// The next bytes, as they are.
    pub(crate) fn take(&mut self, length: usize) -> Vec<u8> {
        while self.bytes.len() < length {
            assert!(self.more(), "the end came before {length} bytes");
        }
        self.bytes.drain(..length).collect()
    }

    fn chunk(&mut self) -> Option<String> {
        let line = loop {
            match self.bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) => break self.take(end + 1),
                None => assert!(self.more(), "the end came before the last chunk"),
            }
        };
        let length = usize::from_str_radix(String::from_utf8_lossy(&line).trim(), 16).expect("a length");
        let chunk = self.take(length + 2);
        (length > 0).then(|| String::from_utf8_lossy(&chunk[..length]).into_owned())
    }

    /// A GET with secrets in its headers and its query, and the answer.
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, "", "")
    }

    /// A POST of JSON, and the answer.
    pub(crate) fn post_json(&mut self, path: &str, body: &str) -> Answer {
        self.request("POST", path, "Content-Type: application/json\r\n", body)
    }

    /// A request with `headers` (whole lines) and secrets that no log may show, and the answer.
    pub(crate) fn request(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let secrets = format!("Cookie: session={SECRET}\r\nAuthorization: Bearer {SECRET}\r\n");
        let (join, length) = (if path.contains('?') { '&' } else { '?' }, body.len());
        // Lists of the API refuse parameters that they do not know.
        let query = if path.starts_with("/v1/") { String::new() } else { format!("{join}token={SECRET}") };
        let request = format!(
            "{method} {path}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{secrets}{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        self.send(request);
        self.answer()
    }

    /// Becomes a WebSocket.
    pub(crate) fn upgrade(mut self, path: &str) -> Self {
        self.send(upgrade_request(path));
        let answer = self.answer();
        assert_eq!(answer.status, 101, "{answer:?}");
        self
    }

    /// Sends a masked frame.
    pub(crate) fn frame(&mut self, opcode: Opcode, payload: impl AsRef<[u8]>) -> bool {
        let mut frame = Vec::new();
        encode_masked(opcode, payload.as_ref(), [1, 2, 3, 4], &mut frame);
        self.send(frame)
    }

    /// Sends a text message.
    pub(crate) fn text(&mut self, text: &str) -> bool {
        self.frame(Opcode::Text, text)
    }

    /// The next message; pings and pongs are passed over.
    pub(crate) fn told(&mut self) -> Told {
        loop {
            match self.told_or_pinged() {
                Told::Ping(_) => {}
                told => return told,
            }
        }
    }

    /// The next message or ping; pongs are passed over.
    pub(crate) fn told_or_pinged(&mut self) -> Told {
        loop {
            while !self.bytes.is_empty() {
                let step = self.decoder.next(&mut self.bytes, &LIMITS).expect("frames");
                let told = match step.message {
                    Some(Message::Text(text)) => Some(Told::Text(text.to_owned())),
                    Some(Message::Binary(bytes)) => Some(Told::Binary(bytes.to_vec())),
                    Some(Message::Close(close)) => Some(Told::Close(close.map(|(code, _)| code))),
                    Some(Message::Ping(bytes)) => Some(Told::Ping(bytes.to_vec())),
                    Some(Message::Pong(_)) | None => None,
                };
                let consumed = step.consumed;
                self.bytes.drain(..consumed);
                if let Some(told) = told {
                    return told;
                }
            }
            if !self.more() {
                return Told::End;
            }
        }
    }

    /// The close frame's code, past everything before it; the connection has to end behind it.
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.told() {
                Told::Close(code) => {
                    assert!(self.rest().is_empty(), "nothing follows a close frame");
                    return code;
                }
                Told::End => panic!("the connection ended without a close frame"),
                Told::Text(_) | Told::Binary(_) | Told::Ping(_) => {}
            }
        }
    }
}

/// A proper upgrade request, with secrets that no log may show.
pub(crate) fn upgrade_request(path: &str) -> String {
    let join = if path.contains('?') { '&' } else { '?' };
    format!(
        "GET {path}{join}token={SECRET} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: session={SECRET}\r\n\
         Authorization: Bearer {SECRET}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}
