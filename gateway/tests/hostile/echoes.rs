//! Every byte of an echo (ws CVE-2026-45736): what comes back is what was sent, whatever
//! else was in the buffers before it, and nothing else ever does.

use roomcast_core::websocket::Opcode;

use crate::peer::{Peer, Told};
use crate::scene::{Row, Scene};
use crate::table::{LARGE, NORMAL, PROTOCOL, Speech, TEXT, closes, ends, goes_on, masked, text, times};

/// Lengths at which frames, buffers and reads change.
const LENGTHS: [usize; 13] = [0, 1, 2, 125, 126, 127, 4095, 4096, 65_535, 65_536, 65_537, 131_072, 1_000_000];

/// Bytes that no other payload has at the same place.
fn payload(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

fn letters(length: usize, seed: u64) -> String {
    payload(length, seed).into_iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}

fn comes_back(peer: &mut Peer, bytes: &[u8]) {
    assert!(peer.told() == Told::Binary(bytes.to_vec()), "{} bytes came back otherwise", bytes.len());
}

#[test]
fn of_messages() {
    let mut scene = Scene::start_echo(&[]);
    let (closed, all) = (NORMAL.counter(Speech::Echo), closes(Speech::Echo));
    let grows: &[(&str, i64)] = &[(&closed, 1), (&all, 1)];
    let mut play = |name: &str, times: usize, act: &dyn Fn(&mut Peer)| {
        scene.play(&Row {
            name,
            times,
            grows,
            act: &|node| {
                let mut peer = Speech::Echo.open(node);
                act(&mut peer);
                goes_on(Speech::Echo, &mut peer);
            },
        });
    };
    play("binary and text of every length", 8, &|peer| {
        for (seed, length) in LENGTHS.into_iter().enumerate() {
            let bytes = payload(length, seed as u64);
            peer.frame(Opcode::Binary, &bytes);
            comes_back(peer, &bytes);
            let words = letters(length, seed as u64);
            peer.text(&words);
            assert!(peer.told() == Told::Text(words), "{length} letters came back otherwise");
        }
    });
    play("short behind long, in one write", 8, &|peer| {
        let lengths = [60_000, 0, 1, 59_999, 3, 0, 126, 125];
        let sent: Vec<Vec<u8>> = lengths.into_iter().zip(1..).map(|(length, seed)| payload(length, seed)).collect();
        peer.send(sent.iter().flat_map(|bytes| masked(0x82, bytes)).collect::<Vec<_>>());
        for bytes in &sent {
            comes_back(peer, bytes);
        }
    });
    play("fragments, empty ones among them, pings between", 8, &|peer| {
        let bytes = payload(200_000, 7);
        let mut stream = masked(0x02, b"");
        for piece in bytes.chunks(777) {
            stream.extend([masked(0x00, piece), masked(0x00, b""), masked(0x89, &payload(125, 9))].concat());
        }
        stream.extend(masked(0x80, b""));
        peer.send(stream);
        comes_back(peer, &bytes);
    });
    play("a flood of empty messages, read", 4, &|peer| {
        for _ in 0..10 {
            peer.send(masked(0x82, b"").repeat(5000));
            assert!(peer.take(10_000) == [0x82, 0].repeat(5000), "not 5,000 empty frames");
        }
    });
    scene.end();
}

#[test]
fn of_messages_beside_others() {
    let mut scene = Scene::start_echo(&[]);
    let (closed, all) = (NORMAL.counter(Speech::Echo), closes(Speech::Echo));
    let (fault, name) = (PROTOCOL.counter(Speech::Echo), "beside one that stopped in the middle of a secret");
    let grows: &[(&str, i64)] = &[(&closed, 1), (&fault, 1), (&all, 2)];
    scene.play(&Row {
        name,
        times: 8,
        grows,
        act: &|node| {
            let mut peer = Speech::Echo.open(node);
            let mut other = Speech::Echo.open(node);
            other.send(&masked(0x82, &vec![0x55; 60_000])[..50_000]);
            for length in [0, 1, 100, 70_000] {
                let bytes = vec![0xAA; length];
                peer.frame(Opcode::Binary, &bytes);
                comes_back(&mut peer, &bytes);
            }
            goes_on(Speech::Echo, &mut peer);
            // The other one ends by a fault: what it had sent is in no answer.
            other.send(vec![0x55; 10_014]);
            other.send([0x83, 0x80, 0, 0, 0, 0]);
            let told = other.rest();
            assert!(told.ends_with(b"\x03\xEAprotocol error"), "{} bytes", told.len());
        },
    });
    scene.end();
}

#[test]
fn of_pings() {
    let mut scene = Scene::start_echo(&[]);
    let (closed, all) = (NORMAL.counter(Speech::Echo), closes(Speech::Echo));
    scene.play(&Row {
        name: "every length of a ping",
        times: times(0),
        grows: &[(&closed, 1), (&all, 1)],
        act: &|node| {
            let mut peer = Speech::Echo.open(node);
            for length in 0..=125_u8 {
                let bytes = payload(length.into(), length.into());
                peer.frame(Opcode::Ping, &bytes);
                assert_eq!(peer.take(2), [0x8A, length]);
                assert_eq!(peer.take(length.into()), bytes);
            }
            goes_on(Speech::Echo, &mut peer);
        },
    });
    scene.end();
}

/// The events of a backend in process: what it answers is what it was given.
#[test]
fn of_a_backend() {
    let mut scene = Scene::start_echo(&[]);
    let (closed, all) = (NORMAL.counter(Speech::SocketIo), closes(Speech::SocketIo));
    let grows: &[(&str, i64)] = &[(&closed, 1), (&all, 1)];
    scene.play(&Row {
        name: "attachments",
        times: 8,
        grows,
        act: &|node| {
            let mut peer = Speech::SocketIo.open(node);
            assert_eq!(peer.told(), Told::Text(r#"42["auth",{}]"#.into()));
            for (seed, length) in (1..).zip([0, 1, 125, 126, 65_536, 400_000]) {
                let (first, second) = (payload(length, seed), payload(length / 2, seed + 100));
                let args = r#"{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}"#;
                peer.text(&format!(r#"452-7["message-with-ack",{args}]"#));
                peer.frame(Opcode::Binary, &first);
                peer.frame(Opcode::Binary, &second);
                assert_eq!(peer.told(), Told::Text(format!("462-7[{args}]")));
                comes_back(&mut peer, &first);
                comes_back(&mut peer, &second);
            }
            peer.text(r#"42["message","s","\u0000","\ud83d",1e999,{"a":1,"a":2}]"#);
            let back = r#"42["message-back","s","\u0000","\ud83d",1e999,{"a":1,"a":2}]"#;
            assert_eq!(peer.told(), Told::Text(back.into()));
            // An event named `error` is the backend's, and nothing special.
            peer.text(r#"42["error","x"]"#);
            goes_on(Speech::SocketIo, &mut peer);
        },
    });
    scene.end();
}

#[test]
fn nothing_comes_back_of_what_is_refused() {
    let mut scene = Scene::start_echo(&[]);
    let echo = &[Speech::Echo];
    let rows = [
        ("a reserved opcode", masked(0x83, b"secret"), PROTOCOL),
        ("no mask", b"\x82\x06secret".to_vec(), PROTOCOL),
        ("RSV1", masked(0xC2, b"secret"), PROTOCOL),
        ("a length with its top bit set", vec![0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], PROTOCOL),
        ("a length of one byte too many", vec![0x82, 0xFF, 0, 0, 0, 0, 0, 0x0F, 0x42, 0x41, 0, 0, 0, 0], LARGE),
        ("text that is not UTF-8", masked(0x81, b"secret\xFF"), TEXT),
        ("text cut inside a character", masked(0x81, b"secret\xE2\x82"), TEXT),
        ("a close code of the network's", masked(0x88, b"\x03\xEEsecret"), PROTOCOL),
    ];
    for (name, bytes, end) in rows {
        ends(&mut scene, name, echo, &bytes, end);
        // Behind a good message, of which the echo comes first.
        ends(&mut scene, &format!("{name}, behind a message"), echo, &[text("good"), bytes].concat(), end);
    }
    scene.end();
}
