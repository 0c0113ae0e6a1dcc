//! A blocking connection that counts its bytes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use roomcast_core::websocket::{Message, Opcode, Role};
use socket2::SockRef;

use super::unexpected;
use crate::error::Error;
use crate::frames::{Decoder, encode_masked};
use crate::http::Answer;

/// A server that says nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a WebSocket brought.
#[derive(Debug)]
pub(crate) enum Said {
    Text(String),
    Ping(Vec<u8>),
}

/// A connection, and what was read of it and not used yet.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    input: Vec<u8>,
    decoder: Decoder,
    /// Bytes written.
    pub(crate) up: u64,
    /// Bytes read.
    pub(crate) down: u64,
}

impl Socket {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self, Error> {
        let connect = || {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            // Closing resets: thousands of closed connections leave no TIME_WAIT behind.
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            Ok(stream)
        };
        let stream = connect().map_err(Error::io(format!("connect to {address}")))?;
        Ok(Self { stream, input: Vec::new(), decoder: Decoder::new(Role::Client), up: 0, down: 0 })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.up += bytes.len() as u64;
        self.stream.write_all(bytes).map_err(Error::io("write a step"))
    }

    /// One masked frame.
    pub(crate) fn frame(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Error> {
        let mut frame = Vec::new();
        encode_masked(opcode, payload, &mut frame);
        self.write(&frame)
    }

    /// The next HTTP answer: its body, or its head if it is a 101.
    pub(crate) fn answer(&mut self, status: u16) -> Result<String, Error> {
        loop {
            if let Some(answer) = Answer::first(&self.input) {
                let rest = self.input.split_off(answer.end);
                let whole = std::mem::replace(&mut self.input, rest);
                let text = String::from_utf8_lossy(&whole);
                if answer.status != status {
                    return Err(unexpected(&status.to_string(), &text));
                }
                let from = if status == 101 { 0 } else { answer.body };
                return Ok(String::from_utf8_lossy(&whole[from..]).into_owned());
            }
            self.read()?;
        }
    }

    /// The next text or ping.
    pub(crate) fn said(&mut self) -> Result<Said, Error> {
        loop {
            let step = self.decoder.next(&mut self.input);
            let step = step.map_err(|error| unexpected("a frame", &format!("{error:?}")))?;
            let consumed = step.consumed;
            let said = match step.message {
                Some(Message::Text(text)) => Some(Said::Text(text.to_owned())),
                Some(Message::Ping(body)) => Some(Said::Ping(body.to_vec())),
                Some(other) => return Err(unexpected("a text", &format!("{other:?}"))),
                None => None,
            };
            self.input.drain(..consumed);
            match said {
                Some(said) => return Ok(said),
                None => self.read()?,
            }
        }
    }

    fn read(&mut self) -> Result<(), Error> {
        let mut buffer = [0; 4_096];
        let count = self.stream.read(&mut buffer).map_err(Error::io("wait for a step's answer"))?;
        if count == 0 {
            return Err(unexpected("an answer", "nothing: it closed the connection"));
        }
        self.down += count as u64;
        self.input.extend_from_slice(&buffer[..count]);
        Ok(())
    }
}
