//! Request lines and headers: too many, too large, too slow, contradicting; on both ports.

use std::time::Duration;

use crate::node::Node;
use crate::peer::Peer;
use crate::scene::{Row, Scene};
use crate::{DEADLINE, SECRET};

/// Peers of a row that opens many connections at once.
const MANY: u16 = 1000;

/// Both ports, each with a path that answers, and the label of its series.
type Port = (&'static str, &'static str, fn(&Node) -> Peer);
const PORTS: [Port; 2] = [("public", "/socket.io/", Node::peer), ("internal", "/livez", Node::backend)];

fn refused(listener: &str, reason: &str) -> String {
    format!(r#"roomcast_http_refused_total{{listener="{listener}",reason="{reason}"}}"#)
}

/// A head with `lines` behind its first two.
fn head(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {SECRET}\r\n{lines}\r\n")
}

#[test]
fn too_many_and_too_large() {
    let mut scene = Scene::start(&[]);
    for (listener, path, connect) in PORTS {
        let large = refused(listener, "head_too_large");
        let many = "X: 1\r\n".repeat(64);
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let heads = [
            ("64 more headers than the limit leaves", head(path, &many), 431),
            ("the same on an upgrade", head("/ws", &format!("{upgrade}{many}")), 431),
            ("one header of 20,000 bytes", head(path, &format!("X: {}\r\n", "x".repeat(20_000))), 431),
            ("a name of 20,000 bytes", head(path, &format!("{}: x\r\n", "x".repeat(20_000))), 431),
            ("a target of 20,000 bytes", head(&format!("{path}?{}", "x".repeat(20_000)), ""), 431),
        ];
        for (name, head, status) in heads {
            scene.row(&format!("{listener}: {name}"), &[(&large, 1)], |node| {
                let mut peer = connect(node);
                peer.send(&head);
                assert_eq!(peer.answer().status, status);
                assert!(peer.rest().is_empty());
            });
        }
        scene.play(&Row {
            name: &format!("{listener}: an endless header in small pieces"),
            times: 100,
            grows: &[(&large, 1)],
            act: &|node| {
                let mut peer = connect(node);
                peer.send(format!("GET {path} HTTP/1.1\r\nX: "));
                // Four times what is taken: whether the last piece finds an end already, nobody knows.
                (0..6_400).take_while(|_| peer.send("0123456789")).count();
                assert!(peer.try_answer().is_none_or(|answer| answer.status == 431));
            },
        });
    }
    scene.end();
}

/// (what, the request from its method to the end, whether it is malformed: 400)
const MALFORMED: &[(&str, &str)] = &[
    ("a second Host", "Host: localhost\r\n\r\n"),
    ("an encoding that does not end the body", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("an encoding before chunked", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("the same in two headers", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    ("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    ("two lengths in one", "Content-Length: 5, 6\r\n\r\nhello!"),
    ("a negative length", "Content-Length: -1\r\n\r\n"),
    ("a signed length", "Content-Length: +5\r\n\r\nhello"),
    ("a length in hexadecimal", "Content-Length: 0x5\r\n\r\nhello"),
    ("a length of 40 digits", "Content-Length: 9999999999999999999999999999999999999999\r\n\r\n"),
    ("chunked, but not at last", "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("an unknown encoding", "Transfer-Encoding: constructor\r\n\r\n0\r\n\r\n"),
    ("a space before the colon", "X : 1\r\n\r\n"),
    ("a folded header", "X: 1\r\n 2\r\n\r\n"),
    ("a NUL in a header", "X: a\0b\r\n\r\n"),
    ("a bare CR in a header", "X: a\rb\r\n\r\n"),
    ("a header without a name", ": 1\r\n\r\n"),
];

#[test]
fn contradictions() {
    let mut scene = Scene::start(&[]);
    for (listener, path, connect) in PORTS {
        let malformed = refused(listener, "malformed");
        let path = if listener == "internal" { "/v1/publish" } else { path };
        for (name, rest) in MALFORMED {
            let request = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {SECRET}\r\n{rest}");
            scene.row(&format!("{listener}: {name}"), &[(&malformed, 1)], |node| {
                let mut peer = connect(node);
                peer.send(&request);
                let answer = peer.answer();
                assert_eq!(answer.status, 400, "{answer:?}");
                assert!(peer.rest().is_empty(), "one answer, and the end");
            });
        }
        for line in ["GET", "GET / HTTP/3.0", "GET / HTTP/1.1 x", "\0\0\0\0", "GET  / HTTP/1.1", "G\u{e9}T / HTTP/1.1"]
        {
            scene.row(&format!("{listener}: {line:?}"), &[(&malformed, 1)], |node| {
                let mut peer = connect(node);
                peer.send(format!("{line}\r\n\r\n"));
                assert_eq!(peer.answer().status, 400);
            });
        }
        scene.row(&format!("{listener}: no Host"), &[(&malformed, 1)], |node| {
            let mut peer = connect(node);
            peer.send(format!("GET {path} HTTP/1.1\r\n\r\n"));
            assert_eq!(peer.answer().status, 400);
            assert!(peer.rest().is_empty(), "one answer, and the end");
        });
        // The chunks are the body, and nothing behind it is taken for a request.
        let (length, chunked) = ("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n");
        for lines in [format!("{length}{chunked}"), format!("{chunked}{length}")] {
            let not_found = refused(listener, "not_found");
            scene.row(&format!("{listener}: {lines:?}"), &[(&not_found, 1)], |node| {
                let mut peer = connect(node);
                let next = "GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
                peer.send(format!("POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n0\r\n\r\n{next}"));
                assert_eq!(peer.answer().status, 404);
                assert!(peer.rest().is_empty(), "one answer, and the end");
            });
        }
    }
    scene.end();
}

/// Opens many connections at once, each with `bytes` in it, and waits until all are closed.
fn silent(node: &Node, connect: fn(&Node) -> Peer, bytes: &str) {
    let mut peers: Vec<Peer> = (0..MANY).map(|_| connect(node)).collect();
    for peer in &mut peers {
        peer.send(bytes);
    }
    for peer in &mut peers {
        peer.rest();
    }
}

#[test]
fn heads_that_do_not_come() {
    roomcast::os::raise_file_limit().expect("a limit");
    let mut scene = Scene::start(&[("limits.header_timeout_ms", "2000")]);
    for (listener, path, connect) in PORTS {
        let timeout = refused(listener, "head_timeout");
        let half = head(path, "X: 1\r\n").trim_end().to_owned();
        for (name, bytes) in [("nothing", ""), ("half a request line", "GET /so"), ("half a head", &half)] {
            scene.play(&Row {
                name: &format!("{listener}: {MANY} connections that say {name}"),
                times: 1,
                grows: &[(&timeout, MANY.into())],
                act: &|node| silent(node, connect, bytes),
            });
        }
        scene.play(&Row {
            name: &format!("{listener}: a byte at a time"),
            times: 1,
            grows: &[(&timeout, 1)],
            act: &|node| {
                let mut peer = connect(node);
                let request = head(path, &"X: 1\r\n".repeat(1000));
                let mut slow = |byte: &[u8]| {
                    std::thread::sleep(Duration::from_millis(20));
                    peer.send(byte)
                };
                let sent =
                    request.as_bytes().chunks(1).take(DEADLINE.as_millis() as usize / 20).take_while(|byte| slow(byte));
                assert!(sent.count() < 1000, "a slow head is cut off");
            },
        });
    }
    scene.end();
}
