//! Polling requests: bodies that are no payloads, requests that overlap, break off or never end.

use crate::node::Node;
use crate::peer::{Answer, Peer};
use crate::scene::{Row, Scene};

const PATH: &str = "/socket.io/?EIO=4&transport=polling";
/// Sessions of a row that opens many at once.
const MANY: u16 = 500;
/// Bytes of one request at most, by default.
const BODY_BYTES_MAX: usize = 1_000_000;
/// Repetitions of a row whose action sends a megabyte.
const TIMES_OF_A_MEGABYTE: usize = 48;

/// A polled session. Each request is a connection of its own: any shard may take it.
pub(crate) struct Session {
    pub(crate) sid: String,
    path: String,
}

impl Session {
    pub(crate) fn open(node: &Node) -> Self {
        let open = node.peer().get(PATH);
        open.is(200, "\"sid\"");
        let sid = open.body.split('"').nth(3).expect("an id").to_owned();
        let path = format!("{PATH}&sid={sid}");
        Self { sid, path }
    }

    fn post(&self, node: &Node, headers: &str, body: &str) -> Answer {
        node.peer().request("POST", &self.path, headers, body)
    }

    /// A GET that is pending when this returns: the server took it in the same breath as the
    /// one before it on this connection, which is answered.
    fn pending_get(&self, node: &Node) -> Peer {
        let mut peer = node.peer();
        let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        peer.send(get("/nothing-here") + &get(&self.path));
        assert_eq!(peer.answer().status, 404);
        peer
    }

    /// A POST that has begun when this returns, and whose body does not come.
    fn begun_post(&self, node: &Node, length: usize) -> Peer {
        let mut peer = node.peer();
        let path = &self.path;
        peer.send(format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        ));
        assert_eq!(peer.answer().status, 100);
        peer
    }

    /// The head of a POST in chunks.
    fn chunked(&self) -> String {
        let path = &self.path;
        format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    /// Asserts that the session is still there, and ends it.
    pub(crate) fn lives(&self, node: &Node) {
        self.post(node, "", "1").is(200, "ok");
    }

    /// Asserts that the session is gone.
    fn is_gone(&self, node: &Node) {
        node.peer().get(&self.path).is(400, "Session ID unknown");
    }
}

fn closed(reason: &str) -> String {
    format!(r#"roomcast_connections_closed_total{{protocol="socketio",reason="{reason}"}}"#)
}

fn refused(reason: &str) -> String {
    format!(r#"roomcast_http_refused_total{{listener="public",reason="{reason}"}}"#)
}

/// Bodies that are no payloads.
const GARBAGE: &[(&str, &str)] = &[
    ("an empty body", ""),
    ("an unknown packet", "9"),
    ("a letter", "x"),
    ("a ping of a client", "2"),
    ("bad base64", "b!!!!"),
    ("base64 with a line feed", "bAA\nAA"),
    ("base64 of the web's alphabet", "b-_-_"),
    ("empty packets", "\x1e\x1e"),
    ("revision 3", "2:40"),
    ("a form, as of JSONP", "d=40"),
];

#[test]
fn bodies() {
    let mut scene = Scene::start(&[]);
    let broken = closed("protocol_error");
    for (name, body) in GARBAGE {
        scene.row(name, &[(&broken, 1)], |node| {
            let session = Session::open(node);
            session.post(node, "", body).is(400, "Bad request");
            session.is_gone(node);
        });
    }
    scene.row("bytes that are no UTF-8", &[(&closed("invalid_text"), 1)], |node| {
        let session = Session::open(node);
        let mut peer = node.peer();
        peer.send([session.chunked().as_bytes(), b"2\r\n4\xff\r\n0\r\n\r\n"].concat());
        peer.answer().is(400, "Bad request");
        session.is_gone(node);
    });
    scene.play(&Row {
        name: "application/octet-stream",
        // As many as the advisory's: each left a request without an end, and its socket.
        times: 1000,
        grows: &[(&broken, 1)],
        act: &|node| {
            let session = Session::open(node);
            session.post(node, "Content-Type: application/octet-stream\r\n", "\0\u{1}\u{ff}4hello").is(400, "");
            session.is_gone(node);
        },
    });
    for encoding in ["gzip", "deflate", "br", "constructor", "identity, gzip"] {
        let grows = [(&*broken, 1), (&*refused("body_type"), 1)];
        scene.row(&format!("Content-Encoding: {encoding}"), &grows, |node| {
            let session = Session::open(node);
            session.post(node, &format!("Content-Encoding: {encoding}\r\n"), "40").is(415, "");
            session.is_gone(node);
        });
    }
    scene.end();
}

#[test]
fn large_bodies() {
    let mut scene = Scene::start(&[]);
    let too_large = refused("body_too_large");
    scene.row("a length over the limit", &[(&too_large, 1)], |node| {
        let session = Session::open(node);
        let mut peer = node.peer();
        let (path, length) = (&session.path, BODY_BYTES_MAX + 1);
        peer.send(format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n4"));
        peer.answer().is(413, "");
        session.lives(node);
    });
    let chunk = format!("10000\r\n{}\r\n", "4".repeat(0x10000));
    scene.play(&Row {
        name: "chunks without end",
        times: TIMES_OF_A_MEGABYTE,
        grows: &[(&too_large, 1)],
        act: &|node| {
            let session = Session::open(node);
            let mut peer = node.peer();
            peer.send(session.chunked());
            let sent = (0..1000).take_while(|_| peer.send(&chunk)).count();
            assert!(sent < 1000, "it takes a body without end");
            session.lives(node);
        },
    });
    let empty = "\x1e".repeat(BODY_BYTES_MAX - 1);
    scene.play(&Row {
        name: "10^6 empty packets",
        times: TIMES_OF_A_MEGABYTE,
        grows: &[(&closed("protocol_error"), 1)],
        act: &|node| {
            let session = Session::open(node);
            session.post(node, "", &empty).is(400, "Bad request");
            session.is_gone(node);
        },
    });
    let pongs = "3\x1e".repeat(BODY_BYTES_MAX / 2 - 1) + "3";
    scene.play(&Row {
        name: "half a million pongs",
        times: TIMES_OF_A_MEGABYTE / 4,
        grows: &[],
        act: &|node| {
            let session = Session::open(node);
            session.post(node, "", &pongs).is(200, "ok");
            session.lives(node);
        },
    });
    scene.end();
}

/// Chunks that are none.
const CHUNKS: &[(&str, &str)] = &[
    ("no number", "zz\r\n40\r\n0\r\n\r\n"),
    ("a sign", "+2\r\n40\r\n0\r\n\r\n"),
    ("a negative size", "-2\r\n40\r\n0\r\n\r\n"),
    ("a prefix", "0x2\r\n40\r\n0\r\n\r\n"),
    ("an overflow", "FFFFFFFFFFFFFFFFF\r\n40"),
    ("no end of the data", "2\r\n40XX0\r\n\r\n"),
    ("a bare line feed", "2\n40\n0\n\n"),
    ("an empty size", "\r\n40\r\n0\r\n\r\n"),
];

#[test]
fn chunks() {
    let mut scene = Scene::start(&[]);
    for (name, chunks) in CHUNKS {
        scene.row(&format!("chunks with {name}"), &[(&closed("protocol_error"), 1)], |node| {
            let session = Session::open(node);
            let mut peer = node.peer();
            peer.send(session.chunked() + chunks);
            let answer = peer.answer();
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(peer.rest().is_empty(), "one answer, and the end");
            session.is_gone(node);
        });
    }
    let extension = format!("2;{}\r\n40\r\n0\r\n\r\n", "x".repeat(64 * 1024));
    scene.row("an extension without end", &[(&closed("protocol_error"), 1)], |node| {
        let session = Session::open(node);
        let mut peer = node.peer();
        peer.send(session.chunked() + &extension);
        // Cut off while it is sent: the answer may be lost with it.
        assert!(peer.try_answer().is_none_or(|answer| answer.status == 400));
        session.is_gone(node);
    });
    scene.row("Content-Length and chunks", &[(&closed("normal"), 1)], |node| {
        let session = Session::open(node);
        let mut peer = node.peer();
        let head = session.chunked().replacen("\r\n\r\n", "\r\nContent-Length: 6\r\n\r\n", 1);
        // Chunks count, and nothing behind them: what one hop takes for a body is no request to the next.
        peer.send(head + "1\r\n1\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: smuggled\r\n\r\n");
        peer.answer().is(200, "ok");
        assert!(peer.rest().is_empty(), "one answer, and the end");
    });
    scene.end();
}

#[test]
fn requests_that_overlap_or_break_off() {
    let mut scene = Scene::start(&[]);
    let duplicate = closed("duplicate_request");
    scene.row("two GETs", &[(&duplicate, 1)], |node| {
        let session = Session::open(node);
        let mut one = session.pending_get(node);
        let other = node.peer().get(&session.path);
        // Which of them was first is decided on the session's shard.
        let mut answers = [one.answer(), other].map(|answer| (answer.status, answer.body));
        answers.sort();
        assert_eq!(answers, [(200, "1".to_owned()), (400, String::new())]);
        session.is_gone(node);
    });
    scene.row("two POSTs", &[(&duplicate, 1)], |node| {
        let session = Session::open(node);
        let mut first = session.begun_post(node, 2);
        assert_eq!(session.post(node, "", "40").status, 400);
        first.send("40");
        first.answer().is(400, "Session ID unknown");
    });
    scene.row("a GET that is let go", &[(&closed("transport_error"), 1)], |node| {
        drop(Session::open(node).pending_get(node));
    });
    scene.row("a POST that breaks off", &[(&closed("protocol_error"), 1)], |node| {
        let mut peer = Session::open(node).begun_post(node, 100);
        peer.send("40");
    });
    for method in ["PUT", "DELETE", "PATCH", "TRACE", "__PROTO__"] {
        scene.row(method, &[(&refused("method"), 1)], |node| {
            let session = Session::open(node);
            let answer = node.peer().request(method, &session.path, "", "40");
            assert_eq!((answer.status, answer.header("allow")), (405, Some("get, post")), "{answer:?}");
            session.lives(node);
        });
    }
    scene.end();
}

#[test]
fn bodies_that_do_not_come() {
    roomcast::os::raise_file_limit().expect("a limit");
    let mut scene = Scene::start(&[("limits.body_timeout_ms", "2000")]);
    scene.play(&Row {
        name: "500 POSTs with half a body",
        times: 1,
        grows: &[(&refused("body_timeout"), MANY.into()), (&closed("protocol_error"), MANY.into())],
        act: &|node| {
            let begin = |_| {
                let mut peer = Session::open(node).begun_post(node, 100);
                peer.send("40");
                peer
            };
            let mut peers: Vec<Peer> = (0..MANY).map(begin).collect();
            for peer in &mut peers {
                peer.answer().is(408, "");
                assert!(peer.rest().is_empty());
            }
        },
    });
    scene.end();
}
