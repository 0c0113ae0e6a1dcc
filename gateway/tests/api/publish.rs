//! `POST /v1/publish`.

use serde_json::{Value, json};

use super::clients::{Plain, SocketIo};
use super::gateway::{start, start_with};

#[test]
fn a_publication_reaches_the_members_of_its_room_in_every_protocol() {
    let gateway = start();
    let mut plain = Plain::member_of(&gateway, &["orders:42"]);
    let mut socket_io = SocketIo::member_of(&gateway, "orders:42");
    let body = r#"{"to":{"rooms":["orders:42"]},"event":"order.updated","args":[{"z":1.0,"a":2}],"id":"ord-42-v7"}"#;
    let answer = gateway.post("/v1/publish", body);
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body, r#"{"id":"ord-42-v7","position":null}"#);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(socket_io.next(), r#"42["order.updated",{"z":1.0,"a":2}]"#);
    let event = plain.next();
    assert_eq!(event["room"], "orders:42");
    assert_eq!(event["event"], "order.updated");
    let metrics = gateway.get("/metrics").body;
    assert!(metrics.contains(r#"roomcast_publications_total{origin="http",result="accepted"} 1"#));
}

#[test]
fn audiences_are_rooms_connections_and_everybody_without_exceptions() {
    let gateway = start();
    let mut first = Plain::member_of(&gateway, &["a"]);
    let mut second = Plain::member_of(&gateway, &["b"]);
    let publish = |to: Value, except: Value, event: &str| {
        gateway.publish(&json!({"to":to,"except":except,"event":event}).to_string());
    };
    publish(json!({"rooms":["a","b"]}), json!({"connections":[first.id]}), "not to the first");
    publish(json!({"connections":[first.id]}), json!({}), "to the first alone");
    publish(json!({"users":["nobody"]}), json!({}), "to nobody");
    publish(json!({"all":true}), json!({"rooms":["b"]}), "not to b");
    publish(json!({"all":true}), json!({}), "to all");
    let events = |client: &mut Plain, count| -> Vec<String> {
        let event = |_| client.next()["event"].as_str().unwrap_or_default().to_owned();
        (0..count).map(event).collect()
    };
    assert_eq!(events(&mut first, 3), ["to the first alone", "not to b", "to all"]);
    assert_eq!(events(&mut second, 2), ["not to the first", "to all"]);
}

#[test]
fn data_is_one_argument_and_attachments_take_the_place_of_placeholders() {
    let gateway = start();
    let mut client = Plain::member_of(&gateway, &["a"]);
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"x","data":{"n":1}}"#);
    assert_eq!(client.next()["args"], json!([{"n":1}]));
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"x","data":null}"#);
    assert_eq!(client.next()["args"], json!([null]));
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"x"}"#);
    assert_eq!(client.next()["args"], json!([]));
    gateway
        .publish(r#"{"to":{"rooms":["a"]},"event":"x","args":[{"_placeholder":true,"num":0}],"attachments":["AQID"]}"#);
    assert_eq!(client.next()["attachments"], json!(["AQID"]));
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"x","delivery":"latest","key":"k","ttl_ms":60000}"#);
    assert_eq!(client.next()["event"], "x");
}

/// (body, code, what it is about)
const BODIES: &[(&str, &str, &str)] = &[
    ("", "invalid_request", ""),
    ("[]", "invalid_request", ""),
    (r#"{"to":{"all":true},"event":"x"} x"#, "invalid_request", ""),
    (r#"{"event":"x"}"#, "invalid_request", "to"),
    (r#"{"to":{},"event":"x"}"#, "invalid_request", "to"),
    (r#"{"to":{"rooms":[],"all":false},"event":"x"}"#, "invalid_request", "to"),
    (r#"{"to":{"rooms":"a"},"event":"x"}"#, "invalid_request", "to.rooms"),
    (r#"{"to":{"rooms":["a",7]},"event":"x"}"#, "invalid_request", "to.rooms[1]"),
    (r#"{"to":{"users":[""]},"event":"x"}"#, "invalid_request", "to.users[0]"),
    (r#"{"to":{"connections":["~u"]},"event":"x"}"#, "invalid_request", "to.connections[0]"),
    (r#"{"to":{"all":1},"event":"x"}"#, "invalid_request", "to.all"),
    (r#"{"to":{"all":true,"room":"a"},"event":"x"}"#, "unsupported_field", "to.room"),
    (r#"{"to":{"all":true},"except":{"all":true},"event":"x"}"#, "unsupported_field", "except.all"),
    (r#"{"to":{"all":true}}"#, "invalid_request", "event"),
    (r#"{"to":{"all":true},"event":""}"#, "invalid_request", "event"),
    (r#"{"to":{"all":true},"event":"connect"}"#, "invalid_request", "event"),
];

/// The same for what stands in a body behind `to` and `event`.
const MEMBERS: &[(&str, &str, &str)] = &[
    (r#""event":"y""#, "invalid_request", "event"),
    (r#""history":true"#, "unsupported_field", "history"),
    (r#""args":{}"#, "invalid_request", "args"),
    (r#""args":[],"data":1"#, "invalid_request", "data"),
    (r#""args":[{"_placeholder":true,"num":1}],"attachments":["AQID"]"#, "invalid_request", "args"),
    (r#""attachments":["!"]"#, "invalid_request", "attachments[0]"),
    (r#""attachments":["","","","","","","","","","",""]"#, "invalid_request", "attachments"),
    (r#""id":"""#, "invalid_request", "id"),
    (r#""id":7"#, "invalid_request", "id"),
    (r#""key":null"#, "invalid_request", "key"),
    (r#""ttl_ms":0"#, "invalid_request", "ttl_ms"),
    (r#""ttl_ms":1.5"#, "invalid_request", "ttl_ms"),
    (r#""delivery":"latest""#, "invalid_request", "key"),
    (r#""delivery":"fast""#, "invalid_request", "delivery"),
    (r#""ack":{"want":"all"}"#, "invalid_request", "ack.want"),
    (r#""ack":{"limit":1}"#, "invalid_request", "ack.limit"),
    (r#""ack":{"want":"collect","limit":1001}"#, "invalid_request", "ack.limit"),
    (r#""ack":{"timeout_ms":0}"#, "invalid_request", "ack.timeout_ms"),
];

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    let gateway = start();
    let refused = |body: &str, code, field| {
        assert_eq!(gateway.post("/v1/publish", body).problem(400, code), field, "{body}");
    };
    for (body, code, field) in BODIES {
        refused(body, code, *field);
    }
    for (members, code, field) in MEMBERS {
        let body = format!(r#"{{"to":{{"all":true}},"event":"x",{members}}}"#);
        refused(&body, code, *field);
    }
    let long = "i".repeat(256);
    let body = format!(r#"{{"to":{{"all":true}},"event":"x","id":"{long}"}}"#);
    refused(&body, "invalid_request", "id");
}

#[test]
fn names_that_cannot_be_rooms_are_refused() {
    let gateway = start();
    for room in ["", "~user:7", "a\u{7f}", &"r".repeat(256)] {
        let body = json!({"to":{"rooms":["ok", room]},"event":"x"}).to_string();
        let answer = gateway.post("/v1/publish", &body);
        assert_eq!(answer.problem(422, "room_name_invalid"), "to.rooms[1]");
        assert_eq!(answer.json()["room"], room);
    }
    let many = json!({"to":{"rooms":vec!["a"; 1001]},"event":"x"}).to_string();
    assert_eq!(gateway.post("/v1/publish", &many).problem(400, "invalid_request"), "to");
    let elsewhere = r#"{"namespace":"/no","to":{"all":true},"event":"x"}"#;
    let answer = gateway.post("/v1/publish", elsewhere);
    assert_eq!(answer.problem(404, "unknown_namespace"), "namespace");
}

#[test]
fn a_body_beyond_the_limit_is_refused_at_once_or_while_it_is_read() {
    let gateway = start_with(|settings| settings.limits.publish_body_bytes_max = 1000);
    let head = "POST /v1/publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let mut announced = gateway.internal();
    announced.send(&format!("{head}Content-Length: 1001\r\n\r\n"));
    announced.answer(false).problem(413, "payload_too_large");
    let mut chunked = gateway.internal();
    chunked.send(&format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    for _ in 0..3 {
        chunked.send_chunk(&" ".repeat(500));
    }
    // It has not ended, and is refused all the same.
    chunked.answer(false).problem(413, "payload_too_large");
    let body = format!(r#"{{"to":{{"all":true}},"event":"x"{}}}"#, " ".repeat(900));
    gateway.publish(&body);
}

#[test]
fn a_full_mailbox_is_503_and_nobody_gets_it() {
    let gateway = start_with(|settings| settings.limits.mailbox_bytes_max = 2000);
    let mut client = Plain::member_of(&gateway, &["a"]);
    let held = gateway.hold("a", 1400);
    let answer = gateway.post("/v1/publish", r#"{"to":{"rooms":["a"]},"event":"x"}"#);
    answer.problem(503, "overloaded");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let acked = r#"{"to":{"rooms":["a"]},"event":"x","ack":{"timeout_ms":100}}"#;
    gateway.post("/v1/publish", acked).problem(503, "overloaded");
    drop(held);
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"y"}"#);
    assert_eq!(client.next()["event"], "y");
    let metrics = gateway.get("/metrics").body;
    assert!(metrics.contains(r#"roomcast_publications_total{origin="http",result="refused"} 2"#));
}

#[test]
fn bodies_of_other_types_and_encodings_are_415() {
    let gateway = start();
    let body = Some(r#"{"to":{"all":true},"event":"x"}"#);
    let mut http = gateway.internal();
    let mut post = |headers: &[(&str, &str)]| http.request("POST", "/v1/publish", headers, body);
    let refused = "unsupported_media_type";
    assert_eq!(post(&[]).problem(415, refused), "Content-Type");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/x-ndjson"] {
        assert_eq!(post(&[("Content-Type", kind)]).problem(415, refused), "Content-Type");
    }
    let json = ("Content-Type", "Application/JSON; charset=utf-8");
    let gzip = post(&[json, ("Content-Encoding", "gzip")]);
    assert_eq!(gzip.problem(415, refused), "Content-Encoding");
    let repeated = post(&[json, ("Idempotency-Key", "1")]);
    assert_eq!(repeated.problem(400, "unsupported_field"), "Idempotency-Key");
    let asked = gateway.post("/v1/publish?wait=1", r#"{"to":{"all":true},"event":"x"}"#);
    assert_eq!(asked.problem(400, "unsupported_field"), "wait");
    assert_eq!(post(&[json]).status, 202);
}

#[test]
fn a_placeholder_without_its_attachment_is_refused_whoever_publishes_it() {
    let gateway = start();
    let (mut plain, mut socket_io) = (Plain::member_of(&gateway, &["a"]), SocketIo::member_of(&gateway, "a"));
    for placeholder in [
        r#"{"_placeholder":true,"num":0}"#,
        r#"{"_placeholder":true,"num":"splice"}"#,
        r#"{"num":-1,"\u005fplaceholder":true}"#,
    ] {
        let body = format!(r#"{{"to":{{"rooms":["a"]}},"event":"x","args":[[{placeholder}]]}}"#);
        assert_eq!(gateway.post("/v1/publish", &body).problem(400, "invalid_request"), "args", "{body}");
        plain.socket.send(&format!(r#"{{"type":"publish","id":1,"room":"a","event":"x","args":[{placeholder}]}}"#));
        let refused = plain.next();
        assert_eq!((&refused["id"], &refused["code"]), (&json!(1), &json!("invalid_request")), "{refused}");
        socket_io.socket.send(&format!(r#"427["publish","a","x",{placeholder}]"#));
        let refused = socket_io.next();
        assert!(refused.starts_with("437") && refused.contains("invalid_request"), "{refused}");
    }
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"y","args":["_placeholder",{"_placeholder":false}]}"#);
    assert_eq!(plain.next()["event"], "y");
    assert_eq!(socket_io.next(), r#"42["y","_placeholder",{"_placeholder":false}]"#);
}
