//! A WebSocket client: a TCP stream and core's codec.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use roomcast_core::websocket::{self, Decoder, Limits, Message, Opcode, Role};

use crate::{DEADLINE, http};

const LIMITS: Limits = Limits { message_bytes_max: 1 << 20, fragments_max: 16 };

/// What the server said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Text(String),
    Binary(Vec<u8>),
    /// Its close frame's code; 1005 for none.
    Closed(u16),
    /// The answer to [`Socket::ping`].
    Pong,
}

pub(crate) struct Socket {
    stream: TcpStream,
    decoder: Decoder,
    received: Vec<u8>,
}

impl Socket {
    pub(crate) fn open(address: SocketAddr, target: &str) -> Self {
        let mut stream = http::connect(address);
        stream.write_all(http::upgrade_request(target, &[]).as_bytes()).expect("sent");
        let (head, received) = http::read_head(&mut stream).expect("an answer");
        assert_eq!(head.status, 101, "{head:?}");
        Self { stream, decoder: Decoder::new(Role::Client), received }
    }

    pub(crate) fn send_text(&mut self, text: &str) {
        self.send(Opcode::Text, text.as_bytes());
    }

    pub(crate) fn send_binary(&mut self, bytes: &[u8]) {
        self.send(Opcode::Binary, bytes);
    }

    /// What the server says before its pong is all that it had to say.
    pub(crate) fn ping(&mut self) {
        self.send(Opcode::Ping, b"");
    }

    fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut frame = Vec::new();
        websocket::encode_masked(opcode, payload, [1, 2, 3, 4], &mut frame);
        self.stream.write_all(&frame).expect("sent");
    }

    pub(crate) fn next(&mut self) -> Said {
        self.stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        loop {
            let step = self.decoder.next(&mut self.received, &LIMITS).expect("frames");
            let said = step.message.map(|message| match message {
                Message::Text(text) => Said::Text(text.to_owned()),
                Message::Binary(bytes) => Said::Binary(bytes.to_vec()),
                Message::Close(close) => Said::Closed(close.map_or(1005, |(code, _)| code)),
                Message::Pong(_) | Message::Ping(_) => Said::Pong,
            });
            let consumed = step.consumed;
            self.received.drain(..consumed);
            if let Some(said) = said {
                return said;
            }
            let mut buffer = [0; 4096];
            let read = self.stream.read(&mut buffer).expect("an answer in time");
            assert_ne!(read, 0, "the server hung up without a close frame");
            self.received.extend_from_slice(&buffer[..read]);
        }
    }
}
