//! One TCP connection of a bystander, read and written on the thread of all of them.

use std::io;
use std::net::SocketAddr;

use roomcast_core::websocket::{Decoder, Limits, Message, Opcode, Role, encode_masked};
use tokio::net::TcpStream;

const LIMITS: Limits = Limits { message_bytes_max: 1 << 20, fragments_max: 16 };

/// Bytes in both directions.
pub(crate) struct Link {
    stream: TcpStream,
    /// What was read and not taken yet.
    bytes: Vec<u8>,
}

impl Link {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await?, bytes: Vec::new() })
    }

    pub(crate) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads something; the end is an error.
    async fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.bytes.extend_from_slice(&buffer[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads an HTTP answer: its head, and its body if it says how long that is.
    pub(crate) async fn answer(&mut self) -> io::Result<(String, String)> {
        let end = loop {
            match self.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.more().await?,
            }
        };
        let head = String::from_utf8_lossy(&self.bytes[..end]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().expect("a number"));
        while self.bytes.len() < end + length {
            self.more().await?;
        }
        let body = String::from_utf8_lossy(&self.bytes[end..end + length]).into_owned();
        self.bytes.drain(..end + length);
        Ok((head, body))
    }
}

/// A WebSocket of a bystander: texts.
pub(crate) struct Socket {
    link: Link,
    decoder: Decoder,
}

impl Socket {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> io::Result<Self> {
        let mut link = Link::connect(address).await?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        link.write(request.as_bytes()).await?;
        let (head, _) = link.answer().await?;
        assert!(head.starts_with("http/1.1 101"), "{head}");
        Ok(Self { link, decoder: Decoder::new(Role::Client) })
    }

    pub(crate) async fn send(&self, text: &str) -> io::Result<()> {
        self.frame(Opcode::Text, text.as_bytes()).await
    }

    async fn frame(&self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        encode_masked(opcode, payload, [1, 2, 3, 4], &mut frame);
        self.link.write(&frame).await
    }

    /// The next text. A close frame is an error, as the end is.
    pub(crate) async fn next(&mut self) -> io::Result<String> {
        loop {
            while !self.link.bytes.is_empty() {
                let step = self.decoder.next(&mut self.link.bytes, &LIMITS).map_err(io::Error::other)?;
                let (mut text, mut ping) = (None, None);
                match step.message {
                    Some(Message::Text(message)) => text = Some(message.to_owned()),
                    Some(Message::Ping(payload)) => ping = Some(payload.to_vec()),
                    Some(Message::Close(close)) => return Err(io::Error::other(format!("closed: {close:?}"))),
                    _ => {}
                }
                let consumed = step.consumed;
                self.link.bytes.drain(..consumed);
                if let Some(payload) = ping {
                    self.frame(Opcode::Pong, &payload).await?;
                }
                if let Some(text) = text {
                    return Ok(text);
                }
            }
            self.link.more().await?;
        }
    }
}
