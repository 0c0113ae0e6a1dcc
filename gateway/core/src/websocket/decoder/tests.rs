//! One rule a row.

use super::super::encode_masked;
use super::*;
use FrameError as E;
use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};

const LIMITS: Limits = Limits { message_bytes_max: 30, fragments_max: 4 };
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

/// Frames in short: opcode, `.` for FIN or `+` for more to come, payload; parted by blanks.
fn stream(frames: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for short in frames.split(|&byte| byte == b' ') {
        let opcode = match short[0] {
            b'T' => Text,
            b'B' => Binary,
            b'-' => Continuation,
            b'X' => Close,
            b'I' => Ping,
            b'O' => Pong,
            other => panic!("no opcode: {other}"),
        };
        out.extend(frame(short[1] == b'.', opcode, &short[2..]));
    }
    out
}

/// Frames in short, what comes out, and the error at the end.
type Row = (&'static [u8], &'static [&'static str], Option<FrameError>);

fn check(rows: &[Row]) {
    for &(frames, messages, error) in rows {
        let name = frames.escape_ascii();
        let stream = stream(frames);
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
fn messages_and_their_fragments() {
    check(&[
        (b"T.hi B.1", &["text hi", "binary [49]"], None),
        (b"T. B.", &["text ", "binary []"], None),
        (b"T+a -+ -.b", &["text ab"], None),
        (b"B+ -.", &["binary []"], None),
        (b"T+a -.b T.c", &["text ab", "text c"], None),
        (b"-.a", &[], Some(E::ContinuationWithoutStart)),
        (b"-+a", &[], Some(E::ContinuationWithoutStart)),
        (b"T.a -.b", &["text a"], Some(E::ContinuationWithoutStart)),
        (b"T+a -.b -.c", &["text ab"], Some(E::ContinuationWithoutStart)),
        (b"T+a T.b", &[], Some(E::MessageInsideMessage)),
        (b"T+a B+b", &[], Some(E::MessageInsideMessage)),
        (b"T+ T.b", &[], Some(E::MessageInsideMessage)),
    ]);
}

#[test]
fn control_frames() {
    check(&[
        (b"I.1 O.", &["ping [49]", "pong []"], None),
        (b"T+a I.1 -+b O. -.c", &["ping [49]", "pong []", "text abc"], None),
        (b"T+a I.12 -.b", &["ping [49, 50]", "text ab"], None),
        (b"T+a X. -.b", &["close None", "text ab"], None),
        (b"I+", &[], Some(E::ControlFragmented)),
        (b"I. -.", &["ping []"], Some(E::ContinuationWithoutStart)),
        (b"X.", &["close None"], None),
        (b"X.\x03\xE8bye", &["close Some((1000, \"bye\"))"], None),
        (b"X.\x03", &[], Some(E::CloseBody)),
        (b"X.\x03\xED", &[], Some(E::CloseCode)),
        (b"X.\x03\xE8\xFF", &[], Some(E::InvalidText)),
    ]);
}

#[test]
fn text_is_utf_8_over_all_fragments() {
    check(&[
        (b"T.\xE2\x82\xAC", &["text €"], None),
        (b"T+\xE2\x82 -.\xAC", &["text €"], None),
        (b"T+\xE2 -+ I.\xFF -.\x82\xAC", &["ping [255]", "text €"], None),
        (b"T+\xC3\xA9x -+\xC3 -.\xA9x", &["text éxéx"], None),
        (b"T.\xFF", &[], Some(E::InvalidText)),
        (b"T.\xE2\x82", &[], Some(E::InvalidText)),
        (b"T+\xE2\x82 -.", &[], Some(E::InvalidText)),
        (b"T+a -.\xE2\x82", &[], Some(E::InvalidText)),
        (b"T+\xE2\x82 -+x", &[], Some(E::InvalidText)),
        (b"B+\xFF -.\xC0", &["binary [255, 192]"], None),
    ]);
}

#[test]
fn limits_hold_over_all_fragments() {
    let thirty: &[&str] = &["ping [49]", "text 012345678901234567890123456789"];
    check(&[
        (b"I.1 T.012345678901234567890123456789", thirty, None),
        (b"T+0123456789 I.1 -+0123456789 -.0123456789", thirty, None),
        (b"T.0123456789012345678901234567890", &[], Some(E::MessageTooLong)),
        (b"T+0123456789 -.012345678901234567890", &[], Some(E::MessageTooLong)),
        (b"T+012345678901234567890123456789 -+1", &[], Some(E::MessageTooLong)),
        (b"T+ -+ I. -+ -. T.a", &["ping []", "text ", "text a"], None),
        (b"T+ -+ I. -+ -+ -.", &["ping []"], Some(E::TooManyFragments)),
        (b"I. I. I. I. I. O. T.", &["ping []", "ping []", "ping []", "ping []", "ping []", "pong []", "text "], None),
    ]);
}

#[test]
fn a_length_is_refused_by_its_header_alone_and_allocates_nothing() {
    let header = [0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4];
    assert_eq!(decode([&header[..]]).1, Some(E::MessageTooLong));
    assert_eq!(decode(header.chunks(1)).1, Some(E::MessageTooLong));

    let vast = Limits { message_bytes_max: usize::MAX, fragments_max: usize::MAX };
    for fin in [0x80, 0] {
        let mut decoder = Decoder::new(Role::Server);
        let mut input = header;
        input[0] = 0x02 | fin;
        let step = decoder.next(&mut input, &vast).expect("within the limit");
        assert_eq!((step.consumed, step.message), (14, None));
        decoder.next(&mut [7; 100], &vast).expect("within the limit");
        assert_eq!(decoder.buffered_bytes(), 100);
        let message = decoder.partial.as_ref().and_then(|partial| partial.message.as_ref());
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
    let stream = [frame(!FIN, Text, b"a"), frame(FIN, Ping, b"p"), frame(FIN, Continuation, b"b")].concat();
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
fn a_ping_is_freed_even_inside_an_unfinished_message() {
    let mut decoder = Decoder::new(Role::Server);
    let input = [frame(!FIN, Text, b"a"), frame(FIN, Ping, b"12")].concat();
    let mut pings = 0;
    for byte in input {
        let mut input = [byte];
        let step = decoder.next(&mut input, &LIMITS).expect("valid");
        pings += usize::from(step.message == Some(Message::Ping(b"12")));
    }
    let finished = |decoder: &Decoder| decoder.partial.as_ref().map(|partial| partial.finished.len());
    assert_eq!((pings, finished(&decoder)), (1, Some(2)));
    decoder.next(&mut [], &LIMITS).expect("valid");
    assert_eq!((decoder.buffered_bytes(), finished(&decoder)), (1, Some(0)));
}

#[test]
fn a_message_is_as_old_as_its_first_byte() {
    let mut decoder = Decoder::new(Role::Server);
    let mut at = |now: u64, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let mut rest = &mut bytes[..];
        loop {
            let step = decoder.next(rest, &LIMITS).expect("valid");
            let (consumed, whole) = (step.consumed, step.message.is_some());
            rest = &mut rest[consumed..];
            if !whole {
                break;
            }
        }
        decoder.note(now);
        decoder.unfinished_since()
    };
    assert_eq!(at(1, &stream(b"T.whole")), None);
    // Half a header, the rest of it, a fragment; a ping between, in two pieces.
    let (first, ping) = (stream(b"T+ab"), stream(b"I.x"));
    assert_eq!(at(2, &first[..1]), Some(2));
    assert_eq!(at(3, &first[1..]), Some(2));
    assert_eq!(at(4, &ping[..3]), Some(2));
    assert_eq!(at(5, &ping[3..]), Some(2));
    assert_eq!(at(6, &stream(b"-+cd")), Some(2));
    // The end of one and the beginning of the next in one piece.
    assert_eq!(at(7, &stream(b"-.ef T+gh")), Some(7));
    assert_eq!(at(8, &stream(b"-.ij")), None);
    assert_eq!(at(9, &ping[..3]), Some(9));
    assert_eq!(at(10, &ping[3..]), None);
}

#[test]
fn time_without_reading_makes_a_message_no_older() {
    let mut decoder = Decoder::new(Role::Server);
    decoder.forgive(5, 5);
    assert_eq!(decoder.unfinished_since(), None);
    decoder.next(&mut stream(b"T+ab"), &LIMITS).expect("valid");
    decoder.note(10);
    decoder.forgive(5, 20);
    assert_eq!(decoder.unfinished_since(), Some(15));
    decoder.forgive(50, 30);
    assert_eq!(decoder.unfinished_since(), Some(30));
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
    let Some(Message::Text(text)) = step.message else { panic!("text") };
    assert!(inside.contains(&text.as_ptr()));
    assert!(decoder.partial.is_none());
    let step = decoder.next(&mut rest[consumed..], &LIMITS).expect("valid");
    let Some(Message::Binary(bytes)) = step.message else { panic!("bytes") };
    assert!(inside.contains(&bytes.as_ptr()));
    assert!(decoder.partial.is_none());
}

#[test]
fn after_an_error_nothing_is_decoded() {
    for (bad, error) in [(frame(FIN, Text, b"\xFF"), E::InvalidText), (vec![0x81, 0x01, b'a'], E::Unmasked)] {
        let mut decoder = Decoder::new(Role::Server);
        for mut input in [bad, frame(FIN, Text, b"good"), vec![]] {
            assert_eq!(decoder.next(&mut input, &LIMITS).err(), Some(error));
            assert_eq!(decoder.buffered_bytes(), 0);
        }
    }
}

#[test]
fn a_client_takes_what_a_server_sends() {
    let mut input = Vec::new();
    super::super::encode(Text, b"hi", &mut input);
    let step = Decoder::new(Role::Client).next(&mut input, &LIMITS).map(|step| step.message.is_some());
    assert_eq!(step, Ok(true));
    assert_eq!(Decoder::new(Role::Server).next(&mut input, &LIMITS).err(), Some(E::Unmasked));
    assert_eq!(Decoder::new(Role::Client).next(&mut frame(FIN, Text, b"hi"), &LIMITS).err(), Some(E::Masked));
}
