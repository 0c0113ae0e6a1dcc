//! Broadcasts with acknowledgements that find a node, or a shard of it, full.

use std::sync::Arc;
use std::time::Duration;

use roomcast_core::adapter::{Event, Responder};
use roomcast_core::cluster::{Answer, Request};
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::{Namespace, Room};
use serde_json::{Value, json};

use super::clients::{Plain, SocketIo};
use super::gateway::start_scripted;
use super::redis::{self, Server};

/// What a mailbox holds by default.
const ALL: usize = 64 << 20;

fn broadcast(room: &str) -> Arc<Request> {
    let payload = Payload::from_data("[\"x\"]", Vec::new()).expect("a payload");
    let audience = Audience::room(Room::new(room).expect("a name"));
    let publication = Publication::new("1".into(), Namespace::root(), audience, payload, u64::MAX);
    Arc::new(Request::BroadcastWithAcks { publication, timeout: Duration::from_mins(1) })
}

#[test]
fn a_shard_without_room_for_a_broadcast_of_another_node_says_so_and_declares_a_gap() {
    let (gateway, adapter) = start_scripted(false, |settings| settings.limits.mailbox_bytes_max = ALL);
    let mut member = Plain::member_of(&gateway, &["a"]);
    // How many answers said how many were asked, how many that was, and how many shards refused.
    let asked = || {
        let (sender, mut answers) = tokio::sync::mpsc::channel(8);
        adapter.report(Event::Request(broadcast("a"), Responder::new(sender)));
        let (mut shards, mut clients, mut refused) = (0, 0, 0);
        while let Some(answer) = answers.blocking_recv() {
            match answer {
                Answer::Asked(count) => (shards, clients) = (shards + 1, clients + count),
                Answer::Refused(count) => refused += count,
                other => panic!("{other:?}"),
            }
        }
        (shards, clients, refused)
    };
    assert_eq!(asked(), (2, 0, 0), "a plain client is not asked");
    assert_eq!(member.next()["event"], "x");
    let held = gateway.hold("a", ALL);
    assert_eq!(asked(), (2, 0, 1), "each shard is answered for");
    let told = member.next();
    assert_eq!((&told["type"], &told["rooms"]), (&json!("gap"), &json!(["a"])));
    drop(held);
    assert_eq!(asked(), (2, 0, 0));
    assert_eq!(member.next()["event"], "x", "it got the others only");
    let metrics = gateway.get("/metrics").body;
    for line in [
        "roomcast_messages_dropped_total{reason=\"mailbox_full\"} 1",
        "roomcast_adapter_messages_total{direction=\"in\"} 3",
        "roomcast_adapter_deliveries_total{result=\"matched\"} 3",
        "roomcast_adapter_gaps_total 1",
        "roomcast_mailbox_bytes 0",
    ] {
        assert!(metrics.contains(&format!("\n{line}\n")), "{line}\n{metrics}");
    }
}

#[test]
fn whoever_publishes_is_told_that_a_node_was_full() {
    let server = Server::start(&[]);
    let [here, there] = redis::start(&server, |settings| settings.limits.mailbox_bytes_max = ALL);
    let (mut near, mut far) = (SocketIo::member_of(&here, "a"), SocketIo::member_of(&there, "a"));
    let publish = |event: &str| {
        let ack = json!({ "timeout_ms": 60_000, "want": "collect" });
        let body = json!({ "to": { "rooms": ["a"] }, "event": event, "id": "i", "ack": ack });
        here.post("/v1/publish", &body.to_string())
    };
    let summary = |event: &str, clients: &mut [&mut SocketIo]| -> Value {
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| publish(event));
            for client in clients {
                client.acknowledge("[]");
            }
            asked.join().expect("an answer").json()
        })
    };
    let reply = |client: &SocketIo| json!({ "connection": client.id, "args": [] });
    let held = there.hold("a", ALL);
    // It does not wait for the 60 s that clients have.
    let replies = [reply(&near)];
    let expected = json!({ "id": "i", "matched": 1, "acked": 1, "timed_out": 0, "replies": replies, "degraded": true });
    assert_eq!(summary("first", &mut [&mut near]), expected);
    let told = far.next();
    let told: Value = serde_json::from_str(told.strip_prefix("42").expect("an event")).expect("JSON");
    assert_eq!((&told[0], &told[1]["rooms"]), (&json!("roomcast.gap"), &json!(["a"])));
    drop(held);
    let held = here.hold("a", ALL);
    let refused = publish("second");
    refused.problem(503, "overloaded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(held);
    let whole = summary("third", &mut [&mut near, &mut far]);
    assert_eq!((&whole["matched"], &whole["acked"], whole.get("degraded")), (&json!(2), &json!(2), None));
}
