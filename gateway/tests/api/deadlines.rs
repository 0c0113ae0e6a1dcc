//! What a client has to do in time, and that time in which it is not read from is not its own.

use std::time::{Duration, Instant};

use roomcast_core::websocket::{Opcode, encode_masked};

use super::clients::{Plain, SocketIo};
use super::gateway::{DEADLINE, Running, start_with};
use super::public::metric;

/// A text message as a client sends it.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_masked(Opcode::Text, text.as_bytes(), [1, 2, 3, 4], &mut frame);
    frame
}

fn closed(gateway: &Running, protocol: &str, reason: &str) -> i64 {
    let initiator = if reason == "ping_timeout" { "network" } else { "server" };
    let labels = format!("protocol=\"{protocol}\",reason=\"{reason}\",initiator=\"{initiator}\"");
    metric(gateway, &format!("roomcast_connections_closed_total{{{labels}}}"))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < DEADLINE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An event whose attachment does not come.
const ANNOUNCED: &str = r#"451-["x",{"_placeholder":true,"num":0}]"#;

#[test]
fn an_unfinished_message_is_given_up_long_before_the_next_heartbeat() {
    let gateway = start_with(|settings| {
        settings.limits.message_timeout_ms = 200;
        settings.socket_io.ping_interval_ms = 60_000;
        settings.websocket.ping_interval_ms = 60_000;
    });
    let mut plain = Plain::member_of(&gateway, &[]);
    plain.socket.send_bytes(&frame("{}")[..3]);
    assert_eq!(plain.socket.next(), None, "closed");
    assert_eq!(closed(&gateway, "plain", "message_timeout"), 1);
    let mut announcing = SocketIo::member_of(&gateway, "a");
    announcing.socket.send(ANNOUNCED);
    assert_eq!(announcing.socket.next(), None, "closed");
    let polled = gateway.session();
    assert_eq!(gateway.ask("POST", &polled, &[], Some("40")).body, "ok");
    assert_eq!(gateway.ask("POST", &polled, &[], Some(ANNOUNCED)).body, "ok");
    until("both Socket.IO sessions are closed", || closed(&gateway, "socketio", "message_timeout") == 2);
}

#[test]
fn a_client_that_is_not_read_from_is_not_late() {
    let gateway = start_with(|settings| {
        settings.limits.message_timeout_ms = 2000;
        settings.limits.outbox_age_ms_max = 60_000;
        settings.websocket.ping_interval_ms = 1000;
        settings.websocket.ping_timeout_ms = 5000;
    });
    let mut slow = Plain::member_of(&gateway, &["a"]);
    // Less than what has the gateway stop to read; three times as much is more.
    let body = format!(r#"{{"to":{{"rooms":["a"]}},"event":"x","args":["{}"]}}"#, "x".repeat(150_000));
    let written = || metric(&gateway, "roomcast_messages_delivered_total{protocol=\"plain\"}");
    let waits = || metric(&gateway, "roomcast_outbox_bytes") > 0;
    for published in 1.. {
        gateway.publish(&body);
        until("it is written, or waits", || waits() || written() == published);
        if waits() {
            break;
        }
    }
    let message = frame(r#"{"type":"unsubscribe","id":"late","room":"a"}"#);
    let received = || metric(&gateway, "roomcast_received_bytes_total{protocol=\"plain\"}");
    let before = received();
    slow.socket.send_bytes(&message[..8]);
    until("the message has begun", || received() == before + 8);
    for _ in 0..3 {
        gateway.publish(&body);
    }
    slow.socket.send_bytes(&message[8..12]);

    // Others that begin to be late now are closed, for either reason.
    let mut unfinished = Plain::member_of(&gateway, &[]);
    unfinished.socket.send_bytes(&message[..8]);
    let _silent = Plain::member_of(&gateway, &[]);
    until("the others are closed", || {
        closed(&gateway, "plain", "message_timeout") == 1 && closed(&gateway, "plain", "ping_timeout") == 1
    });
    assert_eq!(received(), before + 8 + 8, "it was not read from");
    slow.socket.send_bytes(&message[12..]);
    while slow.next()["id"] != "late" {}
}
