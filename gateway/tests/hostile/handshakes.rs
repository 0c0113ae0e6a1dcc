//! Handshakes that are none: odd queries, odd headers, other protocols.

use crate::SECRET;
use crate::peer::{Peer, Told, upgrade_request};
use crate::scene::Scene;

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const ENGINE: &str = r#"roomcast_handshakes_total{protocol="socketio",result="bad_request"}"#;
const PLAIN: &str = r#"roomcast_handshakes_total{protocol="plain",result="bad_request"}"#;
const ACCEPTED: &str = r#"roomcast_handshakes_total{result="accepted"}"#;

/// (query, what the answer says)
const QUERIES: &[(&str, &str)] = &[
    ("EIO=4&transport=__proto__", "Transport unknown"),
    ("EIO=4&transport=constructor", "Transport unknown"),
    ("EIO=4&transport=toString", "Transport unknown"),
    ("EIO=4&transport=webtransport", "Transport unknown"),
    ("EIO=4&transport[]=polling", "Transport unknown"),
    ("EIO=4&transport=polling%00", "Transport unknown"),
    ("EIO=4&transport=&transport=polling", "Transport unknown"),
    ("EIO=4", "Transport unknown"),
    ("EIO=3&transport=polling", "Unsupported protocol version"),
    ("EIO=5&transport=polling", "Unsupported protocol version"),
    ("EIO=-1&transport=polling", "Unsupported protocol version"),
    ("EIO=4.0&transport=polling", "Unsupported protocol version"),
    ("EIO[]=4&transport=polling", "Unsupported protocol version"),
    ("EIO=3&EIO=4&transport=polling", "Unsupported protocol version"),
    ("transport=polling", "Unsupported protocol version"),
    ("EIO=4&transport=polling&sid=__proto__", "Session ID unknown"),
    ("EIO=4&transport=polling&sid=constructor", "Session ID unknown"),
    ("EIO=4&transport=polling&sid=%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00%00", "Session ID unknown"),
    ("EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", "Session ID unknown"),
    ("EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA", "Session ID unknown"),
    ("EIO=4&transport=websocket", "Bad request"),
];

#[test]
fn queries() {
    let mut scene = Scene::start(&[]);
    for (query, says) in QUERIES {
        scene.row(query, &[(ENGINE, 1)], |node| node.peer().get(&format!("/socket.io/?{query}")).is(400, says));
    }
    let long = format!("{POLLING}&sid={}", "A".repeat(8000));
    scene.row("sid of 8,000 bytes", &[(ENGINE, 1)], |node| node.peer().get(&long).is(400, "Session ID unknown"));
    scene.row("handshake by POST", &[(ENGINE, 1)], |node| {
        node.peer().request("POST", POLLING, "", "40").is(400, "Bad handshake method");
    });
    scene.row("a[b]=, repeated keys, 1,000 parameters, JSONP", &[(ACCEPTED, 1)], |node| {
        let query = format!("{POLLING}&a[b]=1&a[b][c]=2&EIO=3&j=alert(1)&{}", "a[]=1&".repeat(1000));
        let open = node.peer().get(&query);
        open.is(200, "\"sid\"");
        assert!(open.body.starts_with('0') && !open.body.contains("alert"), "{open:?}");
        assert!(open.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")), "{open:?}");
        let sid = open.body.split('"').nth(3).expect("an id");
        node.peer().request("POST", &format!("{POLLING}&sid={sid}"), "", "1").is(200, "ok");
    });
    scene.end();
}

/// A proper upgrade request for `path` with one line replaced; an empty line goes.
fn odd(path: &str, from: &str, to: &str) -> String {
    let proper = upgrade_request(path);
    let line = proper.lines().find(|line| line.starts_with(from)).expect("the line");
    let to = if to.is_empty() { String::new() } else { format!("{to}\r\n") };
    proper.replacen(&format!("{line}\r\n"), &to, 1)
}

/// (line that begins so, what stands there, status, what the body says)
const UPGRADES: &[(&str, &str, u16, &str)] = &[
    ("Sec-WebSocket-Key", "", 400, "RFC 6455"),
    ("Sec-WebSocket-Key", "Sec-WebSocket-Key: ", 400, "RFC 6455"),
    ("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", 400, "RFC 6455"),
    ("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j", 400, "RFC 6455"),
    ("Sec-WebSocket-Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZXM=", 400, "RFC 6455"),
    ("Sec-WebSocket-Key", "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!==", 400, "RFC 6455"),
    (
        "Sec-WebSocket-Key",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        400,
        "RFC 6455",
    ),
    ("Sec-WebSocket-Version", "", 426, "13"),
    ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8", 426, "13"),
    ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8", 426, "13"),
    ("Sec-WebSocket-Version", "Sec-WebSocket-Version: 013", 426, "13"),
    ("Connection", "", 400, "RFC 6455"),
    ("Connection", "Connection: keep-alive", 400, "RFC 6455"),
    ("Connection", "Connection: not-upgrade", 400, "RFC 6455"),
    ("Host", "Host: 127.0.0.1\r\nContent-Length: 5", 400, "RFC 6455"),
    ("Host", "Host: 127.0.0.1\r\nTransfer-Encoding: chunked", 400, "RFC 6455"),
];

#[test]
fn upgrade_requests() {
    let mut scene = Scene::start(&[]);
    for (path, counter) in [("/ws", PLAIN), (WEBSOCKET, ENGINE)] {
        for (from, to, status, says) in UPGRADES {
            let request = odd(path, from, to);
            scene.row(&format!("{path} {from} {to}"), &[(counter, 1)], |node| {
                let mut peer = node.peer();
                peer.send(&request);
                let answer = peer.answer();
                answer.is(*status, says);
                assert!(*status != 426 || answer.header("sec-websocket-version") == Some("13"), "{answer:?}");
            });
        }
        let method = upgrade_request(path).replacen("GET", "POST", 1);
        scene.row(&format!("{path} by POST"), &[(counter, 1)], |node| {
            let mut peer = node.peer();
            peer.send(&method);
            assert_eq!(peer.answer().status, 400);
        });
        let old = upgrade_request(path).replacen("HTTP/1.1", "HTTP/1.0", 1);
        scene.row(&format!("{path} HTTP/1.0"), &[(counter, 1)], |node| {
            let mut peer = node.peer();
            peer.send(&old);
            assert_eq!(peer.answer().status, 400);
        });
    }
    scene.end();
}

#[test]
fn other_protocols() {
    let mut scene = Scene::start(&[]);
    let settings = "HTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    for (path, counter) in [("/ws", PLAIN), (POLLING, ENGINE), (WEBSOCKET, ENGINE)] {
        for protocol in ["h2c", "TLS/1.0", "websocket2", "h2c, websocket", "__proto__"] {
            let headers = format!("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\n{settings}");
            scene.row(&format!("{path} Upgrade: {protocol}"), &[(counter, 1)], |node| {
                node.peer().request("GET", path, &headers, "").is(400, "");
            });
        }
    }
    for path in ["/ws", POLLING, WEBSOCKET] {
        let proper = upgrade_request(path);
        let foreign = proper.replacen("Upgrade: websocket", "Upgrade: h2c", 1);
        for (name, request) in [("h2c", foreign), ("a WebSocket", proper)] {
            // Whether it was taken before the reset is up to the kernel: no counter is exact.
            scene.row(&format!("{path} Upgrade to {name}, and a reset at once"), &[], |node| {
                let mut peer = node.peer();
                peer.send(&request);
                peer.reset();
            });
        }
    }
    let malformed = r#"roomcast_http_refused_total{listener="public",reason="malformed"}"#;
    scene.row("HTTP/2 by prior knowledge", &[(malformed, 1)], |node| {
        let mut peer = node.peer();
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        peer.rest();
    });
    scene.row("TLS", &[(malformed, 1)], |node| {
        let mut peer = node.peer();
        peer.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n");
        peer.rest();
    });
    scene.end();
}

/// What is offered in a handshake and means nothing here.
const OFFERS: &[&str] = &[
    "Sec-WebSocket-Extensions: constructor",
    "Sec-WebSocket-Extensions: __proto__; toString=1, permessage-deflate; client_max_window_bits=99",
    "Sec-WebSocket-Extensions: permessage-deflate",
    "Sec-WebSocket-Extensions: ;;;,,,==\"\"",
    "Sec-WebSocket-Protocol: constructor",
];

#[test]
fn offers_that_mean_nothing() {
    let mut scene = Scene::start(&[]);
    let spaces = format!("Sec-WebSocket-Protocol: a{}b", " ".repeat(14_000));
    let commas = format!("Sec-WebSocket-Protocol: {}", ",".repeat(14_000));
    for offer in OFFERS.iter().copied().chain([&*spaces, &*commas]) {
        let request = odd("/ws", "Host", &format!("Host: 127.0.0.1\r\n{offer}"));
        scene.row(&offer[..offer.len().min(60)], &[(ACCEPTED, 1)], |node| {
            let mut peer = node.peer();
            peer.send(&request);
            let answer = peer.answer();
            assert_eq!((answer.status, answer.header("sec-websocket-extensions")), (101, None), "{answer:?}");
            assert_eq!(answer.header("sec-websocket-protocol"), None, "{answer:?}");
            assert!(matches!(peer.told(), Told::Text(hello) if hello.contains("hello")));
        });
    }
    scene.end();
}

/// A frame with RSV bits set: an empty ping. A client that compresses sends such.
const RSV: [u8; 6] = [0xc9, 0x80, 1, 2, 3, 4];

#[test]
fn bytes_right_behind_the_request() {
    let mut scene = Scene::start(&[]);
    let closed = r#"roomcast_connections_closed_total{reason="protocol_error"}"#;
    // Socket.IO is closed without a code, as the reference server does.
    for (path, code) in [("/ws", Some(1002)), (WEBSOCKET, None)] {
        let with = |bytes: &[u8]| [upgrade_request(path).as_bytes(), bytes].concat();
        let (rsv, again) = (with(&RSV), with(upgrade_request(path).as_bytes()));
        for (name, request) in [("RSV bits", rsv), ("a second request", again)] {
            scene.row(&format!("{path} and {name}"), &[(closed, 1)], |node| {
                let mut peer = node.peer();
                peer.send(&request);
                assert_eq!(peer.answer().status, 101);
                assert_eq!(peer.close_code(), code);
            });
        }
    }
    scene.row("a proper frame", &[(ACCEPTED, 1)], |node| {
        let mut peer = node.peer();
        let mut request = upgrade_request("/ws").into_bytes();
        roomcast_core::websocket::encode_masked(
            roomcast_core::websocket::Opcode::Text,
            br#"{"type":"nothing","id":"7"}"#,
            [1, 2, 3, 4],
            &mut request,
        );
        peer.send(&request);
        assert_eq!(peer.answer().status, 101);
        assert!(matches!(peer.told(), Told::Text(_)));
        assert!(matches!(peer.told(), Told::Text(answer) if answer.contains("unknown_type")));
    });
    scene.end();
}

const ORIGINS: &[(&str, &str)] = &[("public.origins", "https://app.example.com")];

/// What a page of `origin` gets: no CORS header unless it is listed, never credentials.
fn no_cors(mut peer: Peer, origin: &str, method: &str) {
    let asked = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-evil\r\n";
    let answer = peer.request(method, POLLING, &format!("Origin: {origin}\r\n{asked}"), "");
    assert!(!answer.head.contains("access-control-allow-origin"), "{answer:?}");
    assert!(!answer.head.contains("allow-credentials"), "{answer:?}");
    assert!(!answer.head.contains(SECRET) && !answer.head.contains("evil.test"), "{answer:?}");
    assert!(method == "OPTIONS" || answer.status == 403, "{answer:?}");
}

#[test]
fn cors_is_never_reflected() {
    let denied = r#"roomcast_handshakes_total{result="origin_denied"}"#;
    for settings in [ORIGINS, &[]] {
        let mut scene = Scene::start(settings);
        for origin in
            ["https://evil.test", "null", "https://app.example.com.evil.test", "file://", "http://127.0.0.1.evil.test"]
        {
            scene.row(&format!("GET from {origin}"), &[(denied, 1)], |node| no_cors(node.peer(), origin, "GET"));
            scene.row(&format!("OPTIONS from {origin}"), &[], |node| no_cors(node.peer(), origin, "OPTIONS"));
            let upgrade = odd("/ws", "Host", &format!("Host: 127.0.0.1\r\nOrigin: {origin}"));
            scene.row(&format!("WebSocket from {origin}"), &[(denied, 1)], |node| {
                let mut peer = node.peer();
                peer.send(&upgrade);
                assert_eq!(peer.answer().status, 403);
            });
        }
        scene.row("GET with a name bound to our address", &[(denied, 1)], |node| {
            let mut peer = node.peer();
            peer.send(format!("GET {POLLING} HTTP/1.1\r\nHost: rebound.evil.test\r\n\r\n"));
            assert_eq!(peer.answer().status, 403);
        });
        scene.end();
    }
}
