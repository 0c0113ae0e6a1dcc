//! WebSocket frames that RFC 6455 forbids, and messages beyond the limits: the basics of
//! section 6.3, on both protocols.

use crate::scene::Scene;
use crate::table::{End, LARGE, NORMAL, PROTOCOL, Speech, TEXT, ends, in_turn, masked};

const BOTH: &[Speech] = &[Speech::Plain, Speech::SocketIo];

/// Bytes one after the other.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A close frame with this code.
fn close(code: u16) -> Vec<u8> {
    masked(0x88, &code.to_be_bytes())
}

fn play(rows: Vec<(String, Vec<u8>, End)>) {
    let mut scene = Scene::start(&[]);
    for (name, bytes, end) in &rows {
        ends(&mut scene, name, BOTH, bytes, *end);
    }
    let small = rows.into_iter().map(|(_, bytes, _)| bytes).filter(|bytes| bytes.len() < 1000);
    in_turn(&mut scene, BOTH, &small.collect::<Vec<_>>());
    scene.end();
}

fn row(name: &str, bytes: impl AsRef<[u8]>, end: End) -> (String, Vec<u8>, End) {
    (name.to_owned(), bytes.as_ref().to_vec(), end)
}

#[test]
fn headers() {
    let mut rows = vec![
        row("unmasked text", [0x81, 1, b'x'], PROTOCOL),
        row("unmasked and empty", [0x81, 0], PROTOCOL),
        row("unmasked ping", [0x89, 0], PROTOCOL),
        row("RSV1", masked(0xC1, b"x"), PROTOCOL),
        row("RSV2", masked(0xA1, b"x"), PROTOCOL),
        row("RSV3", masked(0x91, b"x"), PROTOCOL),
        row("all RSV bits on a ping", masked(0xF9, b""), PROTOCOL),
        row("RSV1 on a continuation", joined(&[&masked(0x01, b"x"), &masked(0xC0, b"y")]), PROTOCOL),
        row("length with its top bit set", joined(&[&[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1], &[1; 20]]), PROTOCOL),
        row("length of 2^63 - 1", joined(&[&[0x82, 0xFF, 0x7F], &[0xFF; 7], &[1; 20]]), LARGE),
        row("length of one byte too many", [0x82, 0xFF, 0, 0, 0, 0, 0, 0x0F, 0x42, 0x41, 1, 2, 3, 4], LARGE),
        row("5 as a 16-bit length", [0x82, 0xFE, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5], PROTOCOL),
        row("5 as a 64-bit length", [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5], PROTOCOL),
    ];
    for opcode in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        rows.push((format!("reserved opcode {opcode:#x}"), masked(0x80 | opcode, b"x"), PROTOCOL));
    }
    play(rows);
}

#[test]
fn control_frames() {
    let mut rows = vec![
        row("fragmented ping", masked(0x09, b"x"), PROTOCOL),
        row("fragmented pong", masked(0x0A, b"x"), PROTOCOL),
        row("fragmented close", masked(0x08, &[3, 0xE8]), PROTOCOL),
        row("ping of 126 bytes", masked(0x89, &[b'x'; 126]), PROTOCOL),
        row("pong of 126 bytes", masked(0x8A, &[b'x'; 126]), PROTOCOL),
        row("close of 126 bytes", masked(0x88, &[3; 126]), PROTOCOL),
        row("ping of 65,536 bytes", masked(0x89, &[b'x'; 65536]), PROTOCOL),
        row("close body of one byte", masked(0x88, &[3]), PROTOCOL),
        row("close text that is not UTF-8", masked(0x88, &[3, 0xE8, 0xFF]), TEXT),
        row("close text cut inside a character", masked(0x88, &[3, 0xE8, 0xE2, 0x82]), TEXT),
        row("close without a code", masked(0x88, b""), NORMAL),
        row("close with a code and a text", masked(0x88, b"\x03\xE9gone"), NORMAL),
        row("bytes behind a close", joined(&[&close(1000), &masked(0x81, b"x"), &[0xFF; 1000]]), NORMAL),
    ];
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        rows.push((format!("close code {code}"), close(code), PROTOCOL));
    }
    for code in [1000, 1001, 1011, 3000, 4999] {
        rows.push((format!("close code {code}"), close(code), NORMAL));
    }
    play(rows);
}

#[test]
fn fragments_and_text() {
    let many = |piece: &[u8], ping: bool| {
        let continuation = masked(0x00, piece);
        let ping = if ping { masked(0x89, b"") } else { Vec::new() };
        joined(&[&masked(0x01, piece), &[continuation, ping].concat().repeat(3000)])
    };
    let half = vec![b'x'; 600_000];
    play(vec![
        row("continuation without a start", masked(0x80, b"x"), PROTOCOL),
        row("continuation without a start or an end", masked(0x00, b"x"), PROTOCOL),
        row("continuation behind a ping", joined(&[&masked(0x89, b""), &masked(0x80, b"x")]), PROTOCOL),
        row("text inside fragmented text", joined(&[&masked(0x01, b"a"), &masked(0x81, b"b")]), PROTOCOL),
        row("binary inside fragmented text", joined(&[&masked(0x01, b"a"), &masked(0x82, b"b")]), PROTOCOL),
        row("fragment of a new message inside one", joined(&[&masked(0x01, b"a"), &masked(0x01, b"b")]), PROTOCOL),
        row("fragments of one byte without end", many(b"x", false), LARGE),
        row("empty fragments without end", many(b"", false), LARGE),
        row("fragments without end, pings between", many(b"x", true), LARGE),
        row("fragments of 1.2 MB together", joined(&[&masked(0x01, &half), &masked(0x80, &half)]), LARGE),
        row("text that is not UTF-8", masked(0x81, b"ab\xFFcd"), TEXT),
        row("an overlong character", masked(0x81, b"\xC0\x80"), TEXT),
        row("a surrogate", masked(0x81, b"\xED\xA0\x80"), TEXT),
        row("beyond U+10FFFF", masked(0x81, b"\xF4\x90\x80\x80"), TEXT),
        row("text cut inside a character", masked(0x81, b"ab\xE2\x82"), TEXT),
        row("a bad character over two fragments", joined(&[&masked(0x01, b"\xE2"), &masked(0x80, b"\x28\xA1")]), TEXT),
        row(
            "a bad character over fragments, a ping between",
            joined(&[&masked(0x01, b"\xE2"), &masked(0x89, b"\xFF"), &masked(0x00, b"\x82"), &masked(0x80, b"x")]),
            TEXT,
        ),
        row("a bad character in a fragment that has no end", masked(0x01, b"\xF0\x28"), TEXT),
    ]);
}
