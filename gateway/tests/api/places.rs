//! Requests to all nodes: so many at a time, and whoever hangs up gives its place back.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::gateway::{Http, Running};
use super::public::metric;
use super::redis::{self, Server, until};

const REQUESTS_MAX: usize = 3;
const REFUSED: &str = r#"roomcast_adapter_errors_total{kind="request_refused"}"#;

/// Begins a broadcast with acknowledgements to a room of nobody; its clients would have so long.
fn begin(node: &Running, timeout: Duration) -> Http {
    let ack = json!({ "timeout_ms": timeout.as_millis() as u64 });
    let body = json!({ "to": { "rooms": ["nobody"] }, "event": "x", "ack": ack }).to_string();
    let mut http = node.internal();
    let length = body.len();
    let head = "POST /v1/publish HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json";
    http.send(&format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}"));
    http
}

/// One that does not wait for long; its status, and the code if it was refused.
fn brief(node: &Running) -> (u16, String) {
    let answer = begin(node, Duration::from_millis(1)).answer(false);
    (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// Waits until a brief one is answered so.
fn until_brief(node: &Running, status: u16, code: &str) {
    until("another request is answered so", || {
        let answered = brief(node);
        if answered == (status, code.to_owned()) { Ok(()) } else { Err(answered) }
    });
}

/// A subscriber that Redis counts among the nodes, and that never answers.
fn silent_node(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("it listens");
    stream.write_all(b"SUBSCRIBE roomcast:socket.io:namespace:/\r\n").expect("it reads");
    let mut said = String::new();
    BufReader::new(&stream).read_line(&mut said).expect("it answers");
    assert_eq!(said, "*3\r\n");
    stream
}

/// Takes all places with requests that wait longer than these tests have patience for; one too many of them
/// is refused.
fn take_all(node: &Running) -> Vec<Http> {
    let refused = metric(node, REFUSED);
    let waiting = (0..=REQUESTS_MAX).map(|_| begin(node, Duration::from_mins(1))).collect();
    let more = until("one is refused", || match metric(node, REFUSED) - refused {
        0 => Err(node.get("/readyz").body),
        more => Ok(more),
    });
    assert_eq!(more, 1);
    waiting
}

#[test]
fn who_waits_for_a_silent_node_and_hangs_up_makes_room_for_others() {
    let server = Server::start(&[]);
    let [node] = redis::start(&server, |settings| settings.redis.requests_max = REQUESTS_MAX);
    assert_eq!(brief(&node), (200, String::new()));
    let _silent = silent_node(&server);
    for _ in 0..3 {
        let waiting = take_all(&node);
        assert_eq!(brief(&node), (503, "overloaded".into()));
        drop(waiting);
        until("they are known to have gone", || match metric(&node, "roomcast_internal_connections") {
            // That of this question.
            1 => Ok(()),
            open => Err(open),
        });
        assert_eq!(brief(&node), (200, String::new()));
    }
}

#[test]
fn who_hangs_up_while_redis_does_not_answer_makes_room_for_others() {
    let server = Server::start(&[]);
    let [node] = redis::start(&server, |settings| {
        settings.redis.requests_max = REQUESTS_MAX;
        settings.redis.publish_timeout_ms = 60_000;
    });
    server.pause();
    // The link is not known yet to be down.
    let waiting = take_all(&node);
    drop(waiting);
    server.resume();
    until_brief(&node, 200, "");
}
