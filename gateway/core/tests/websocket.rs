//! The frame codec under generated streams: against its own encoders, against other
//! splits of the same bytes, and against a decoder that somebody else wrote.

#[path = "websocket/streams.rs"]
mod streams;

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;
use roomcast_core::websocket::{
    Decoder, FrameError, Limits, Message, Opcode, Role, encode, encode_close, encode_masked,
};

use streams::{Frame, binary, bytes_of, code, control, frames, pieces, text};

const LIMITS: Limits = Limits { message_bytes_max: 1 << 20, fragments_max: 16 };

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

// What decoders say, in one shape.

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

/// Messages, then the error at which decoding ended, if it did.
type Outcome = (Vec<Got>, Option<FrameError>);

fn decode<'a>(role: Role, limits: &Limits, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut decoder = Decoder::new(role);
    let mut messages = Vec::new();
    let mut fed = 0;
    for chunk in chunks {
        fed += chunk.len();
        let mut chunk = chunk.to_vec();
        let mut rest = &mut chunk[..];
        loop {
            let step = match decoder.next(rest, limits) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(decoder.next(&mut [], limits).err(), Some(error), "errors stay");
                    return (messages, Some(error));
                }
            };
            let consumed = step.consumed;
            let ended = step.message.is_none();
            messages.extend(step.message.map(Got::from));
            rest = &mut rest[consumed..];
            if ended {
                assert!(rest.is_empty(), "more is needed, so all was used");
                break;
            }
        }
        assert!(decoder.buffered_bytes() <= fed);
    }
    (messages, None)
}

// 1. Against the encoders.

#[derive(Clone, Debug)]
enum Sent {
    Text(String),
    Binary(Vec<u8>),
    Control(Frame),
    Close(Option<(u16, String)>),
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        text().prop_map(Sent::Text),
        ".{0,30}".prop_map(Sent::Text),
        binary().prop_map(Sent::Binary),
        control().prop_map(Sent::Control),
        prop::option::of((code(), "[a-zé€]{0,40}")).prop_map(Sent::Close),
    ]
}

fn send(sent: &Sent, mask: Option<[u8; 4]>, out: &mut Vec<u8>) -> Got {
    let mut frame = |opcode, payload: &[u8]| match mask {
        Some(key) => encode_masked(opcode, payload, key, out),
        None => encode(opcode, payload, out),
    };
    match sent.clone() {
        Sent::Text(text) => {
            frame(Opcode::Text, text.as_bytes());
            Got::Text(text)
        }
        Sent::Binary(bytes) => {
            frame(Opcode::Binary, &bytes);
            Got::Binary(bytes)
        }
        Sent::Control(control) => {
            frame(control.opcode, &control.payload);
            match control.opcode {
                Opcode::Ping => Got::Ping(control.payload),
                _ => Got::Pong(control.payload),
            }
        }
        Sent::Close(mut close) => {
            if let Some((_, text)) = &mut close {
                text.truncate(text.floor_char_boundary(123));
            }
            let borrowed = close.as_ref().map(|(code, text)| (*code, text.as_str()));
            let mut unmasked = Vec::new();
            encode_close(borrowed, &mut unmasked);
            frame(Opcode::Close, &unmasked[2..]);
            Got::Close(close)
        }
    }
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn what_was_encoded_is_decoded_however_it_is_split(
        messages in vec(sent(), 0..6),
        key in prop::option::of(any::<[u8; 4]>()),
        cuts in vec(any::<Index>(), 0..12),
    ) {
        let mut stream = Vec::new();
        let expected: Vec<Got> = messages.iter().map(|message| send(message, key, &mut stream)).collect();
        let role = if key.is_some() { Role::Server } else { Role::Client };
        prop_assert_eq!(decode(role, &LIMITS, pieces(&stream, &cuts)), (expected, None));
    }
}

// 2. Against other splits of the same bytes.

/// Noise, and valid streams with a few bytes changed: these get further.
fn arbitrary() -> impl Strategy<Value = Vec<u8>> {
    let spoilt =
        (frames(), vec((any::<Index>(), any::<u8>()), 0..3), any::<Index>()).prop_map(|(frames, changes, end)| {
            let mut bytes = bytes_of(&frames);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(end.index(2 * bytes.len()));
            bytes
        });
    prop_oneof![1 => vec(any::<u8>(), 0..200), 4 => spoilt]
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn any_bytes_give_the_same_result_however_they_are_split(
        bytes in arbitrary(),
        server in any::<bool>(),
        cuts in vec(any::<Index>(), 0..12),
        message_bytes_max in select(vec![0, 100, 1 << 20]),
        fragments_max in 0..6_usize,
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let limits = Limits { message_bytes_max, fragments_max };
        let whole = decode(role, &limits, [&bytes[..]]);
        prop_assert_eq!(&decode(role, &limits, pieces(&bytes, &cuts)), &whole);
        if bytes.len() < 2000 {
            prop_assert_eq!(&decode(role, &limits, bytes.chunks(1)), &whole);
        }
    }
}

// 3. Against fastwebsockets.

/// A fault at the end of a valid stream: our error, and whether the oracle refuses it too.
#[derive(Clone, Copy, Debug)]
struct Fault {
    bytes: &'static [u8],
    error: FrameError,
    oracle_refuses: bool,
}

fn fault() -> impl Strategy<Value = Fault> {
    use FrameError as E;
    // Masks are zero, so that payloads are legible.
    let both: &[(&[u8], FrameError)] = &[
        (b"\xC1\x80\0\0\0\0", E::ReservedBits),
        (b"\xA2\x80\0\0\0\0", E::ReservedBits),
        (b"\x90\x80\0\0\0\0", E::ReservedBits),
        (b"\x83\x80\0\0\0\0", E::ReservedOpcode),
        (b"\x8B\x80\0\0\0\0", E::ReservedOpcode),
        (b"\x09\x80\0\0\0\0", E::ControlFragmented),
        (b"\x89\xFE\0\x7E\0\0\0\0", E::ControlTooLong),
        (b"\x80\x81\0\0\0\0a", E::ContinuationWithoutStart),
        (b"\x01\x81\0\0\0\0a\x82\x81\0\0\0\0b", E::MessageInsideMessage),
        (b"\x81\x82\0\0\0\0a\xFF", E::InvalidText),
        (b"\x81\x83\0\0\0\0\xED\xA0\x80", E::InvalidText),
        (b"\x01\x81\0\0\0\0\xE2\x00\x81\0\0\0\0a", E::InvalidText),
        (b"\x82\xFF\x80\0\0\0\0\0\0\0\0\0\0\0", E::LengthTopBit),
        (b"\x82\xFF\0\0\0\x01\0\0\0\0\0\0\0\0", E::MessageTooLong),
    ];
    let ours: &[(&[u8], FrameError)] = &[
        (b"\x81\x01a", E::Unmasked),
        (b"\x82\xFE\0\x01\0\0\0\0a", E::LengthNotMinimal),
        (b"\x8A\xFE\0\x7E\0\0\0\0", E::ControlTooLong),
        (b"\x88\x81\0\0\0\0\x03", E::CloseBody),
        (b"\x88\x82\0\0\0\0\x03\xED", E::CloseCode),
        (b"\x01\x81\0\0\0\0a\x02\x81\0\0\0\0b", E::MessageInsideMessage),
        (b"\x01\x81\0\0\0\0a\x80\x81\0\0\0\0\xE2", E::InvalidText),
    ];
    let faults = |from: &[(&'static [u8], FrameError)], oracle_refuses| {
        let faults = from.iter().map(|&(bytes, error)| Fault { bytes, error, oracle_refuses });
        select(faults.collect::<Vec<_>>())
    };
    prop_oneof![2 => faults(both, true), 1 => faults(ours, false)]
}

/// What fastwebsockets makes of a client's stream: messages, and whether it read all of it.
#[expect(
    clippy::disallowed_types,
    reason = "the oracle assembles fragments; streams here are bounded by their generator"
)]
async fn oracle(stream: &[u8]) -> (Vec<Got>, bool) {
    use fastwebsockets::{FragmentCollector, OpCode, WebSocket, WebSocketError};
    let duplex = tokio::io::join(stream, tokio::io::sink());
    let mut socket = WebSocket::after_handshake(duplex, fastwebsockets::Role::Server);
    socket.set_auto_close(false);
    socket.set_auto_pong(false);
    let mut socket = FragmentCollector::new(socket);
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

#[test]
fn fastwebsockets_agrees_message_for_message() {
    const CASES: u32 = 2000;
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (accepted, agreed_refusals, stricter, fragmented) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |counter: &Cell<u32>| counter.set(counter.get() + 1);
    let streams = (frames(), prop::option::weighted(0.25, fault()), vec(any::<Index>(), 0..12));
    TestRunner::new(config(CASES))
        .run(&streams, |(frames, fault, cuts)| {
            let mut stream = bytes_of(&frames);
            stream.extend(fault.iter().flat_map(|fault| fault.bytes));
            let (ours, error) = decode(Role::Server, &LIMITS, pieces(&stream, &cuts));
            let (theirs, theirs_whole) = runtime.block_on(oracle(&stream));
            prop_assert_eq!(error, fault.map(|fault| fault.error));
            match fault {
                None => {
                    prop_assert!(theirs_whole, "only the oracle refuses");
                    prop_assert_eq!(ours, theirs);
                    count(&accepted);
                    if frames.iter().any(|frame| !frame.fin) {
                        count(&fragmented);
                    }
                }
                Some(Fault { oracle_refuses: true, .. }) => {
                    prop_assert!(!theirs_whole, "only we refuse");
                    prop_assert_eq!(ours, theirs);
                    count(&agreed_refusals);
                }
                Some(_) => {
                    prop_assert!(theirs.starts_with(&ours));
                    count(&stricter);
                }
            }
            Ok(())
        })
        .expect("agreement");
    // Not vacuous: both accepted most streams, many in fragments, and faults were met too.
    let counts = [&accepted, &agreed_refusals, &stricter, &fragmented].map(Cell::get);
    let [accepted, agreed_refusals, stricter, fragmented] = counts;
    assert_eq!(accepted + agreed_refusals + stricter, CASES, "{counts:?}");
    assert!(accepted > CASES / 2, "{counts:?}");
    assert!(fragmented > CASES / 4, "{counts:?}");
    assert!(agreed_refusals > 20 && stricter > 5, "{counts:?}");
}
