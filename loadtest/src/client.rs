//! One client as a state machine: bytes in, bytes out, what happened. No I/O.

use std::fmt;

use roomcast_core::websocket::{Message, Opcode, Role};

use crate::frames::{Decoder, FrameError, encode_masked};
use crate::protocol::{ACCEPT, Protocol};
use polling::Polling;

mod polling;

/// Bytes of a handshake's answer at most.
const HEAD_BYTES_MAX: usize = 8_192;

/// What a client is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Receives what is published to this room.
    Member(u32),
    /// Publishes, and is a member of no room.
    Publisher,
}

/// What bytes from the server meant.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The client is ready: a member of its room, or able to publish.
    Ready,
    /// A message that may be a delivery.
    Text(&'a str),
}

/// Why a client is of no more use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// The handshake was answered by something else than 101 and the right key.
    Handshake(String),
    /// A step after the handshake was refused.
    Refused(String),
    /// The server closed in order: code and text.
    Closed(String),
    /// Not the protocol.
    Frame(FrameError),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(answer) => write!(f, "the handshake was answered by: {answer}"),
            Self::Refused(answer) => write!(f, "refused: {answer}"),
            Self::Closed(why) => write!(f, "closed by the server: {why}"),
            Self::Frame(error) => write!(f, "not WebSocket: {error}"),
        }
    }
}

impl std::error::Error for ClientError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Waits for the 101; over polling there is none.
    Upgrade,
    /// Waits for the server's first message.
    Opening,
    /// Waits for the answer to CONNECT (Socket.IO).
    Connecting,
    /// Waits for the answer to subscribe.
    Subscribing,
    /// Ready.
    Ready,
}

/// State of one connection.
#[derive(Debug)]
pub struct Client {
    session: Session,
    wire: Wire,
}

/// What carries the messages.
#[derive(Debug)]
enum Wire {
    WebSocket(WebSocket),
    Polling(Polling),
}

#[derive(Debug)]
struct WebSocket {
    decoder: Decoder,
    /// An incomplete answer to the handshake; empty afterwards.
    head: Vec<u8>,
}

/// The part that is not about bytes.
#[derive(Debug)]
struct Session {
    protocol: Protocol,
    purpose: Purpose,
    stage: Stage,
}

impl Client {
    /// A client of `host` whose connection is not open yet.
    pub fn new(protocol: Protocol, purpose: Purpose, host: &str) -> Self {
        let (stage, wire) = match protocol {
            Protocol::Polling => (Stage::Opening, Wire::Polling(Polling::new(host))),
            Protocol::Limit | Protocol::SocketIo | Protocol::Plain => {
                let websocket = WebSocket { decoder: Decoder::new(Role::Client), head: Vec::new() };
                (Stage::Upgrade, Wire::WebSocket(websocket))
            }
        };
        Self { session: Session { protocol, purpose, stage }, wire }
    }

    /// Whether deliveries are due from now on.
    pub fn is_ready(&self) -> bool {
        self.session.stage == Stage::Ready
    }

    /// Takes what was read. Appends what is to be written to `out`.
    pub fn receive(
        &mut self,
        input: &mut [u8],
        out: &mut Vec<u8>,
        mut on: impl FnMut(Event<'_>),
    ) -> Result<(), ClientError> {
        match &mut self.wire {
            Wire::WebSocket(websocket) => websocket.receive(&mut self.session, input, out, &mut on),
            Wire::Polling(polling) => polling.receive(&mut self.session, input, out, &mut on),
        }
    }
}

impl WebSocket {
    fn receive(
        &mut self,
        session: &mut Session,
        input: &mut [u8],
        out: &mut Vec<u8>,
        on: &mut impl FnMut(Event<'_>),
    ) -> Result<(), ClientError> {
        let mut at = 0;
        if session.stage == Stage::Upgrade {
            match self.upgraded(input)? {
                Some(used) => at = used,
                None => return Ok(()),
            }
            session.begin(out, on);
        }
        loop {
            let step = self.decoder.next(&mut input[at..]).map_err(ClientError::Frame)?;
            at += step.consumed;
            match step.message {
                None => return Ok(()),
                Some(Message::Text(text)) => session.text(text, out, on)?,
                Some(Message::Ping(body)) => encode_masked(Opcode::Pong, body, out),
                Some(Message::Close(why)) => {
                    let why = why.map(|(code, text)| format!("{code} {text}"));
                    return Err(ClientError::Closed(why.unwrap_or_else(|| "no code".to_owned())));
                }
                Some(Message::Pong(_) | Message::Binary(_)) => {}
            }
        }
    }

    /// How many bytes of `input` end the handshake's answer, once it is complete and right.
    fn upgraded(&mut self, input: &[u8]) -> Result<Option<usize>, ClientError> {
        let held = self.head.len();
        self.head.extend_from_slice(input);
        let Some(end) = self.head.windows(4).position(|window| window == b"\r\n\r\n") else {
            if self.head.len() > HEAD_BYTES_MAX {
                return Err(ClientError::Handshake("an endless head".to_owned()));
            }
            return Ok(None);
        };
        let head = std::mem::take(&mut self.head);
        let text = String::from_utf8_lossy(&head[..end]);
        if !text.starts_with("HTTP/1.1 101") || !text.contains(ACCEPT) {
            return Err(ClientError::Handshake(String::from_utf8_lossy(&head).into_owned()));
        }
        Ok(Some(end + 4 - held))
    }
}

impl Session {
    /// After the 101.
    fn begin(&mut self, out: &mut Vec<u8>, on: &mut impl FnMut(Event<'_>)) {
        match self.protocol {
            Protocol::Limit => self.subscribe(out, on),
            Protocol::SocketIo | Protocol::Polling | Protocol::Plain => self.stage = Stage::Opening,
        }
    }

    /// Appends one message as the connection carries it: in a frame, or for the next POST.
    fn say(&self, text: &str, out: &mut Vec<u8>) {
        match self.protocol {
            Protocol::Polling => polling::append(text, out),
            _ => encode_masked(Opcode::Text, text.as_bytes(), out),
        }
    }

    fn subscribe(&mut self, out: &mut Vec<u8>, on: &mut impl FnMut(Event<'_>)) {
        match self.purpose {
            Purpose::Member(room) => {
                self.say(&self.protocol.subscribe(room), out);
                self.stage = Stage::Subscribing;
            }
            Purpose::Publisher => self.ready(on),
        }
    }

    fn ready(&mut self, on: &mut impl FnMut(Event<'_>)) {
        self.stage = Stage::Ready;
        on(Event::Ready);
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>, on: &mut impl FnMut(Event<'_>)) -> Result<(), ClientError> {
        match self.protocol {
            Protocol::Limit => match self.stage {
                Stage::Subscribing if text == "joined" => self.ready(on),
                _ => on(Event::Text(text)),
            },
            Protocol::SocketIo | Protocol::Polling => return self.socket_io(text, out, on),
            Protocol::Plain => return self.plain(text, out, on),
        }
        Ok(())
    }

    fn socket_io(&mut self, text: &str, out: &mut Vec<u8>, on: &mut impl FnMut(Event<'_>)) -> Result<(), ClientError> {
        let refused = || Err(ClientError::Refused(text.to_owned()));
        match (text.as_bytes(), self.stage) {
            ([b'4', b'2', ..], _) => on(Event::Text(text)),
            (b"2", _) => self.say("3", out),
            (b"6", _) => {}
            ([b'0', b'{', ..], Stage::Opening) => {
                self.say("40", out);
                self.stage = Stage::Connecting;
            }
            ([b'4', b'0', b'{', ..], Stage::Connecting) => self.subscribe(out, on),
            ([b'4', b'3', b'0', b'[', ..], Stage::Subscribing) if text.contains("\"ok\":true") => {
                self.ready(on);
            }
            _ => return refused(),
        }
        Ok(())
    }

    fn plain(&mut self, text: &str, out: &mut Vec<u8>, on: &mut impl FnMut(Event<'_>)) -> Result<(), ClientError> {
        match self.stage {
            _ if text.starts_with("{\"type\":\"event\"") => on(Event::Text(text)),
            _ if text.starts_with("{\"type\":\"error\"") => {
                return Err(ClientError::Refused(text.to_owned()));
            }
            Stage::Opening if text.starts_with("{\"type\":\"hello\"") => self.subscribe(out, on),
            Stage::Subscribing if text.starts_with("{\"type\":\"ok\"") => self.ready(on),
            Stage::Ready => {} // an answer to a publication
            _ => return Err(ClientError::Refused(text.to_owned())),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
