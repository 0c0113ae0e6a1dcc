//! While rooms are not live between nodes, and while the backend is away.

use roomcast_core::adapter::LinkState;
use serde_json::{Value, json};

use super::clients::{Plain, SocketIo};
use super::gateway::start_scripted;
use super::scripted::Rooms;

fn subscribe(client: &mut Plain, id: u64, room: &str) {
    client.socket.send(&json!({ "type": "subscribe", "id": id, "room": room }).to_string());
}

/// Asks for something that is answered at once, and has the answer be the next thing that comes.
fn is_waiting(client: &mut Plain) {
    client.socket.send(&json!({ "type": "unsubscribe", "id": "now", "room": "none" }).to_string());
    assert_eq!(client.next()["id"], "now", "the answer before it has not come");
}

#[test]
fn every_subscriber_waits_until_its_room_is_live() {
    let (gateway, adapter) = start_scripted(false, |settings| settings.node.shards = 1);
    let [mut first, mut second] = [(); 2].map(|()| Plain::member_of(&gateway, &["other"]));
    adapter.set_rooms(Rooms::Soon);
    for client in [&mut first, &mut second] {
        subscribe(client, 1, "a");
        is_waiting(client);
    }
    // And one that is a member already.
    subscribe(&mut second, 2, "a");
    is_waiting(&mut second);
    adapter.set_rooms(Rooms::Live);
    let live = |id| json!({ "type": "ok", "id": id, "rooms": ["a"] });
    assert_eq!(first.next(), live(1));
    let both = [second.next(), second.next()];
    assert!(both.contains(&live(1)) && both.contains(&live(2)), "{both:?}");
    // Once it is known to be live the adapter is asked no more, until a link changes.
    let asked = || adapter.script().wishes.iter().filter(|wish| *wish == "a").count();
    let ask = |client: &mut Plain| {
        subscribe(client, 3, "a");
        assert_eq!(client.next(), live(3));
    };
    ask(&mut first);
    let before = asked();
    ask(&mut first);
    ask(&mut second);
    assert_eq!(asked(), before);
    adapter.set_link(LinkState::Down, "gone");
    adapter.set_rooms(Rooms::Soon);
    gateway.until("/readyz", |_| gateway.handle().node().links.changes() > 1);
    subscribe(&mut first, 4, "a");
    is_waiting(&mut first);
    adapter.set_rooms(Rooms::Live);
    assert_eq!(first.next(), live(4));
}

#[test]
fn a_room_that_is_not_live_in_time_is_said_so_and_the_membership_stands() {
    let (gateway, adapter) = start_scripted(false, |_| {});
    let mut plain = Plain::member_of(&gateway, &[]);
    let mut stock = SocketIo::member_of(&gateway, "other");
    adapter.set_rooms(Rooms::Soon);
    subscribe(&mut plain, 1, "a");
    stock.socket.send("421[\"subscribe\",\"a\"]");
    is_waiting(&mut plain);
    assert_eq!(plain.next(), json!({ "type": "ok", "id": 1, "rooms": ["a"], "degraded": true }));
    assert_eq!(stock.next(), r#"431[{"ok":true,"rooms":["a"],"degraded":true}]"#);
    gateway.publish(r#"{"to":{"rooms":["a"]},"event":"x"}"#);
    assert_eq!(plain.next()["event"], "x");
    // What the adapter knows at once is said at once.
    adapter.set_rooms(Rooms::Unavailable);
    subscribe(&mut plain, 2, "b");
    assert_eq!(plain.next()["degraded"], true);
    let join = |room: &str| {
        let body = json!({ "rooms": [room], "select": { "connections": [plain.id] } });
        gateway.post("/v1/rooms/join", &body.to_string()).json()
    };
    assert_eq!(join("c"), json!({ "matched": 1, "refused": 0, "degraded": true }));
    adapter.set_rooms(Rooms::Soon);
    assert_eq!(join("d"), json!({ "matched": 1, "refused": 0, "degraded": true }));
    adapter.set_rooms(Rooms::Live);
    assert_eq!(join("d"), json!({ "matched": 1, "refused": 0 }));
    let metrics = gateway.get("/metrics").body;
    assert!(metrics.contains("\nroomcast_subscribes_degraded_total 3\n"), "{metrics}");
}

#[test]
fn while_the_backend_is_away_publications_are_refused_or_stay_here_if_so_wished() {
    let (gateway, adapter) = start_scripted(false, |_| {});
    let (mut plain, mut stock) = (Plain::member_of(&gateway, &["a"]), SocketIo::member_of(&gateway, "b"));
    let publication = |rest: &str| format!(r#"{{"to":{{"rooms":["a"]}},"event":"x","id":"1"{rest}}}"#);
    let reachable = gateway.post("/v1/publish", &publication(r#","fallback":"node""#)).json();
    assert_eq!(reachable, json!({ "id": "1", "position": null }));
    assert_eq!(plain.next()["event"], "x");
    adapter.script().away = true;
    for refused in ["", r#","fallback":"refuse""#] {
        let answer = gateway.post("/v1/publish", &publication(refused));
        answer.problem(503, "adapter_unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    let here = gateway.post("/v1/publish", &publication(r#","fallback":"node""#));
    assert_eq!((here.status, here.json()), (202, json!({ "id": "1", "position": null, "reach": "node" })));
    assert_eq!(plain.next()["event"], "x", "the refused ones reached nobody");
    let batch = format!("[{},{}]", publication(""), publication(r#","fallback":"node""#));
    let items: Value = gateway.post("/v1/publish/batch", &batch).json()["items"].clone();
    assert_eq!((&items[0]["code"], &items[0]["reach"]), (&json!("adapter_unavailable"), &Value::Null));
    assert_eq!(items[1], json!({ "status": 202, "id": "1", "position": null, "reach": "node" }));
    assert_eq!(plain.next()["event"], "x");
    for wrong in [r#","fallback":"all""#, r#","fallback":true"#, r#","fallback":"node","ack":{}"#] {
        assert_eq!(gateway.post("/v1/publish", &publication(wrong)).problem(400, "invalid_request"), "fallback");
    }
    // Clients always stay here then, and are told.
    plain.socket.send(r#"{"type":"publish","id":2,"room":"b","event":"y"}"#);
    assert_eq!(plain.next(), json!({ "type": "ok", "id": 2, "degraded": true }));
    assert_eq!(stock.next(), r#"42["y"]"#);
    stock.socket.send("427[\"publish\",\"a\",\"z\"]");
    assert_eq!(stock.next(), r#"437[{"ok":true,"degraded":true}]"#);
    assert_eq!(plain.next()["event"], "z");
    adapter.script().away = false;
    stock.socket.send("428[\"publish\",\"c\",\"z\"]");
    assert_eq!(stock.next(), r#"438[{"ok":true}]"#);
    let metrics = gateway.get("/metrics").body;
    assert!(metrics.contains("roomcast_adapter_messages_total{direction=\"out\"} 2\n"), "{metrics}");
}
