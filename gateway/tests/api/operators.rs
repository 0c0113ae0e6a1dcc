//! What operators see of the other nodes and of the way to them; private rooms of their sockets.

use std::sync::Arc;

use roomcast::settings::Readiness;
use roomcast_core::adapter::{Adapter, AdapterCount, Event, LinkState};
use roomcast_core::cluster::{Answer, Handshake, NodeInfo, Request, Select};
use roomcast_core::delivery::Delivery;
use roomcast_core::id::{NodeTag, ShardIndex, SocketId};
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::{Namespace, Room};
use serde_json::{Value, json};

use super::clients::{Plain, SocketIo};
use super::gateway::{DEADLINE, Running, start, start_scripted};
use super::scripted::{Rooms, tag};

fn peer(tag: NodeTag) -> NodeInfo {
    NodeInfo {
        tag,
        name: "second \"rack\"".into(),
        internal: ([10, 0, 0, 2], 9090).into(),
        version: "0.0.9".into(),
        draining: true,
        started_at: 5,
        heard_at: 7,
    }
}

fn line(gateway: &Running, line: &str) {
    let metrics = gateway.get("/metrics").body;
    assert!(metrics.contains(&format!("\n{line}\n")), "{line}\n{metrics}");
}

#[test]
fn nodes_are_listed_by_their_tags_with_the_links_of_this_one() {
    let (gateway, adapter) = start_scripted(false, |settings| {
        settings.node.name = "first".into();
        settings.cluster.advertise = "10.0.0.1:9090".into();
    });
    adapter.set_link(LinkState::Down, "connection refused");
    let last = NodeTag::from_entropy([255; 3]);
    adapter.script().peers = vec![peer(last), peer(NodeTag::from_entropy([0; 3]))];
    let list = gateway.get("/v1/nodes").json();
    assert_eq!(list["next"], Value::Null);
    let items = list["items"].as_array().expect("a list");
    let tags: Vec<_> = items.iter().map(|item| item["node"].as_str().expect("a tag").to_owned()).collect();
    assert_eq!(tags, ["AAAA", tag().as_str(), "____"]);
    let other = items.iter().find(|item| item["node"] == last.as_str()).expect("the peer");
    assert_eq!(
        *other,
        json!({
            "node": last.as_str(), "name": "second \"rack\"", "internal": "10.0.0.2:9090", "version": "0.0.9",
            "draining": true, "started_at_ms": 5, "heard_at_ms": 7, "self": false,
        })
    );
    let own = items.iter().find(|item| item["self"] == true).expect("this one");
    assert_eq!(
        (&own["name"], &own["internal"], &own["draining"]),
        (&json!("first"), &json!("10.0.0.1:9090"), &json!(false))
    );
    assert_eq!(own["adapter"]["links"][0]["trouble"], "connection refused");
    assert!(own["started_at_ms"].as_u64().is_some_and(|at| at > 1_600_000_000_000));
    line(&gateway, "roomcast_nodes 3");
    assert_eq!(gateway.get("/v1/nodes?limit=1").problem(400, "unsupported_field"), "limit");
    assert!(!adapter.script().draining);
    gateway.handle().node().start_draining();
    assert!(adapter.script().draining, "the others are told");
    // By itself a node lists itself.
    let alone = start();
    let items = alone.get("/v1/nodes").json()["items"].clone();
    assert_eq!(
        (items.as_array().map(Vec::len), &items[0]["self"], &items[0]["adapter"]),
        (Some(1), &json!(true), &Value::Null)
    );
}

#[test]
fn a_node_is_ready_once_its_links_were_up_or_while_they_are() {
    for (readiness, after) in [(Readiness::Startup, 200), (Readiness::Always, 503)] {
        let (gateway, adapter) = start_scripted(false, |settings| settings.adapter.readiness = readiness);
        adapter.set_link(LinkState::Down, "WRONGPASS");
        let ready = gateway.get("/readyz");
        assert_eq!((ready.status, gateway.get("/livez").status), (503, 200));
        let link = |up: bool, trouble: &str| {
            json!([{ "name": "redis:6379", "up": up, "proven_at_ms": 1_700_000_000_500_u64, "replica": false,
                     "trouble": trouble }])
        };
        let adapter_of = |up, trouble| json!({ "kind": "memory", "up": up, "links": link(up, trouble) });
        let checks = |adapter| json!({ "listeners": true, "shards": true, "drain": true, "adapter": adapter });
        assert_eq!(
            ready.json(),
            json!({ "ready": false, "checks": checks(false), "draining": false, "degraded": true,
                    "adapter": adapter_of(false, "WRONGPASS") })
        );
        line(&gateway, "roomcast_adapter_up 0");
        line(&gateway, "roomcast_ready{check=\"adapter\"} 0");
        // It was up though nobody asked meanwhile.
        adapter.set_link(LinkState::Up, "");
        gateway.until("/livez", |_| gateway.handle().node().links.changes() == 3);
        adapter.set_link(LinkState::Down, "silence");
        gateway.until("/livez", |_| gateway.handle().node().links.changes() == 4);
        let down = gateway.get("/readyz");
        assert_eq!((down.status, gateway.get("/livez").status), (after, 200), "{readiness:?}");
        assert_eq!((&down.json()["degraded"], &down.json()["adapter"]["up"]), (&json!(true), &json!(false)));
        adapter.set_link(LinkState::Up, "");
        let up = gateway.until("/readyz", |answer| answer.status == 200);
        assert_eq!((&up.json()["degraded"], &up.json()["adapter"]), (&json!(false), &adapter_of(true, "")));
        line(&gateway, "roomcast_adapter_up 1");
        line(&gateway, "roomcast_adapter_heartbeat_timestamp_seconds 1700000000");
        adapter.script().links[0].replica = true;
        line(&gateway, "roomcast_adapter_role_mismatch 1");
    }
}

#[test]
fn what_the_adapter_counts_is_shown_and_what_comes_from_others_is_counted() {
    let (gateway, adapter) = start_scripted(false, |_| {});
    adapter.script().counts = vec![(AdapterCount::ReconnectsRole, 4), (AdapterCount::QueueBytes, 99)];
    line(&gateway, "roomcast_adapter_reconnects_total{cause=\"role\"} 4");
    line(&gateway, "roomcast_adapter_queue_bytes 99");
    line(&gateway, "roomcast_adapter_up 1");
    line(&gateway, "roomcast_nodes 1");
    let mut member = Plain::member_of(&gateway, &["a"]);
    for room in ["a", "b", "c"] {
        let payload = Payload::from_data("[\"x\"]", Vec::new()).expect("a payload");
        let audience = Audience::room(Room::new(room).expect("a name"));
        let publication = Publication::new("1".into(), Namespace::root(), audience, payload, 1);
        adapter.report(Event::Delivery(Arc::new(Delivery::new(publication, None))));
    }
    assert_eq!(member.next()["event"], "x");
    gateway.until("/metrics", |metrics| metrics.body.contains("roomcast_adapter_messages_total{direction=\"in\"} 3\n"));
    line(&gateway, "roomcast_adapter_deliveries_total{result=\"matched\"} 1");
    line(&gateway, "roomcast_adapter_deliveries_total{result=\"unmatched\"} 2");
}

#[test]
fn nobody_joins_the_private_room_of_a_socket_of_another_node() {
    let (gateway, adapter) = start_scripted(false, |_| {});
    let other = NodeTag::from_entropy([7; 3]);
    adapter.script().peers = vec![peer(other)];
    let shard = ShardIndex::new(40).expect("below 64");
    let private = SocketId::new(other, shard, [9; 12]);
    let unknown = SocketId::new(NodeTag::from_entropy([8; 3]), shard, [9; 12]);
    let mut client = Plain::member_of(&gateway, &[]);
    let mut subscribe = |room: &str| -> Value {
        client.socket.send(&json!({ "type": "subscribe", "id": 1, "room": room }).to_string());
        client.next()
    };
    assert_eq!(subscribe(private.as_str())["code"], "forbidden");
    assert_eq!(subscribe(unknown.as_str())["type"], "ok", "a name like any other");
    let join = json!({ "rooms": [private.as_str()], "select": { "all": true } }).to_string();
    assert_eq!(gateway.post("/v1/rooms/join", &join).problem(422, "room_name_invalid"), "rooms[0]");
}

#[test]
fn private_rooms_are_wanted_one_by_one_where_the_adapter_needs_it() {
    for wanted in [true, false] {
        let (gateway, adapter) = start_scripted(wanted, |_| {});
        // It is not waited for.
        adapter.set_rooms(Rooms::Soon);
        let client = Plain::member_of(&gateway, &[]);
        adapter.set_rooms(Rooms::Live);
        let stock = SocketIo::member_of(&gateway, "a");
        let ids = [client.id.clone(), stock.id.clone()];
        let count = |wish: &str| adapter.script().wishes.iter().filter(|made| *made == wish).count();
        for id in &ids {
            assert_eq!((count(id), count(&format!("-{id}"))), (usize::from(wanted), 0));
        }
        drop((client, stock));
        gateway.until("/v1/connections", |list| list.json()["items"] == json!([]));
        for id in &ids {
            assert_eq!(count(&format!("-{id}")), usize::from(wanted));
        }
    }
}

#[test]
fn other_servers_are_told_of_a_handshake_what_the_settings_list() {
    let (gateway, adapter) = start_scripted(false, |settings| {
        let cluster = &mut settings.cluster;
        cluster.handshake_headers = vec!["Sec-WebSocket-Version".into()];
        cluster.handshake_query = vec!["room".into()];
        cluster.handshake_auth = vec!["user".into()];
    });
    let listed = SocketIo::with(&gateway, "a", "&room=1%202&other=x", r#"{"user":{"id":1.0},"password":"secret"}"#);
    let plain = Plain::member_of(&gateway, &["a"]);
    let told = || {
        let audience = Audience::room(Room::new("a").expect("a name"));
        let select = Select { namespace: Namespace::root(), audience };
        gateway.handle().block_on(async {
            let request = Request::FetchSockets { select, servers: false };
            let mut answers = adapter.request(request, DEADLINE).await.expect("handed over");
            let mut told = std::collections::HashMap::new();
            while let Some(answer) = answers.recv().await {
                if let Answer::Sockets(sockets) = answer {
                    told.extend(sockets.into_iter().map(|info| (info.id.as_str().to_owned(), info.handshake)));
                }
            }
            told
        })
    };
    let told = told();
    let of = |id: &str| told.get(id).and_then(Clone::clone).expect("it is told");
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let (headers, query) = (pair("sec-websocket-version", "13"), pair("room", "1 2"));
    let auth = pair("user", r#"{"id":1.0}"#);
    assert_eq!(*of(&listed.id), Handshake { path: "/socket.io/".into(), headers: headers.clone(), query, auth });
    assert_eq!(*of(&plain.id), Handshake { path: "/ws".into(), headers, ..Handshake::default() });
}
