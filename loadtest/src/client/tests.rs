//! The client against transcripts of a server.

use roomcast_core::websocket::{Message, Opcode, Role, Step};

use super::{Client, ClientError, Event, Purpose};
use crate::frames::{Decoder, encode};
use crate::protocol::{ACCEPT, Protocol};

fn switching() -> Vec<u8> {
    format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n").into_bytes()
}

fn frame(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode(Opcode::Text, text.as_bytes(), &mut out);
    out
}

/// Feeds bytes; returns what the client answered (texts) and what it reported.
fn feed(client: &mut Client, bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), ClientError> {
    let mut out = Vec::new();
    let mut events = Vec::new();
    client.receive(&mut bytes.to_vec(), &mut out, |event| {
        events.push(match event {
            Event::Ready => "ready".to_owned(),
            Event::Text(text) => text.to_owned(),
        });
    })?;
    let mut sent = Vec::new();
    let mut decoder = Decoder::new(Role::Server);
    let mut at = 0;
    while let Step { consumed, message: Some(message) } = decoder.next(&mut out[at..]).expect("own frames") {
        at += consumed;
        sent.push(match message {
            Message::Text(text) => text.to_owned(),
            other => format!("{other:?}"),
        });
    }
    Ok((sent, events))
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn socket_io_opens_connects_subscribes_and_receives() {
    let mut client = Client::new(Protocol::SocketIo, Purpose::Member(4), "h");
    let mut first = switching();
    first.extend(frame("0{\"sid\":\"x\",\"upgrades\":[]}"));
    let (sent, events) = feed(&mut client, &first).expect("open");
    assert_eq!((sent, events), (strings(&["40"]), vec![]));
    let (sent, _) = feed(&mut client, &frame("40{\"sid\":\"y\"}")).expect("connect");
    assert_eq!(sent, strings(&["420[\"subscribe\",\"bench:4\"]"]));
    assert!(!client.is_ready());
    let (_, events) = feed(&mut client, &frame("430[{\"ok\":true,\"rooms\":[\"bench:4\"]}]")).expect("ack");
    assert_eq!(events, strings(&["ready"]));
    assert!(client.is_ready());
    let two = [frame("42[\"bench\",\"a\"]"), frame("2"), frame("42[\"bench\",\"b\"]")].concat();
    let (sent, events) = feed(&mut client, &two).expect("events");
    assert_eq!(sent, strings(&["3"]));
    assert_eq!(events, strings(&["42[\"bench\",\"a\"]", "42[\"bench\",\"b\"]"]));
}

#[test]
fn plain_waits_for_hello_and_ok() {
    let mut client = Client::new(Protocol::Plain, Purpose::Member(0), "h");
    let all = [switching(), frame("{\"type\":\"hello\",\"id\":\"a\"}")].concat();
    for byte in &all[..all.len() - 1] {
        assert_eq!(feed(&mut client, &[*byte]), Ok((vec![], vec![])));
    }
    let (sent, _) = feed(&mut client, &all[all.len() - 1..]).expect("hello");
    assert_eq!(sent, strings(&["{\"type\":\"subscribe\",\"id\":\"s\",\"room\":\"bench:0\"}"]));
    let (_, events) = feed(&mut client, &frame("{\"type\":\"ok\",\"id\":\"s\"}")).expect("ok");
    assert_eq!(events, strings(&["ready"]));
}

/// Feeds one answer over polling; returns the requests that followed and what was reported.
fn poll(client: &mut Client, status: u16, body: &str) -> Result<(String, Vec<String>), ClientError> {
    let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let (mut out, mut events) = (Vec::new(), Vec::new());
    for byte in answer.as_bytes() {
        client.receive(&mut [*byte], &mut out, |event| {
            events.push(match event {
                Event::Ready => "ready".to_owned(),
                Event::Text(text) => text.to_owned(),
            });
        })?;
    }
    Ok((String::from_utf8(out).expect("UTF-8"), events))
}

#[test]
fn polling_posts_what_it_has_to_say_and_polls_otherwise() {
    const GET: &str = "GET /socket.io/?EIO=4&transport=polling&sid=abc HTTP/1.1\r\n";
    let mut client = Client::new(Protocol::Polling, Purpose::Member(4), "h");
    let (sent, _) = poll(&mut client, 200, "0{\"sid\":\"abc\",\"upgrades\":[]}").expect("open");
    assert!(sent.starts_with("POST") && sent.ends_with("\r\n\r\n40"), "{sent}");
    assert!(poll(&mut client, 200, "ok").expect("posted").0.starts_with(GET));
    let (sent, events) = poll(&mut client, 200, "40{\"sid\":\"y\"}").expect("connect");
    assert!(sent.ends_with("420[\"subscribe\",\"bench:4\"]") && events.is_empty(), "{sent}");
    assert!(poll(&mut client, 200, "ok").expect("posted").0.starts_with(GET));
    let (sent, events) = poll(&mut client, 200, "430[{\"ok\":true,\"rooms\":[\"bench:4\"]}]").expect("ack");
    assert!(sent.starts_with(GET) && client.is_ready());
    assert_eq!(events, strings(&["ready"]));
    let (sent, events) = poll(&mut client, 200, "42[\"bench\",\"a\"]\x1e2\x1e42[\"bench\",\"b\"]").expect("events");
    assert!(sent.starts_with("POST") && sent.ends_with("\r\n\r\n3"), "{sent}");
    assert_eq!(events, strings(&["42[\"bench\",\"a\"]", "42[\"bench\",\"b\"]"]));
    assert!(matches!(poll(&mut client, 200, "1"), Err(ClientError::Closed(_))));
    assert!(matches!(poll(&mut client, 400, "{}"), Err(ClientError::Handshake(_))));
}

#[test]
fn a_publisher_is_ready_without_a_room() {
    let mut limit = Client::new(Protocol::Limit, Purpose::Publisher, "h");
    assert_eq!(feed(&mut limit, &switching()), Ok((vec![], strings(&["ready"]))));
    let mut socket_io = Client::new(Protocol::SocketIo, Purpose::Publisher, "h");
    let all = [switching(), frame("0{}"), frame("40{\"sid\":\"y\"}")].concat();
    assert_eq!(feed(&mut socket_io, &all), Ok((strings(&["40"]), strings(&["ready"]))));
}

#[test]
fn pings_of_either_layer_are_answered() {
    let mut client = Client::new(Protocol::Plain, Purpose::Publisher, "h");
    let mut bytes = switching();
    encode(Opcode::Ping, b"now", &mut bytes);
    let (sent, _) = feed(&mut client, &bytes).expect("ping");
    assert_eq!(sent, strings(&[&format!("{:?}", Message::Pong(b"now"))]));
}

#[test]
fn refusals_are_told() {
    let answer = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
    let mut client = Client::new(Protocol::SocketIo, Purpose::Publisher, "h");
    assert!(matches!(feed(&mut client, answer), Err(ClientError::Handshake(_))));

    let mut client = Client::new(Protocol::SocketIo, Purpose::Member(0), "h");
    let all = [switching(), frame("0{}"), frame("40{\"sid\":\"y\"}")].concat();
    assert!(feed(&mut client, &all).is_ok());
    let refusal = frame("430[{\"ok\":false,\"error\":{\"code\":\"forbidden\"}}]");
    assert!(matches!(feed(&mut client, &refusal), Err(ClientError::Refused(_))));

    let mut client = Client::new(Protocol::Limit, Purpose::Publisher, "h");
    let mut bytes = switching();
    bytes.extend([0x88, 2, 3, 240]);
    assert_eq!(feed(&mut client, &bytes), Err(ClientError::Closed("1008 ".to_owned())));
}
