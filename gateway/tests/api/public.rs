//! What clients cost the node, seen from its API.

use super::clients::{Plain, SocketIo};
use super::gateway::{Answer, DEADLINE, Running, start, start_with};

impl Running {
    /// One request to the public port, on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        self.polls().request(method, path, headers, body)
    }

    /// Opens a polled session; returns the path of its requests.
    pub(crate) fn session(&self) -> String {
        let path = "/socket.io/?EIO=4&transport=polling";
        let open = self.ask("GET", path, &[], None).body;
        let open: serde_json::Value = serde_json::from_str(&open[1..]).expect("an open packet");
        format!("{path}&sid={}", open["sid"].as_str().expect("a session"))
    }
}

/// The value of a series, with its labels.
pub(crate) fn metric(gateway: &Running, series: &str) -> i64 {
    let text = gateway.get("/metrics").body;
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value: f64 = line.expect("the series").parse().expect("a number");
    value as i64
}

#[test]
fn what_is_posted_to_another_shard_is_paid_back() {
    let gateway = start();
    let path = gateway.session();
    assert_eq!(gateway.ask("POST", &path, &[], Some("40")).body, "ok");
    // Each on a connection of its own: the kernel spreads them over the shards.
    for _ in 0..24 {
        let body = format!("42[\"x\",\"{}\"]", "x".repeat(1000));
        assert_eq!(gateway.ask("POST", &path, &[], Some(&body)).body, "ok");
    }
    let started = std::time::Instant::now();
    while metric(&gateway, "roomcast_mailbox_bytes") != 0 {
        assert!(started.elapsed() < DEADLINE, "the mailboxes stay charged");
    }
}

#[test]
fn a_plain_client_names_its_namespace_and_nothing_else() {
    let gateway = start();
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for (query, status, says) in [
        ("namepsace=/", 400, "`namepsace`"),
        ("namespace=/&foo=1", 400, "`foo`"),
        ("namespace=/&namespace=/", 400, "twice"),
        ("namespace=/none", 404, "namespace"),
    ] {
        let answer = gateway.ask("GET", &format!("/ws?{query}"), &upgrade, None);
        assert!(answer.status == status && answer.body.contains(says), "{query}: {} {}", answer.status, answer.body);
    }
    assert_eq!(metric(&gateway, r#"roomcast_handshakes_total{protocol="plain",result="bad_request"}"#), 4);
    let _client = Plain::at(&gateway, "/ws?namespace=%2F&t=1234", &["a"]);
}

#[test]
fn leaving_a_room_one_is_not_in_changes_no_count() {
    let gateway = start();
    // Enough of both that some share a shard.
    let _members: Vec<Plain> = (0..8).map(|_| Plain::member_of(&gateway, &["a"])).collect();
    let mut others: Vec<Plain> = (0..8).map(|_| Plain::member_of(&gateway, &[])).collect();
    for other in &mut others {
        other.socket.send(r#"{"type":"unsubscribe","id":"1","room":"a"}"#);
        assert_eq!(other.next()["type"], "ok");
    }
    assert_eq!(metric(&gateway, "roomcast_subscriptions"), 8);
}

#[test]
fn what_waits_for_a_slow_client_holds_no_room_for_publications() {
    let gateway = start_with(|settings| settings.limits.outbox_age_ms_max = 60_000);
    // It never reads again: what its socket does not take waits in its outbox.
    let _slow = Plain::member_of(&gateway, &["a"]);
    let body = format!(r#"{{"to":{{"rooms":["a"]}},"event":"x","args":["{}"]}}"#, "x".repeat(700_000));
    let started = std::time::Instant::now();
    let waits = || metric(&gateway, "roomcast_outbox_bytes") > 0;
    let written = || metric(&gateway, "roomcast_messages_delivered_total{protocol=\"plain\"}");
    let (mut published, mut looks) = (0, 0);
    // The kernel goes on taking for a while: what it leaves is what counts.
    while looks < 50 {
        looks += 1;
        if !waits() && written() == published {
            gateway.publish(&body);
            (published, looks) = (published + 1, 0);
        }
        assert!(started.elapsed() < DEADLINE, "the client is not slow");
    }
    // What is partly written is bytes by now; this one waits as a whole.
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"x"}"#);
    let started = std::time::Instant::now();
    while metric(&gateway, "roomcast_mailbox_bytes") != 0 {
        assert!(started.elapsed() < DEADLINE / 2, "the mailboxes stay charged");
    }
    assert!(waits(), "it still does");
}

#[test]
fn a_body_that_does_not_come_ends_its_session_and_its_connection() {
    let gateway = start_with(|settings| settings.limits.body_timeout_ms = 50);
    let path = gateway.session();
    let mut client = gateway.polls();
    client.send(&format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n4"));
    assert_eq!(client.answer(false).status, 408);
    assert_eq!(client.rest(), "", "the connection ends");
    gateway.until("/metrics", |metrics| {
        metrics.body.contains("roomcast_connections{protocol=\"socketio\",transport=\"polling\"} 0\n")
    });
}

#[test]
fn a_message_of_a_client_is_counted_once() {
    let gateway = start();
    let mut client = SocketIo::member_of(&gateway, "a");
    client.socket.send(r#"421["nobody hears it"]"#);
    assert!(client.next().starts_with("431"), "refused");
    for (kind, count) in [("connect", 1), ("subscribe", 1), ("event", 1), ("publish", 0)] {
        let series = format!("roomcast_messages_received_total{{protocol=\"socketio\",kind=\"{kind}\"}}");
        assert_eq!(metric(&gateway, &series), count, "{kind}");
    }
    client.socket.send("40/nowhere,");
    assert!(client.next().starts_with("44/nowhere,"));
    let series = r#"roomcast_client_errors_total{code="unknown_namespace"}"#;
    assert_eq!(metric(&gateway, series), 1);
}

#[test]
fn the_demo_page_is_there_for_head_too() {
    let gateway = start();
    let (get, head) = (gateway.ask("GET", "/", &[], None), gateway.ask("HEAD", "/", &[], None));
    assert_eq!((get.status, head.status), (200, 200));
    assert_eq!(head.header("content-length"), get.header("content-length"));
    assert!(
        get.body.contains(&format!("curl -X POST http://{}", gateway.handle().internal_address()))
            && head.body.is_empty()
    );
}
