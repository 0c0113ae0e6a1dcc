//! `data/eio-transcripts.json`: sessions over WebSocket, frame by frame.

use std::net::SocketAddr;
use std::sync::Arc;

use roomcast::Gateway;
use roomcast::settings::{Namespace, Settings};

use crate::backend::Captured;
use crate::frames::{Said, Socket};
use crate::without_ids;

const EIO4: usize = 14;
const EIO3: usize = 4;

/// (case, its frames from here on, what happens instead, why)
const DIFFERENCES: [(&str, &str, &[&str], &str); 1] = [(
    "EIO4 engine types: 0,1,5,6 on ws",
    "> 1",
    &["> 1", "closed 1000"],
    "the reference server overlooks a close packet and keeps the session until its ping times out",
)];

#[derive(serde::Deserialize)]
struct Captures {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    case: String,
    frames: Vec<String>,
}

/// The frames that the gateway is to produce, and whether they are not the capture's.
fn expected(case: &Case) -> (Vec<String>, bool) {
    let mut frames = case.frames.clone();
    let mut differs = false;
    for (name, from, instead, _) in DIFFERENCES {
        if name == case.case {
            let at = frames.iter().position(|frame| frame == from).expect("the frame it begins at");
            frames.truncate(at);
            frames.extend(instead.iter().map(|&frame| frame.to_owned()));
            assert_ne!(frames, case.frames, "{name}: no difference at all");
            differs = true;
        }
    }
    (frames, differs)
}

fn replay(address: SocketAddr, case: &Case) {
    let name = &case.case;
    let base64 = if name.contains("b64=1") { "&b64=1" } else { "" };
    let mut socket = Socket::open(address, &format!("/socket.io/?EIO=4&transport=websocket{base64}"));
    for frame in &expected(case).0 {
        let (side, text) = frame.split_at(1);
        let text = text.trim_start();
        match (side, text.strip_prefix("bin ")) {
            (">", Some(hex)) => socket.send_binary(&bytes(hex)),
            (">", None) => socket.send_text(text),
            ("<", Some(hex)) => assert_eq!(socket.next(), Said::Binary(bytes(hex)), "{name}"),
            ("<", None) => match socket.next() {
                Said::Text(said) => assert_eq!(without_ids(&said), without_ids(text), "{name}"),
                said => assert_eq!(said, Said::Text(text.to_owned()), "{name}"),
            },
            // The test hung up: until then nothing more was said.
            _ if frame == "closed 1006" => {
                socket.ping();
                assert_eq!(socket.next(), Said::Pong, "{name}: more than the transcript has");
            }
            _ => {
                let code = frame.strip_prefix("closed ").and_then(|code| code.parse().ok());
                let code = code.expect("a frame, or `closed` and a code");
                assert_eq!(socket.next(), Said::Closed(code), "{name}: `{frame}` comes next");
            }
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).expect("hexadecimal");
    digits.chunks(2).map(byte).collect()
}

#[test]
fn every_transcript_of_revision_4_is_followed() {
    let captures: Captures = serde_json::from_str(include_str!("data/eio-transcripts.json")).expect("the capture");
    let mut settings = Settings::default();
    settings.public.address = ([127, 0, 0, 1], 0).into();
    settings.internal.address = ([127, 0, 0, 1], 0).into();
    settings.namespaces.push(Namespace { name: "/admin".into(), ..Namespace::default() });
    let gateway = Gateway::new(settings).events(Arc::new(Captured)).start().expect("a gateway");
    let (mut replayed, mut older) = (0, 0);
    for case in &captures.cases {
        // EIO3 ...: clients of Socket.IO 1 and 2, which this version refuses (code 5).
        if case.case.starts_with("EIO3 ") {
            older += 1;
        } else {
            replay(gateway.public_address(), case);
            replayed += 1;
        }
    }
    gateway.stop();
    assert_eq!((replayed, older), (EIO4, EIO3));
    let differing = captures.cases.iter().filter(|case| expected(case).1).count();
    assert_eq!(differing, DIFFERENCES.len(), "every difference has its case");
}
