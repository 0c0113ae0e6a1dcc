//! Upgrades from polling to WebSocket that never finish, happen twice, or are none.

use roomcast_core::websocket::Opcode;

use crate::node::Node;
use crate::peer::{Peer, Told, upgrade_request};
use crate::polls::Session;
use crate::scene::{Row, Scene};

const COMPLETED: &str = r#"roomcast_transport_upgrades_total{result="completed"}"#;
const FAILED: &str = r#"roomcast_transport_upgrades_total{result="failed"}"#;
const REFUSED: &str = r#"roomcast_handshakes_total{protocol="socketio",result="bad_request"}"#;
/// Upgrades at once.
const MANY: u16 = 500;

fn path(sid: &str) -> String {
    format!("/socket.io/?EIO=4&transport=websocket&sid={sid}")
}

/// A WebSocket that offers to take `session` over.
fn offer(node: &Node, session: &Session) -> Peer {
    node.peer().upgrade(&path(&session.sid))
}

/// An offer that is refused.
fn refused(node: &Node, sid: &str, says: &str) {
    let mut peer = node.peer();
    peer.send(upgrade_request(&path(sid)));
    peer.answer().is(400, says);
    assert!(peer.rest().is_empty(), "the connection ends");
}

/// The probe, as far as its answer.
fn probe(peer: &mut Peer) {
    peer.text("2probe");
    assert_eq!(peer.told(), Told::Text("3probe".to_owned()));
}

/// What is sent instead of a probe.
type Send = fn(&mut Peer) -> bool;
const PROBES: &[(&str, Send)] = &[
    ("another ping", |peer| peer.text("2prob")),
    ("an upgrade without a probe", |peer| peer.text("5")),
    ("a message", |peer| peer.text("42[\"x\"]")),
    ("nothing at all in a frame", |peer| peer.text("")),
    ("a binary probe", |peer| peer.frame(Opcode::Binary, "2probe")),
    ("a close frame", |peer| peer.frame(Opcode::Close, "")),
    ("RSV bits", |peer| peer.send([0xc1, 0x86, 0, 0, 0, 0, b'2', b'p', b'r', b'o', b'b', b'e'])),
    ("no mask", |peer| peer.send(b"\x81\x062probe")),
    ("two million bytes", |peer| peer.send([0x81, 0xff, 0, 0, 0, 0, 0, 0x1e, 0x84, 0x80, 1, 2, 3, 4])),
    ("two probes", |peer| peer.text("2probe") && peer.text("2probe")),
    ("a probe and a message", |peer| peer.text("2probe") && peer.text("4")),
];

#[test]
fn probes_that_are_none() {
    let mut scene = Scene::start(&[]);
    for (name, send) in PROBES {
        scene.row(name, &[(FAILED, 1)], |node| {
            let session = Session::open(node);
            let mut peer = offer(node, &session);
            send(&mut peer);
            peer.rest();
            session.lives(node);
        });
    }
    scene.row("the end", &[(FAILED, 1)], |node| {
        let session = Session::open(node);
        drop(offer(node, &session));
        session.lives(node);
    });
    scene.row("RSV bits right behind the request", &[(FAILED, 1)], |node| {
        let session = Session::open(node);
        let mut peer = node.peer();
        peer.send([upgrade_request(&path(&session.sid)).as_bytes(), &[0xc9, 0x80, 1, 2, 3, 4]].concat());
        assert_eq!(peer.answer().status, 101);
        peer.rest();
        session.lives(node);
    });
    scene.end();
}

#[test]
fn offers_that_are_refused() {
    let mut scene = Scene::start(&[]);
    scene.row("a session that never was", &[(REFUSED, 1)], |node| {
        refused(node, "AAAAAAAAAAAAAAAAAAAA", "Session ID unknown");
    });
    scene.row("a session that is gone", &[(REFUSED, 1)], |node| {
        let session = Session::open(node);
        session.lives(node);
        refused(node, &session.sid, "Session ID unknown");
    });
    scene.row("an offer without a key", &[(FAILED, 1)], |node| {
        let session = Session::open(node);
        let mut peer = node.peer();
        peer.send(upgrade_request(&path(&session.sid)).replacen("Sec-WebSocket-Key", "X", 1));
        assert_eq!(peer.answer().status, 400);
        session.lives(node);
    });
    scene.row("two at once, and one more when it is done", &[(COMPLETED, 1), (FAILED, 2)], |node| {
        let session = Session::open(node);
        let mut first = offer(node, &session);
        probe(&mut first);
        refused(node, &session.sid, "Bad request");
        first.text("5");
        first.text("40");
        assert!(matches!(first.told(), Told::Text(connected) if connected.starts_with("40")));
        refused(node, &session.sid, "Bad request");
        // The session goes on over its WebSocket.
        first.text("421[\"subscribe\",\"a\"]");
        assert!(matches!(first.told(), Told::Text(answer) if answer.starts_with("431")));
    });
    scene.end();
}

#[test]
fn upgrades_that_never_finish() {
    roomcast::os::raise_file_limit().expect("a limit");
    let mut scene = Scene::start(&[("socket_io.upgrade_timeout_ms", "2000")]);
    for (name, probes) in [("before the probe", false), ("after the probe", true)] {
        scene.play(&Row {
            name: &format!("500 upgrades that end {name}"),
            times: 1,
            grows: &[(FAILED, MANY.into())],
            act: &|node| {
                let begin = |_| {
                    let session = Session::open(node);
                    let mut peer = offer(node, &session);
                    if probes {
                        probe(&mut peer);
                    }
                    (session, peer)
                };
                let mut upgrades: Vec<(Session, Peer)> = (0..MANY).map(begin).collect();
                for (session, peer) in &mut upgrades {
                    assert_eq!(peer.close_code(), None);
                    session.lives(node);
                }
            },
        });
    }
    scene.end();
}
