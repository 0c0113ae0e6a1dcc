//! A backend in process that panics: one connection ends, no other, and no shard.

use std::sync::Arc;

use roomcast::{Client, ClientEvents};
use roomcast_core::publication::Payload;

use super::clients::SocketIo;
use super::gateway::{Running, start_embedded};

/// Answers `ping`, and panics at anything else, and at every goodbye.
struct Brittle;

impl ClientEvents for Brittle {
    fn event(&self, client: &Client, payload: Payload, ack: Option<u64>) {
        assert_eq!(payload.split().0, "\"ping\"", "an event this backend does not know");
        if let Some(ack) = ack {
            client.ack(ack, "[\"pong\"]".into(), Vec::new());
        }
    }

    #[expect(clippy::panic, reason = "this backend fails on purpose")]
    fn disconnected(&self, _: &Client, reason: roomcast_core::close::CloseReason) {
        panic!("gone: {reason:?}");
    }
}

fn pings(client: &mut SocketIo) {
    client.socket.send("427[\"ping\"]");
    assert_eq!(client.next(), "437[\"pong\"]");
}

fn counted(gateway: &Running, series: &str) -> bool {
    gateway.get("/metrics").body.contains(&format!("\n{series}\n"))
}

#[test]
fn a_panic_of_the_backend_ends_one_connection() {
    let gateway = start_embedded(Arc::new(Brittle));
    let (mut first, mut second) = (SocketIo::member_of(&gateway, "a"), SocketIo::member_of(&gateway, "a"));
    pings(&mut first);
    first.socket.send("42[\"unknown\"]");
    assert_eq!(first.socket.next(), None, "closed");
    pings(&mut second);
    gateway.until("/metrics", |answer| answer.body.contains("\nroomcast_connection_panics_total 2\n"));
    assert!(counted(&gateway, "roomcast_connections{protocol=\"socketio\",transport=\"websocket\"} 1"));
    assert!(counted(&gateway, "roomcast_subscriptions 1"));
    assert_eq!(gateway.get("/livez").status, 200);
}
