//! `POST /v1/publish/batch` with JSON lines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::clients::Plain;
use super::gateway::{Http, Running, start, start_with};

const HEAD: &str = "POST /v1/publish/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";

fn open(gateway: &Running) -> Http {
    let mut http = gateway.internal();
    http.send(HEAD);
    let answer = http.head();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-ndjson")));
    http
}

/// The next chunk of the answer, line by line.
fn answers(http: &mut Http) -> Vec<Value> {
    let chunk = http.chunk().expect("the answer goes on");
    chunk.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn each_line_is_published_and_answered_while_the_stream_stays_open() {
    let gateway = start();
    let mut client = Plain::member_of(&gateway, &["a"]);
    let mut http = open(&gateway);
    for n in 0..3 {
        let line = format!(r#"{{"to":{{"rooms":["a"]}},"event":"x","args":[{n}],"id":"i{n}"}}"#);
        let (first, second) = line.split_at(20);
        http.send_chunk(first);
        http.send_chunk(&format!("{second}\r\n\r\n  \n"));
        let expected = json!({"status":202,"id":format!("i{n}"),"position":null});
        assert_eq!(answers(&mut http), [expected]);
        assert_eq!(client.next()["args"], json!([n]));
    }
    // The last line needs no line feed.
    http.send_chunk(r#"{"to":{"rooms":["a"]},"event":"last"}"#);
    http.send("0\r\n\r\n");
    assert_eq!(answers(&mut http)[0]["status"], 202);
    assert_eq!(http.chunk(), None);
    assert_eq!(client.next()["event"], "last");
}

#[test]
fn a_long_stream_keeps_its_order_at_a_subscriber() {
    const COUNT: usize = 10_000;
    let gateway = start();
    let mut client = Plain::member_of(&gateway, &["a"]);
    let mut body = String::new();
    for n in 0..COUNT {
        let _ = writeln!(body, r#"{{"to":{{"rooms":["a"]}},"event":"x","args":[{n}]}}"#);
    }
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| {
            let kind = [("Content-Type", "application/x-ndjson")];
            let mut http = gateway.internal();
            let text = format!(
                "POST /v1/publish/batch HTTP/1.1\r\nHost: localhost\r\n{}: {}\r\nContent-Length: {}\r\n\r\n",
                kind[0].0,
                kind[0].1,
                body.len()
            );
            http.send(&text);
            http.send(&body);
            http.answer(false)
        });
        for n in 0..COUNT {
            assert_eq!(client.next()["args"], json!([n]));
        }
        let answer = sent.join().expect("an answer");
        assert_eq!(answer.body.lines().count(), COUNT);
        assert!(answer.body.lines().all(|line| line.starts_with(r#"{"status":202,"#)));
    });
}

#[test]
fn a_line_fails_for_itself_and_a_line_too_long_is_skipped() {
    let gateway = start_with(|settings| settings.limits.publish_body_bytes_max = 100);
    let mut client = Plain::member_of(&gateway, &["a"]);
    let mut http = open(&gateway);
    let mut codes = Vec::new();
    let mut body = String::from("nonsense\n");
    body.push_str(&"x".repeat(50_000));
    body.push('\n');
    body.push_str("{\"to\":{\"rooms\":[\"a\"]},\"event\":\"x\",\"ack\":{}}\n");
    body.push_str("{\"to\":{\"rooms\":[\"a\"]},\"event\":\"y\"}\n");
    http.send_chunk(&body);
    http.send("0\r\n\r\n");
    while let Some(chunk) = http.chunk() {
        for line in chunk.lines() {
            let item: Value = serde_json::from_str(line).expect("JSON");
            codes.push(item["code"].as_str().unwrap_or("accepted").to_owned());
        }
    }
    let expected = ["invalid_request", "payload_too_large", "invalid_request", "accepted"];
    assert_eq!(codes, expected);
    assert_eq!(client.next()["event"], "y");
}

#[test]
fn half_a_line_of_a_broken_stream_is_not_published() {
    let gateway = start();
    let mut client = Plain::member_of(&gateway, &["a"]);
    let mut http = open(&gateway);
    http.send_chunk("{\"to\":{\"rooms\":[\"a\"]},\"event\":\"x\"}\n{\"to\":{\"rooms\":[\"a\"]},\"event\":\"half\"}");
    assert_eq!(answers(&mut http).len(), 1);
    drop(http);
    assert_eq!(client.next()["event"], "x");
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"next"}"#);
    assert_eq!(client.next()["event"], "next");
}

#[test]
fn a_stream_waits_for_room_and_goes_on() {
    let gateway = start_with(|settings| settings.limits.mailbox_bytes_max = 2000);
    let mut client = Plain::member_of(&gateway, &["a"]);
    let line = "{\"to\":{\"rooms\":[\"a\"]},\"event\":\"x\"}\n";
    let mut http = open(&gateway);
    let held = gateway.hold("a", 1400);
    http.send_chunk(line);
    // Its room comes after the line has been read: in time it is accepted, too late it is refused.
    gateway.until("/metrics", |answer| answer.status == 200);
    drop(held);
    assert_eq!(answers(&mut http)[0]["status"], 202);
    assert_eq!(client.next()["event"], "x");
    let held = gateway.hold("a", 1400);
    http.send_chunk(line);
    assert_eq!(answers(&mut http)[0]["code"], "overloaded");
    drop(held);
    http.send_chunk(line);
    assert_eq!(answers(&mut http)[0]["status"], 202);
}
