//! WebSocket frames: however a stream is cut the same comes out, within the limits, and
//! what comes out can be sent again; fastwebsockets agrees as far as it is strict.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use fastwebsockets::{OpCode, WebSocket, WebSocketError};
use roomcast_core::websocket::{
    CONTROL_BYTES_MAX, Decoder, FrameError, Limits, Message, Opcode, Role, encode, encode_close, encode_masked,
};

/// A message that owns its bytes.
#[derive(Clone, Debug, PartialEq)]
enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

impl From<Message<'_>> for Got {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.into()),
            Message::Binary(bytes) => Self::Binary(bytes.into()),
            Message::Ping(bytes) => Self::Ping(bytes.into()),
            Message::Pong(bytes) => Self::Pong(bytes.into()),
            Message::Close(close) => Self::Close(close.map(|(code, text)| (code, text.into()))),
        }
    }
}

/// Messages, the error at which decoding ended, and whether bytes of an unfinished message are held.
type Outcome = (Vec<Got>, Option<FrameError>, bool);

/// See the module.
pub fn check(data: &[u8]) -> bool {
    let [choice, seed, stream @ ..] = data else {
        return false;
    };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let limits = Limits {
        message_bytes_max: [1 << 20, 300, 10, 0][usize::from(choice >> 1 & 3)],
        fragments_max: [1024, 3, 1, 0][usize::from(choice >> 3 & 3)],
    };
    let whole = decode(role, &limits, [stream]);
    assert_eq!(decode(role, &limits, Pieces { rest: stream, state: u32::from(*seed) }), whole, "cut into pieces");
    if stream.len() <= 256 {
        assert_eq!(decode(role, &limits, stream.chunks(1)), whole, "byte by byte");
    }
    let (messages, error, _) = &whole;
    let key = [*seed, choice ^ 0x5A, 7, seed.wrapping_mul(31)];
    sent_again(role, &limits, messages, key);
    if role == Role::Server && limits.message_bytes_max == 1 << 20 && limits.fragments_max == 1024 {
        against_the_oracle(stream, messages, *error);
    }
    error.is_none() && !messages.is_empty()
}

fn decode<'a>(role: Role, limits: &Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new(role);
    let mut messages = Vec::new();
    let mut fed = 0;
    for piece in pieces {
        fed += piece.len();
        let mut piece = piece.to_vec();
        let mut rest = &mut piece[..];
        loop {
            let step = match decoder.next(rest, limits) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.next(&mut [], limits).err(), Some(error), "errors stay");
                    assert_eq!(decoder.buffered_bytes(), 0, "nothing is held after an error");
                    return (messages, Some(error), false);
                }
            };
            let (consumed, ended) = (step.consumed, step.message.is_none());
            messages.extend(step.message.map(|message| within(message, limits)));
            rest = rest.get_mut(consumed..).expect("no more is used than there was");
            if ended {
                assert!(rest.is_empty(), "more is needed, so all was used");
                break;
            }
        }
        assert!(decoder.buffered_bytes() <= fed);
        assert!(decoder.buffered_bytes() <= limits.message_bytes_max + CONTROL_BYTES_MAX + 14);
    }
    (messages, None, decoder.buffered_bytes() > 0)
}

fn within(message: Message<'_>, limits: &Limits) -> Got {
    let (bytes, most) = match message {
        Message::Text(text) => (text.len(), limits.message_bytes_max),
        Message::Binary(bytes) => (bytes.len(), limits.message_bytes_max),
        Message::Ping(bytes) | Message::Pong(bytes) => (bytes.len(), CONTROL_BYTES_MAX),
        Message::Close(None) => (0, CONTROL_BYTES_MAX),
        Message::Close(Some((code, text))) => {
            assert!((1000..5000).contains(&code) && ![1004, 1005, 1006, 1015].contains(&code), "{code}");
            (2 + text.len(), CONTROL_BYTES_MAX)
        }
    };
    assert!(bytes <= most, "{bytes} bytes, {most} at most");
    message.into()
}

/// Pieces of 1 to 16 bytes, now and then of none.
struct Pieces<'a> {
    rest: &'a [u8],
    state: u32,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = (self.state >> 28) as usize + (self.state >> 27 & 1) as usize;
        let (piece, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        Some(piece)
    }
}

/// What was decoded, sent as one frame each, decodes to the same.
fn sent_again(role: Role, limits: &Limits, messages: &[Got], key: [u8; 4]) {
    let mut stream = Vec::new();
    for message in messages {
        let mut frame = |opcode, payload: &[u8]| match role {
            Role::Server => encode_masked(opcode, payload, key, &mut stream),
            Role::Client => encode(opcode, payload, &mut stream),
        };
        match message {
            Got::Text(text) => frame(Opcode::Text, text.as_bytes()),
            Got::Binary(bytes) => frame(Opcode::Binary, bytes),
            Got::Ping(bytes) => frame(Opcode::Ping, bytes),
            Got::Pong(bytes) => frame(Opcode::Pong, bytes),
            Got::Close(close) => {
                let mut unmasked = Vec::new();
                encode_close(close.as_ref().map(|(code, text)| (*code, text.as_str())), &mut unmasked);
                frame(Opcode::Close, &unmasked[2..]);
            }
        }
    }
    let again = decode(role, limits, [&stream[..]]);
    assert_eq!(again, (messages.to_vec(), None, false), "sent again");
}

/// Whatever we take fastwebsockets takes, and up to our refusal it says the same. It goes on
/// where we refuse (unmasked frames, lengths that are not minimal, bodies of closes).
fn against_the_oracle(stream: &[u8], ours: &[Got], error: Option<FrameError>) {
    let (theirs, read_all) = match pin!(oracle(stream)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("a slice is always ready"),
    };
    match error {
        None => {
            assert!(read_all, "only the oracle refuses");
            assert_eq!(ours, theirs);
        }
        Some(error) => assert!(theirs.starts_with(ours), "before {error:?}: {ours:?}, they say {theirs:?}"),
    }
}

/// What fastwebsockets makes of a client's stream: messages, and whether it read all of it.
#[expect(clippy::disallowed_types, reason = "the oracle assembles fragments; the stream is short")]
async fn oracle(stream: &[u8]) -> (Vec<Got>, bool) {
    let duplex = tokio::io::join(stream, tokio::io::sink());
    let mut socket = WebSocket::after_handshake(duplex, fastwebsockets::Role::Server);
    socket.set_auto_close(false);
    socket.set_auto_pong(false);
    let mut socket = fastwebsockets::FragmentCollector::new(socket);
    let mut messages = Vec::new();
    loop {
        let frame = match socket.read_frame().await {
            Ok(frame) => frame,
            Err(error) => return (messages, matches!(error, WebSocketError::UnexpectedEOF)),
        };
        let payload = frame.payload.to_vec();
        messages.push(match frame.opcode {
            OpCode::Text => Got::Text(String::from_utf8(payload).expect("the oracle checks text")),
            OpCode::Binary => Got::Binary(payload),
            OpCode::Ping => Got::Ping(payload),
            OpCode::Pong => Got::Pong(payload),
            OpCode::Close => Got::Close(
                payload
                    .split_first_chunk()
                    .map(|(code, text)| (u16::from_be_bytes(*code), String::from_utf8_lossy(text).into_owned())),
            ),
            OpCode::Continuation => unreachable!("the collector returns whole messages"),
        });
    }
}
