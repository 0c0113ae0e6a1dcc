//! Lists of rooms and connections.

use roomcast::settings::Namespace;
use roomcast_core::id::SocketId;
use serde_json::{Value, json};

use super::clients::{Plain, SocketIo};
use super::gateway::{Running, start, start_with};

/// All items of a list, page by page.
pub(crate) fn all(gateway: &Running, path: &str, limit: usize) -> Vec<Value> {
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

/// Clients of a namespace on both shards, so many of each.
pub(crate) fn on_both_shards(gateway: &Running, each: usize, namespace: &str, rooms: &[&str]) -> [Vec<Plain>; 2] {
    let mut shards = [Vec::new(), Vec::new()];
    // The kernel picks the shard of a connection: one that is not needed goes again.
    while shards.iter().any(|clients| clients.len() < each) {
        let client = Plain::at(gateway, &format!("/ws?namespace={namespace}"), rooms);
        let clients = &mut shards[home(gateway, &client.id)];
        if clients.len() < each {
            clients.push(client);
        } else {
            let path = format!("/v1/connections/{}?namespace={namespace}", client.id);
            drop(client);
            gateway.until(&path, |answer| answer.status == 404);
        }
    }
    shards
}

/// The shard of a connection.
pub(crate) fn home(gateway: &Running, id: &str) -> usize {
    let id = SocketId::parse(id).expect("an id");
    gateway.handle().node().home_of(&id).expect("of this node").get()
}

/// The ids of a list, in order of their names.
fn ids(gateway: &Running, path: &str) -> Vec<String> {
    let items = all(gateway, path, 2);
    let mut ids: Vec<String> = items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect();
    ids.sort_unstable();
    ids
}

fn ids_of<'a>(clients: impl IntoIterator<Item = &'a Plain>) -> Vec<String> {
    let mut ids: Vec<String> = clients.into_iter().map(|client| client.id.clone()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn filters_join() {
    let other = Namespace { name: "/b".into(), ..Namespace::default() };
    let gateway = start_with(|settings| settings.namespaces.push(other));
    let here = on_both_shards(&gateway, 3, "/", &["r", "s"]);
    let there = on_both_shards(&gateway, 2, "/b", &["r", "t"]);
    let [first, second] = &here;
    assert_eq!(ids(&gateway, "/v1/connections?"), ids_of(first.iter().chain(second)));
    assert_eq!(ids(&gateway, "/v1/connections?shard=0&"), ids_of(first));
    assert_eq!(ids(&gateway, "/v1/connections?shard=1&namespace=/&room=r&"), ids_of(second));
    assert_eq!(ids(&gateway, "/v1/connections?namespace=/b&"), ids_of(there.iter().flatten()));
    assert_eq!(ids(&gateway, "/v1/connections?namespace=/b&room=t&shard=1&"), ids_of(&there[1]));
    assert!(ids(&gateway, "/v1/connections?namespace=/b&room=s&").is_empty());
    // A connection's own room, on its shard and in its namespace only.
    let own = |rest: &str| ids(&gateway, &format!("/v1/connections?room={}{rest}&", first[0].id));
    assert_eq!(own(""), [first[0].id.as_str()]);
    assert_eq!(own("&shard=0"), [first[0].id.as_str()]);
    assert!(own("&shard=1").is_empty() && own("&namespace=/b").is_empty());
    let rooms = |query: &str| -> Vec<(String, u64)> {
        let items = all(&gateway, &format!("/v1/rooms?{query}&"), 1);
        let item =
            |item: &Value| (item["room"].as_str().unwrap_or("").to_owned(), item["members"].as_u64().unwrap_or(0));
        items.iter().map(item).collect()
    };
    let expect = |expected: &[(&str, u64)]| -> Vec<(String, u64)> {
        expected.iter().map(|(room, members)| ((*room).to_owned(), *members)).collect()
    };
    assert_eq!(rooms("shard=0"), expect(&[("r", 3), ("s", 3)]));
    assert_eq!(rooms("namespace=/b"), expect(&[("r", 4), ("t", 4)]));
    assert_eq!(rooms("namespace=/b&shard=1&prefix=t"), expect(&[("t", 2)]));
    assert_eq!(rooms("prefix=none"), []);
    let other = &there[0][0].id;
    assert_eq!(gateway.get(&format!("/v1/connections/{other}?namespace=/b")).json()["id"], other.as_str());
    assert_eq!(gateway.get(&format!("/v1/connections/{other}")).problem(404, "unknown_connection"), "");
}

/// A text as a segment of a path or a value of a query, every byte of it percent-encoded.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |encoded, byte| encoded + &format!("%{byte:02X}"))
}

#[test]
fn rooms_sort_by_the_bytes_of_their_names() {
    let gateway = start();
    let mut names = [
        "a",
        "B",
        "a b",
        "a+b",
        "a/b",
        "a%2Fb",
        "a%2fb",
        "\u{e4}",
        "a\u{308}",
        "\u{ffee}",
        "\u{1f600}",
        "\"",
        "\\",
        "a:10",
        "a:2",
        "join",
        "&=",
        "#?",
    ];
    let _clients = [Plain::member_of(&gateway, &names), Plain::member_of(&gateway, &names)];
    names.sort_unstable_by_key(|name| name.as_bytes());
    for limit in [1, 5, 1000] {
        let listed = all(&gateway, "/v1/rooms?", limit);
        assert_eq!(listed.iter().map(|item| item["room"].as_str().expect("a name")).collect::<Vec<_>>(), names);
        assert!(listed.iter().all(|item| item["members"] == 2), "{listed:?}");
    }
    for name in names {
        let encoded = encoded(name);
        assert_eq!(gateway.get(&format!("/v1/rooms/{encoded}")).json(), json!({"room":name,"members":2}));
        let with_prefix = all(&gateway, &format!("/v1/rooms?prefix={encoded}&"), 2);
        let expected: Vec<_> = names.into_iter().filter(|other| other.starts_with(name)).collect();
        assert_eq!(with_prefix.iter().map(|item| &item["room"]).collect::<Vec<_>>(), expected, "{name}");
    }
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
        for shard in ["2", "64", "256", "-1", "x", "", "%2B1", "1.0"] {
            refused(&format!("{list}?shard={shard}"), 400, "invalid_request", "shard");
        }
        for cursor in ["!", "", "_w", "Yg", "cg", "Yw", "Y0FBQUEAAAAAAA=="] {
            refused(&format!("{list}?cursor={cursor}"), 400, "invalid_request", "cursor");
        }
        refused(&format!("{list}?limit=1&limit=2"), 400, "invalid_request", "limit");
        refused(&format!("{list}?page=2"), 400, "unsupported_field", "page");
        refused(&format!("{list}?namespace=/no"), 404, "unknown_namespace", "namespace");
    }
    refused("/v1/rooms/a?limit=1", 400, "unsupported_field", "limit");
    refused("/v1/rooms?room=a", 400, "unsupported_field", "room");
    refused("/v1/connections?prefix=a", 400, "unsupported_field", "prefix");
    for path in ["/v1/rooms/%ff", "/v1/rooms/a%", "/v1/rooms/%zz"] {
        refused(path, 400, "invalid_request", "room");
    }
    refused("/v1/connections/%ff", 400, "invalid_request", "id");
    refused("/v1/rooms/~user:7", 422, "room_name_invalid", "~user:7");
    refused("/v1/connections?room=~a", 422, "room_name_invalid", "room");
    refused("/v1/connections/nobody", 404, "unknown_connection", "");
    refused("/v1/connections/a%00", 404, "unknown_connection", "");
}
