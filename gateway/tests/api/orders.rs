//! Join, leave, disconnect.

use serde_json::json;

use super::clients::{Plain, SocketIo};
use super::gateway::{Running, start, start_with};

fn matched(gateway: &Running, path: &str, body: &serde_json::Value) -> u64 {
    let answer = gateway.post(path, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["matched"].as_u64().expect("a number")
}

#[test]
fn leaving_a_room_that_one_is_not_in_counts_for_nothing() {
    // On one shard, where each could be taken for a member of the other's room.
    let gateway = start_with(|settings| settings.node.shards = 1);
    let _member = Plain::member_of(&gateway, &["a"]);
    let mut other = Plain::member_of(&gateway, &["b"]);
    other.socket.send(r#"{"type":"unsubscribe","id":1,"room":"a"}"#);
    assert_eq!(other.next()["type"], "ok");
    let leave = json!({"rooms":["b"],"select":{"all":true}});
    assert_eq!(matched(&gateway, "/v1/rooms/leave", &leave), 2);
    let metrics = gateway.get("/metrics").body;
    assert!(metrics.contains("\nroomcast_subscriptions 1\n"), "{metrics}");
}

#[test]
fn connections_join_and_leave_rooms() {
    let gateway = start();
    let mut clients: Vec<Plain> = (0..4).map(|_| Plain::member_of(&gateway, &["a"])).collect();
    let first = clients[0].id.clone();
    let join = json!({"rooms":["b","c"],"select":{"rooms":["a"]},"except":{"connections":[first]}});
    assert_eq!(matched(&gateway, "/v1/rooms/join", &join), 3);
    gateway.publish(r#"{"to":{"rooms":["b"]},"event":"b"}"#);
    for client in &mut clients[1..] {
        assert_eq!(client.next()["event"], "b");
    }
    let leave = json!({"rooms":["b"],"select":{"all":true}});
    assert_eq!(matched(&gateway, "/v1/rooms/leave", &leave), 4);
    gateway.publish(r#"{"to":{"rooms":["b"]},"event":"nobody"}"#);
    gateway.publish(r#"{"to":{"rooms":["c","a"]},"event":"c"}"#);
    for client in &mut clients {
        assert_eq!(client.next()["event"], "c");
    }
    assert_eq!(matched(&gateway, "/v1/rooms/join", &json!({"rooms":["d"],"select":{"users":["7"]}})), 0);
}

#[test]
fn a_connection_joins_no_more_rooms_than_it_may_have() {
    let gateway = start_with(|settings| settings.limits.rooms_per_connection_max = 3);
    let mut full = Plain::member_of(&gateway, &["a", "b", "c"]);
    let mut free = Plain::member_of(&gateway, &["a"]);
    let join = |rooms: &[&str]| {
        let answer = gateway.post("/v1/rooms/join", &json!({"rooms":rooms,"select":{"all":true}}).to_string());
        (answer.status, answer.json())
    };
    assert_eq!(join(&["d", "b", "d"]), (200, json!({"matched":2,"refused":1})));
    assert_eq!(join(&["a", "a", "b", "b"]), (200, json!({"matched":2,"refused":0})), "what one has is no more");
    assert_eq!(join(&["e"]), (200, json!({"matched":2,"refused":2})));
    assert_eq!(join(&["1", "2", "3", "4"]), (200, json!({"matched":2,"refused":2})));
    gateway.publish(r#"{"to":{"rooms":["d"]},"event":"d"}"#);
    gateway.publish(r#"{"to":{"rooms":["e", "1", "b"]},"event":"b"}"#);
    assert_eq!(full.next()["event"], "b");
    assert_eq!([free.next(), free.next()].map(|event| event["event"].clone()), ["d", "b"]);
    let metrics = gateway.get("/metrics").body;
    assert!(metrics.contains("\nroomcast_subscribes_total{result=\"refused\"} 5\n"), "{metrics}");
    assert!(metrics.contains("\nroomcast_subscriptions 6\n"), "{metrics}");
}

#[test]
fn the_own_room_of_a_connection_stays_its_own() {
    let gateway = start();
    let (mut one, mut other) = (Plain::member_of(&gateway, &[]), Plain::member_of(&gateway, &[]));
    let join = |room: &str| json!({"rooms":["a", room],"select":{"connections":[other.id]}}).to_string();
    let refused = gateway.post("/v1/rooms/join", &join(&one.id));
    assert_eq!(refused.json()["room"], json!(one.id));
    assert_eq!(refused.problem(422, "room_name_invalid"), "rooms[1]");
    // A client is told the same of the same names.
    other.socket.send(&json!({"type":"subscribe","id":1,"room":one.id}).to_string());
    assert_eq!(other.next()["code"], "forbidden");
    // Leaving it is no error, and changes nothing.
    let leave = json!({"rooms":[one.id],"select":{"connections":[one.id]}});
    assert_eq!(matched(&gateway, "/v1/rooms/leave", &leave), 1);
    gateway.publish(&json!({"to":{"connections":[one.id]},"event":"one"}).to_string());
    gateway.publish(&json!({"to":{"rooms":[one.id]},"event":"by its room"}).to_string());
    gateway.publish(r#"{"to":{"all":true},"event":"all"}"#);
    assert_eq!([one.next(), one.next(), one.next()].map(|e| e["event"].clone()), ["one", "by its room", "all"]);
    assert_eq!(other.next()["event"], "all");
}

#[test]
fn a_disconnected_client_stays_away_or_comes_back() {
    let gateway = start();
    let (mut kicked, mut moved) = (SocketIo::member_of(&gateway, "a"), SocketIo::member_of(&gateway, "b"));
    let mut plain = Plain::member_of(&gateway, &["c"]);
    let disconnect = |body| matched(&gateway, "/v1/disconnect", &body);
    assert_eq!(disconnect(json!({"select":{"connections":[kicked.id]}})), 1);
    assert_eq!(kicked.next(), "41");
    assert_eq!(disconnect(json!({"select":{"rooms":["b"]},"reconnect":true})), 1);
    assert_eq!(moved.socket.next(), None);
    assert_eq!(disconnect(json!({"select":{"all":true}})), 1);
    assert_eq!(plain.socket.next(), None);
    gateway.until("/v1/connections", |answer| answer.body == r#"{"items":[],"next":null}"#);
}

#[test]
fn orders_are_read_strictly() {
    let gateway = start();
    let refused = |path: &str, body: &str, status, code: &str, at: &str| {
        assert_eq!(gateway.post(path, body).problem(status, code), at, "{body}");
    };
    for path in ["/v1/rooms/join", "/v1/rooms/leave"] {
        refused(path, r#"{"rooms":["a"]}"#, 400, "invalid_request", "select");
        refused(path, r#"{"rooms":["a"],"select":{}}"#, 400, "invalid_request", "select");
        refused(path, r#"{"select":{"all":true}}"#, 400, "invalid_request", "rooms");
        refused(path, r#"{"rooms":[],"select":{"all":true}}"#, 400, "invalid_request", "rooms");
        refused(path, r#"{"rooms":["~a"],"select":{"all":true}}"#, 422, "room_name_invalid", "rooms[0]");
        refused(path, r#"{"rooms":["a"],"select":{"rooms":[1]}}"#, 400, "invalid_request", "select.rooms[0]");
    }
    let path = "/v1/disconnect";
    refused(path, "{}", 400, "invalid_request", "select");
    refused(path, r#"{"select":{"all":true},"reconnect":"yes"}"#, 400, "invalid_request", "reconnect");
    refused(path, r#"{"select":{"all":true},"reason":"x"}"#, 400, "unsupported_field", "reason");
    refused(path, r#"{"namespace":"/no","select":{"all":true}}"#, 404, "unknown_namespace", "namespace");
}
