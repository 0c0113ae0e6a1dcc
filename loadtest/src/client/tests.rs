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
    let mut client = Client::new(Protocol::SocketIo, Purpose::Member(4));
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
    let mut client = Client::new(Protocol::Plain, Purpose::Member(0));
    let all = [switching(), frame("{\"type\":\"hello\",\"id\":\"a\"}")].concat();
    for byte in &all[..all.len() - 1] {
        assert_eq!(feed(&mut client, &[*byte]), Ok((vec![], vec![])));
    }
    let (sent, _) = feed(&mut client, &all[all.len() - 1..]).expect("hello");
    assert_eq!(sent, strings(&["{\"type\":\"subscribe\",\"id\":\"s\",\"room\":\"bench:0\"}"]));
    let (_, events) = feed(&mut client, &frame("{\"type\":\"ok\",\"id\":\"s\"}")).expect("ok");
    assert_eq!(events, strings(&["ready"]));
}

#[test]
fn a_publisher_is_ready_without_a_room() {
    let mut limit = Client::new(Protocol::Limit, Purpose::Publisher);
    assert_eq!(feed(&mut limit, &switching()), Ok((vec![], strings(&["ready"]))));
    let mut socket_io = Client::new(Protocol::SocketIo, Purpose::Publisher);
    let all = [switching(), frame("0{}"), frame("40{\"sid\":\"y\"}")].concat();
    assert_eq!(feed(&mut socket_io, &all), Ok((strings(&["40"]), strings(&["ready"]))));
}

#[test]
fn pings_of_either_layer_are_answered() {
    let mut client = Client::new(Protocol::Plain, Purpose::Publisher);
    let mut bytes = switching();
    encode(Opcode::Ping, b"now", &mut bytes);
    let (sent, _) = feed(&mut client, &bytes).expect("ping");
    assert_eq!(sent, strings(&[&format!("{:?}", Message::Pong(b"now"))]));
}

#[test]
fn refusals_are_told() {
    let answer = b"HTTP/1.1 503 Service Unavailable\r\n\r\n";
    let mut client = Client::new(Protocol::SocketIo, Purpose::Publisher);
    assert!(matches!(feed(&mut client, answer), Err(ClientError::Handshake(_))));

    let mut client = Client::new(Protocol::SocketIo, Purpose::Member(0));
    let all = [switching(), frame("0{}"), frame("40{\"sid\":\"y\"}")].concat();
    assert!(feed(&mut client, &all).is_ok());
    let refusal = frame("430[{\"ok\":false,\"error\":{\"code\":\"forbidden\"}}]");
    assert!(matches!(feed(&mut client, &refusal), Err(ClientError::Refused(_))));

    let mut client = Client::new(Protocol::Limit, Purpose::Publisher);
    let mut bytes = switching();
    bytes.extend([0x88, 2, 3, 240]);
    assert_eq!(feed(&mut client, &bytes), Err(ClientError::Closed("1008 ".to_owned())));
}
