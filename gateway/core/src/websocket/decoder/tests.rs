//! One rule a row.

use super::super::encode_masked;
use super::*;
use FrameError as E;
use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};

const LIMITS: Limits = Limits {
    message_bytes_max: 1000,
    fragments_max: 4,
};
const FIN: bool = true;

/// A client's frame.
fn frame(fin: bool, opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_masked(opcode, payload, [9, 8, 7, 6], &mut out);
    out[0] &= if fin { 0xFF } else { 0x7F };
    out
}

/// What came out, as text, and the error at the end, if any.
fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, Option<FrameError>) {
    let mut decoder = Decoder::new(Role::Server);
    let mut messages = Vec::new();
    for chunk in chunks {
        let mut chunk = chunk.to_vec();
        let mut rest = &mut chunk[..];
        loop {
            let step = match decoder.next(rest, &LIMITS) {
                Ok(step) => step,
                Err(error) => return (messages, Some(error)),
            };
            let consumed = step.consumed;
            let Some(message) = step.message else {
                assert_eq!(consumed, rest.len());
                break;
            };
            messages.push(match message {
                Message::Text(text) => format!("text {text}"),
                Message::Binary(bytes) => format!("binary {bytes:?}"),
                Message::Ping(bytes) => format!("ping {bytes:?}"),
                Message::Pong(bytes) => format!("pong {bytes:?}"),
                Message::Close(close) => format!("close {close:?}"),
            });
            rest = &mut rest[consumed..];
        }
    }
    (messages, None)
}

#[test]
fn rules_between_frames() {
    let cases: &[(&str, &[(bool, Opcode, &[u8])], &[&str], Option<FrameError>)] = &[
        (
            "whole",
            &[(FIN, Text, b"hi"), (FIN, Binary, &[1])],
            &["text hi", "binary [1]"],
            None,
        ),
        (
            "empty",
            &[(FIN, Text, b""), (FIN, Binary, b"")],
            &["text ", "binary []"],
            None,
        ),
        (
            "fragments",
            &[
                (!FIN, Text, b"a"),
                (!FIN, Continuation, b""),
                (FIN, Continuation, b"b"),
            ],
            &["text ab"],
            None,
        ),
        (
            "empty fragments",
            &[(!FIN, Binary, b""), (FIN, Continuation, b"")],
            &["binary []"],
            None,
        ),
        (
            "twice",
            &[(!FIN, Text, b"a"), (FIN, Continuation, b"b"), (FIN, Text, b"c")],
            &["text ab", "text c"],
            None,
        ),
        (
            "control in between",
            &[
                (!FIN, Text, b"a"),
                (FIN, Ping, &[1]),
                (!FIN, Continuation, b"b"),
                (FIN, Pong, b""),
                (FIN, Continuation, b"c"),
            ],
            &["ping [1]", "pong []", "text abc"],
            None,
        ),
        ("close", &[(FIN, Close, b"")], &["close None"], None),
        (
            "close with code",
            &[(FIN, Close, b"\x03\xE8bye")],
            &["close Some((1000, \"bye\"))"],
            None,
        ),
        (
            "close, one byte",
            &[(FIN, Close, b"\x03")],
            &[],
            Some(E::CloseBody),
        ),
        (
            "close, 1005",
            &[(FIN, Close, b"\x03\xED")],
            &[],
            Some(E::CloseCode),
        ),
        (
            "close, bad text",
            &[(FIN, Close, b"\x03\xE8\xFF")],
            &[],
            Some(E::InvalidText),
        ),
        (
            "no start",
            &[(FIN, Continuation, b"a")],
            &[],
            Some(E::ContinuationWithoutStart),
        ),
        (
            "no start, open",
            &[(!FIN, Continuation, b"a")],
            &[],
            Some(E::ContinuationWithoutStart),
        ),
        (
            "no start after an end",
            &[
                (!FIN, Text, b"a"),
                (FIN, Continuation, b"b"),
                (FIN, Continuation, b"c"),
            ],
            &["text ab"],
            Some(E::ContinuationWithoutStart),
        ),
        (
            "start inside",
            &[(!FIN, Text, b"a"), (FIN, Text, b"b")],
            &[],
            Some(E::MessageInsideMessage),
        ),
        (
            "start inside, open",
            &[(!FIN, Text, b"a"), (!FIN, Binary, b"b")],
            &[],
            Some(E::MessageInsideMessage),
        ),
        (
            "control, open",
            &[(!FIN, Ping, b"")],
            &[],
            Some(E::ControlFragmented),
        ),
        ("not UTF-8", &[(FIN, Text, b"\xFF")], &[], Some(E::InvalidText)),
        ("cut off", &[(FIN, Text, b"\xE2\x82")], &[], Some(E::InvalidText)),
        (
            "character over fragments",
            &[(!FIN, Text, b"\xE2\x82"), (FIN, Continuation, b"\xAC")],
            &["text €"],
            None,
        ),
        (
            "character around a ping",
            &[
                (!FIN, Text, b"\xE2"),
                (FIN, Ping, b"\xFF"),
                (FIN, Continuation, b"\x82\xAC"),
            ],
            &["ping [255]", "text €"],
            None,
        ),
        (
            "cut off at the end",
            &[(!FIN, Text, b"a"), (FIN, Continuation, b"\xE2\x82")],
            &[],
            Some(E::InvalidText),
        ),
        (
            "any bytes in binary",
            &[(!FIN, Binary, b"\xFF"), (FIN, Continuation, b"\xC0")],
            &["binary [255, 192]"],
            None,
        ),
        (
            "as long as may be",
            &[
                (!FIN, Text, &[b'a'; 900]),
                (FIN, Ping, &[b'p'; 2]),
                (FIN, Continuation, b""),
            ],
            &["ping [112, 112]", &format!("text {}", "a".repeat(900))],
            None,
        ),
        (
            "too long",
            &[(FIN, Binary, &[0; 1001])],
            &[],
            Some(E::MessageTooLong),
        ),
        (
            "too long together",
            &[(!FIN, Binary, &[0; 999]), (FIN, Continuation, &[0; 2])],
            &[],
            Some(E::MessageTooLong),
        ),
        (
            "4 frames",
            &[
                (!FIN, Text, b""),
                (!FIN, Continuation, b""),
                (FIN, Ping, b""),
                (!FIN, Continuation, b""),
                (FIN, Continuation, b""),
            ],
            &["ping []", "text "],
            None,
        ),
        (
            "5 frames",
            &[
                (!FIN, Text, b""),
                (!FIN, Continuation, b""),
                (!FIN, Continuation, b""),
                (!FIN, Continuation, b""),
                (FIN, Continuation, b""),
            ],
            &[],
            Some(E::TooManyFragments),
        ),
    ];
    for &(name, frames, messages, error) in cases {
        let stream: Vec<u8> = frames
            .iter()
            .flat_map(|&(fin, opcode, payload)| frame(fin, opcode, payload))
            .collect();
        let expected = (messages.iter().map(ToString::to_string).collect(), error);
        assert_eq!(decode([&stream[..]]), expected, "{name}");
        assert_eq!(decode(stream.chunks(1)), expected, "{name}, byte by byte");
        for cut in 0..=stream.len() {
            let (front, back) = stream.split_at(cut);
            assert_eq!(decode([front, back]), expected, "{name}, cut at {cut}");
        }
    }
}

#[test]
fn a_length_is_refused_by_its_header_alone_and_allocates_nothing() {
    let header = [
        0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4,
    ];
    assert_eq!(decode([&header[..]]).1, Some(E::MessageTooLong));
    assert_eq!(decode(header.chunks(1)).1, Some(E::MessageTooLong));

    let vast = Limits {
        message_bytes_max: usize::MAX,
        fragments_max: usize::MAX,
    };
    for fin in [0x80, 0] {
        let mut decoder = Decoder::new(Role::Server);
        let mut input = header;
        input[0] = 0x02 | fin;
        let step = decoder.next(&mut input, &vast).expect("within the limit");
        assert_eq!((step.consumed, step.message), (14, None));
        decoder.next(&mut [7; 100], &vast).expect("within the limit");
        assert_eq!(decoder.buffered_bytes(), 100);
        let message = decoder
            .partial
            .as_ref()
            .and_then(|partial| partial.message.as_ref());
        assert!(message.expect("unfinished").bytes.capacity() <= 200);
    }
}

#[test]
fn text_is_refused_before_its_frame_ends() {
    let whole = frame(FIN, Text, b"good \xFF and more to come");
    let wrong = 2 + 4 + 5;
    assert_eq!(decode([&whole[..wrong]]), (vec![], None));
    assert_eq!(decode([&whole[..=wrong]]).1, Some(E::InvalidText));
    assert_eq!(decode(whole[..=wrong].chunks(1)).1, Some(E::InvalidText));
    let open = frame(!FIN, Text, b"good \xE2\x28");
    assert_eq!(decode([&open[..]]).1, Some(E::InvalidText));
}

#[test]
fn a_decoder_is_small_and_owns_nothing_between_messages() {
    assert!(size_of::<Decoder>() <= 16, "{}", size_of::<Decoder>());
    let mut decoder = Decoder::new(Role::Server);
    let stream = [
        frame(!FIN, Text, b"a"),
        frame(FIN, Ping, b"p"),
        frame(FIN, Continuation, b"b"),
    ]
    .concat();
    let mut messages = 0;
    for byte in stream {
        let mut input = [byte];
        let step = decoder.next(&mut input, &LIMITS).expect("valid");
        assert_eq!(step.consumed, 1);
        messages += usize::from(step.message.is_some());
    }
    assert_eq!((messages, decoder.buffered_bytes()), (2, 0));
    assert!(decoder.next(&mut [], &LIMITS).expect("valid").message.is_none());
    assert!(decoder.partial.is_none(), "the next call frees it");
}

#[test]
fn whole_frames_are_handed_out_from_the_input() {
    let mut input = [frame(FIN, Text, b"hello"), frame(FIN, Binary, b"world")].concat();
    let inside = input.as_ptr_range();
    let mut decoder = Decoder::new(Role::Server);
    // A header that came alone costs no copy either.
    let (header, rest) = input.split_at_mut(6);
    assert!(decoder.next(header, &LIMITS).expect("valid").message.is_none());
    let step = decoder.next(rest, &LIMITS).expect("valid");
    let consumed = step.consumed;
    let Some(Message::Text(text)) = step.message else {
        panic!("text")
    };
    assert!(inside.contains(&text.as_ptr()));
    assert!(decoder.partial.is_none());
    let step = decoder.next(&mut rest[consumed..], &LIMITS).expect("valid");
    let Some(Message::Binary(bytes)) = step.message else {
        panic!("bytes")
    };
    assert!(inside.contains(&bytes.as_ptr()));
    assert!(decoder.partial.is_none());
}

#[test]
fn after_an_error_nothing_is_decoded() {
    let mut decoder = Decoder::new(Role::Server);
    for mut bad in [frame(FIN, Text, b"\xFF"), frame(FIN, Text, b"good"), vec![]] {
        assert_eq!(decoder.next(&mut bad, &LIMITS).err(), Some(E::InvalidText));
        assert_eq!(decoder.buffered_bytes(), 0);
    }
}

#[test]
fn a_client_takes_what_a_server_sends() {
    let mut input = Vec::new();
    super::super::encode(Text, b"hi", &mut input);
    let step = Decoder::new(Role::Client)
        .next(&mut input, &LIMITS)
        .map(|step| step.message.is_some());
    assert_eq!(step, Ok(true));
    assert_eq!(
        Decoder::new(Role::Server).next(&mut input, &LIMITS).err(),
        Some(E::Unmasked)
    );
    assert_eq!(
        Decoder::new(Role::Client)
            .next(&mut frame(FIN, Text, b"hi"), &LIMITS)
            .err(),
        Some(E::Masked)
    );
}
