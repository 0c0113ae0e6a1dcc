//! Lists of rooms and connections.

use serde_json::{Value, json};

use super::clients::{Plain, SocketIo};
use super::gateway::{Running, start};

/// All items of a list, page by page.
fn all(gateway: &Running, path: &str, limit: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = gateway.get(&format!("{path}limit={limit}{cursor}")).json();
        let found = page["items"].as_array().expect("a list");
        assert!(found.len() <= limit);
        items.extend(found.iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

#[test]
fn rooms_are_listed_by_name_with_the_members_of_all_shards() {
    let gateway = start();
    let _clients: Vec<Plain> =
        (0..6).map(|n| Plain::member_of(&gateway, &["all", "a/b #1", &format!("r{n}")])).collect();
    let names = ["a/b #1", "all", "r0", "r1", "r2", "r3", "r4", "r5"];
    for limit in [1, 3, 8, 100] {
        let rooms = all(&gateway, "/v1/rooms?", limit);
        assert_eq!(rooms.iter().map(|item| &item["room"]).collect::<Vec<_>>(), names);
        let members: Vec<_> = rooms.iter().map(|item| item["members"].as_u64().unwrap_or(0)).collect();
        assert_eq!(members, [6, 6, 1, 1, 1, 1, 1, 1]);
    }
    assert_eq!(all(&gateway, "/v1/rooms?prefix=r&namespace=%2F&", 4).len(), 6);
    let room = |path: &str| gateway.get(path).json();
    assert_eq!(room("/v1/rooms/a%2Fb%20%231"), json!({"room":"a/b #1","members":6}));
    assert_eq!(room("/v1/rooms/all"), json!({"room":"all","members":6}));
    assert_eq!(room("/v1/rooms/join"), json!({"room":"join","members":0}));
    assert_eq!(room("/v1/rooms/a+b"), json!({"room":"a+b","members":0}));
}

#[test]
fn connections_are_listed_and_shown() {
    let gateway = start();
    let plain: Vec<Plain> = (0..4).map(|_| Plain::member_of(&gateway, &["b", "a"])).collect();
    let socket_io = SocketIo::member_of(&gateway, "c");
    let mut ids: Vec<&str> = plain.iter().map(|client| client.id.as_str()).collect();
    ids.push(&socket_io.id);
    ids.sort_unstable();
    for limit in [1, 2, 5] {
        let mut listed = all(&gateway, "/v1/connections?", limit);
        listed.sort_unstable_by_key(|item| item["id"].to_string());
        assert_eq!(listed.iter().map(|item| &item["id"]).collect::<Vec<_>>(), ids);
    }
    assert_eq!(all(&gateway, "/v1/connections?room=a&", 10).len(), 4);
    assert_eq!(all(&gateway, "/v1/connections?room=none&", 10).len(), 0);
    let object = gateway.get(&format!("/v1/connections/{}", plain[0].id)).json();
    assert_eq!(object["id"], plain[0].id.as_str());
    assert_eq!((&object["namespace"], &object["rooms"]), (&json!("/"), &json!(["a", "b"])));
    assert_eq!((&object["protocol"], &object["transport"]), (&json!("plain"), &json!("websocket")));
    assert!(object["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")));
    assert!(object["connected_at_ms"].as_u64().is_some_and(|at| at > 1_600_000_000_000));
    assert!(object["shard"].as_u64().is_some_and(|shard| shard < 2));
    let other = gateway.get(&format!("/v1/connections/{}", socket_io.id)).json();
    assert_eq!(other["protocol"], "socketio");
}

#[test]
fn queries_are_read_strictly() {
    let gateway = start();
    let refused = |path: &str, status, code: &str, at: &str| {
        assert_eq!(gateway.get(path).problem(status, code), at, "{path}");
    };
    for list in ["/v1/rooms", "/v1/connections"] {
        for limit in ["0", "1001", "x", "-1", ""] {
            refused(&format!("{list}?limit={limit}"), 400, "invalid_request", "limit");
        }
        for cursor in ["!", "", "_w"] {
            refused(&format!("{list}?cursor={cursor}"), 400, "invalid_request", "cursor");
        }
        refused(&format!("{list}?limit=1&limit=2"), 400, "invalid_request", "limit");
        refused(&format!("{list}?page=2"), 400, "unsupported_field", "page");
        refused(&format!("{list}?namespace=/no"), 404, "unknown_namespace", "namespace");
    }
    refused("/v1/rooms/a?limit=1", 400, "unsupported_field", "limit");
    refused("/v1/rooms/~user:7", 422, "room_name_invalid", "~user:7");
    refused("/v1/connections?room=~a", 422, "room_name_invalid", "room");
    refused("/v1/connections/nobody", 404, "unknown_connection", "");
    refused("/v1/connections/a%00", 404, "unknown_connection", "");
}
