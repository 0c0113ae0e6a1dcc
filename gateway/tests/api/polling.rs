//! Clients that poll: what they hold of a node, and for how long.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::gateway::{Answer, DEADLINE, Running, start, start_with};

const PATH: &str = "/socket.io/?EIO=4&transport=polling";

/// A polled session that has joined `/`.
struct Polled<'a> {
    gateway: &'a Running,
    path: String,
}

impl<'a> Polled<'a> {
    fn start(gateway: &'a Running) -> Self {
        let open = gateway.polls().request("GET", PATH, &[], None);
        let open: serde_json::Value = serde_json::from_str(&open.body[1..]).expect("JSON");
        let path = format!("{PATH}&sid={}", open["sid"].as_str().expect("an id"));
        let session = Self { gateway, path };
        session.post("40");
        let connected = gateway.polls().request("GET", &session.path, &[], None);
        assert!(connected.body.starts_with("40"), "{connected:?}");
        session
    }

    /// Posts over a TCP connection of its own: any shard may accept it.
    fn post(&self, body: &str) {
        let answer = self.gateway.polls().request("POST", &self.path, &[], Some(body));
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    }
}

fn mailboxes_are_empty(answer: &Answer) -> bool {
    answer.body.contains("\nroomcast_mailbox_bytes 0\n")
}

#[test]
fn what_posts_were_charged_is_paid_back() {
    let gateway = start();
    let session = Polled::start(&gateway);
    for _ in 0..20 {
        session.post(&format!(r#"42["message","{}"]"#, "x".repeat(1000)));
    }
    gateway.until("/metrics", mailboxes_are_empty);
}

#[test]
fn what_a_client_does_not_fetch_is_not_taken_from_what_others_may_publish() {
    let gateway = start();
    let session = Polled::start(&gateway);
    session.post(r#"42["subscribe","a"]"#);
    gateway.until("/v1/rooms/a", |answer| answer.status == 200);
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"x","args":["waits for a poll"]}"#);
    gateway.until("/metrics", |answer| !answer.body.contains("\nroomcast_outbox_bytes 0\n"));
    gateway.until("/metrics", mailboxes_are_empty);
}

#[test]
fn a_body_that_never_comes_ends_with_its_session() {
    let gateway = start_with(|settings| settings.limits.body_timeout_ms = 500);
    let session = Polled::start(&gateway);
    let mut post = gateway.polls();
    let head = format!("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n42", session.path);
    post.send(&head);
    let answer = post.answer(false);
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
}

#[test]
fn a_client_that_does_not_read_its_polls_is_let_go() {
    let gateway = start_with(|settings| {
        (settings.socket_io.ping_interval_ms, settings.socket_io.ping_timeout_ms) = (1500, 1500);
        (settings.websocket.ping_interval_ms, settings.websocket.ping_timeout_ms) = (1500, 1500);
        settings.limits.message_bytes_max = 10_000_000;
        settings.limits.publish_body_bytes_max = 10_000_000;
    });
    let session = Polled::start(&gateway);
    session.post(r#"42["subscribe","a"]"#);
    gateway.until("/v1/rooms/a", |answer| answer.status == 200);
    let more = "x".repeat(8_000_000);
    gateway.publish(&format!(r#"{{"to":{{"rooms":["a"]}},"event":"x","args":["{more}"]}}"#));
    gateway.until("/metrics", |answer| !answer.body.contains("\nroomcast_outbox_bytes 0\n"));
    let mut poll = gateway.public();
    let head = format!("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", session.path);
    poll.write_all(head.as_bytes()).expect("it reads");
    // Reading would be a sign of life: whether the node has let go is read off the kernel's table.
    let (node, client) = (gateway.handle().public_address().port(), poll.local_addr().expect("an address").port());
    let started = Instant::now();
    while holds(node, client) {
        assert!(started.elapsed() < DEADLINE, "the connection is still held");
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut taken = Vec::new();
    let read = poll.read_to_end(&mut taken);
    assert!(taken.starts_with(b"HTTP/1.1 200"), "it was polled in time");
    assert!(taken.len() < more.len(), "the rest was not kept for it: {read:?}");
}

/// Whether the node's end of a connection is in the kernel's table.
fn holds(node: u16, client: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let (node, client) = (format!(":{node:04X}"), format!(":{client:04X}"));
    table.lines().skip(1).any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        columns.next().is_some_and(|local| local.ends_with(&node))
            && columns.next().is_some_and(|remote| remote.ends_with(&client))
    })
}

#[test]
fn a_stop_does_not_wait_for_clients_that_were_sent_away_before() {
    let gateway = start_with(|settings| settings.drain.deadline_ms = 9000);
    let session = Polled::start(&gateway);
    let answer = gateway.post("/v1/disconnect", r#"{"select":{"all":true},"reconnect":true}"#);
    assert_eq!((answer.status, answer.json()["matched"].as_u64()), (200, Some(1)));
    drop(session);
    let started = Instant::now();
    drop(gateway);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn a_session_that_was_closed_for_what_it_did_not_fetch_holds_nothing_but_its_place() {
    let gateway = start_with(|settings| {
        settings.limits.connections_max = 1;
        settings.limits.outbox_bytes_max = 65_536;
    });
    let session = Polled::start(&gateway);
    session.post(r#"42["subscribe","a"]"#);
    gateway.until("/v1/rooms/a", |answer| answer.json()["members"] == 1);
    let publication = format!(r#"{{"to":{{"rooms":["a"]}},"event":"x","args":["{}"]}}"#, "x".repeat(40_000));
    gateway.publish(&publication);
    gateway.until("/metrics", |answer| !answer.body.contains("\nroomcast_outbox_bytes 0\n"));
    gateway.publish(&publication);
    let dropped = r#"roomcast_messages_dropped_total{reason="connection_closed"} 1"#;
    gateway.until("/metrics", |answer| answer.body.contains("\nroomcast_outbox_bytes 0\n"));
    gateway.until("/metrics", |answer| answer.body.contains(dropped));
    let refused = gateway.polls().request("GET", PATH, &[], None);
    assert_eq!(refused.status, 503, "{refused:?}");
    let over = gateway.polls().request("GET", &session.path, &[], None);
    assert_eq!((over.status, over.json()["code"].as_u64()), (400, Some(1)), "{over:?}");
    drop(Polled::start(&gateway));
}

#[test]
fn a_session_that_was_closed_in_order_fetches_what_waits_for_it_and_holds_its_place_until_then() {
    let gateway = start_with(|settings| settings.limits.connections_max = 1);
    let session = Polled::start(&gateway);
    session.post(r#"42["subscribe","a"]"#);
    gateway.until("/v1/rooms/a", |answer| answer.json()["members"] == 1);
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"x","args":["waits"]}"#);
    gateway.until("/metrics", |answer| !answer.body.contains("\nroomcast_outbox_bytes 0\n"));
    gateway.post("/v1/disconnect", r#"{"select":{"all":true},"reconnect":true}"#);
    gateway.until("/v1/rooms/a", |answer| answer.json()["members"] == 0);
    assert_eq!(gateway.polls().request("GET", PATH, &[], None).status, 503);
    let last = gateway.polls().request("GET", &session.path, &[], None);
    assert!(last.body.contains(r#"42["x","waits"]"#), "{last:?}");
    let over = gateway.polls().request("GET", &session.path, &[], None);
    assert_eq!((over.status, over.json()["code"].as_u64()), (400, Some(1)), "{over:?}");
    drop(Polled::start(&gateway));
}
