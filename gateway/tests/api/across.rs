//! Lists of a gateway of several nodes, which ask each other over their internal ports.

use std::sync::Arc;

use roomcast_core::cluster::{Answer, RoomInfo, SocketInfo};
use roomcast_core::id::SocketId;
use roomcast_core::room::{Namespace, Room};
use serde_json::{Value, json};

use super::clients::Plain;
use super::gateway::{Running, start_several};
use super::lists::all;
use super::nodes::until;
use super::scripted::Scripted;

type Node = (Running, Arc<Scripted>);

fn tag(node: &Node) -> String {
    node.0.handle().node().tag.to_string()
}

/// Clients of each node, by node; all are in `all`, and the first of each node in a room of its own.
fn clients(nodes: &[Node], each: usize) -> Vec<Vec<Plain>> {
    let of = |(number, node): (usize, &Node)| {
        let own = format!("own{number}");
        let rooms = |index| if index == 0 { vec!["all", own.as_str()] } else { vec!["all"] };
        (0..each).map(|index| Plain::member_of(&node.0, &rooms(index))).collect()
    };
    nodes.iter().enumerate().map(of).collect()
}

fn names(items: &[Value], name: &str) -> Vec<String> {
    items.iter().map(|item| item[name].as_str().expect("a text").to_owned()).collect()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts
}

#[test]
fn connections_of_all_nodes_are_one_list_on_each() {
    let nodes = start_several(3);
    let clients = clients(&nodes, 3);
    let ids = |of: &[Vec<Plain>]| sorted(of.iter().flatten().map(|client| client.id.clone()).collect());
    for (gateway, _) in &nodes {
        for limit in [1, 2, 4, 9, 100] {
            let listed = all(gateway, "/v1/connections?", limit);
            assert_eq!(sorted(names(&listed, "id")), ids(&clients), "{limit}");
            let tags = names(&listed, "node");
            assert_eq!(tags, sorted(tags.clone()), "by node");
            assert!(listed.iter().all(|item| item["id"].as_str().is_some_and(|id| item["node"] == id[..4])));
        }
        assert_eq!(all(gateway, "/v1/connections?room=own1&", 2).len(), 1);
        for (node, clients) in nodes.iter().zip(&clients) {
            let of_node = |rest: &str| all(gateway, &format!("/v1/connections?node={}{rest}&", tag(node)), 2);
            assert_eq!(sorted(names(&of_node(""), "id")), ids(std::slice::from_ref(clients)));
            let of_shards = [0, 1].map(|shard| of_node(&format!("&shard={shard}")).len());
            assert_eq!(of_shards.iter().sum::<usize>(), 3);
            for client in clients {
                let shown = gateway.get(&format!("/v1/connections/{}", client.id)).json();
                assert_eq!((&shown["id"], &shown["node"]), (&json!(client.id), &json!(tag(node))));
            }
        }
    }
    // A shard alone is one of the node that is asked.
    let own = all(&nodes[1].0, "/v1/connections?shard=0&", 2);
    assert!(own.iter().all(|item| item["node"] == tag(&nodes[1]).as_str()), "{own:?}");
    let gateway = &nodes[0].0;
    assert_eq!(gateway.get("/v1/connections?node=____").problem(400, "invalid_request"), "node");
    assert_eq!(gateway.get("/v1/connections?node=x").problem(400, "invalid_request"), "node");
    let gone = format!("{}{}", tag(&nodes[2]), "AAAAAAAAAAAAAAAA");
    gateway.get(&format!("/v1/connections/{gone}")).problem(404, "unknown_connection");
}

#[test]
fn rooms_of_all_nodes_are_one_list_with_the_members_of_all() {
    let nodes = start_several(3);
    let _clients = clients(&nodes, 2);
    let _more: Vec<Plain> =
        (0..40).map(|n| Plain::member_of(&nodes[n % 3].0, &[&format!("r{n:02}"), &format!("s{}", n % 7)])).collect();
    let room = |room: &str, members: usize| json!({ "room": room, "members": members });
    let mut expected = vec![room("all", 6), room("own0", 1), room("own1", 1), room("own2", 1)];
    expected.extend((0..40).map(|n| room(&format!("r{n:02}"), 1)));
    expected.extend((0..7).map(|n| room(&format!("s{n}"), (n..40).step_by(7).count())));
    for (gateway, _) in &nodes {
        for limit in [1, 7, 100] {
            assert_eq!(all(gateway, "/v1/rooms?", limit), expected, "{limit}");
        }
        assert_eq!(all(gateway, "/v1/rooms?prefix=own&", 2), expected[1..4]);
        assert_eq!(gateway.get("/v1/rooms/all").json(), room("all", 6));
        let of_node = all(gateway, &format!("/v1/rooms?node={}&prefix=own&", tag(&nodes[1])), 2);
        assert_eq!(of_node, [room("own1", 1)]);
    }
}

#[test]
fn a_node_that_does_not_answer_is_named_and_the_rest_is_listed() {
    let mut nodes = start_several(3);
    let mut clients = clients(&nodes, 2);
    let page = nodes[0].0.get("/v1/connections?limit=3").json();
    let cursor = page["next"].as_str().expect("there is more").to_owned();
    let lost = tag(&nodes[1]);
    let lost_client = clients.remove(1).remove(0).id;
    drop(nodes.remove(1));
    let gateway = &nodes[0].0;
    let named = json!([lost]);
    let connections = gateway.get("/v1/connections").json();
    assert_eq!((connections["items"].as_array().map(Vec::len), &connections["unreachable"]), (Some(4), &named));
    let rest = gateway.get(&format!("/v1/connections?cursor={cursor}")).json();
    assert_eq!((rest["items"].as_array().map(Vec::len), &rest["unreachable"]), (Some(2), &named));
    let rooms = gateway.get("/v1/rooms?limit=2").json();
    assert_eq!(rooms["items"], json!([{ "room": "all", "members": 4 }, { "room": "own0", "members": 1 }]));
    assert_eq!(rooms["unreachable"], named);
    assert_eq!(gateway.get("/v1/rooms/all").json(), json!({ "room": "all", "members": 4, "unreachable": named }));
    gateway.get(&format!("/v1/connections/{lost_client}")).problem(503, "adapter_unavailable");
    // Once it is known to be gone the list goes on behind it.
    nodes[0].1.script().peers.retain(|peer| peer.tag.as_str() != lost);
    let rest = gateway.get(&format!("/v1/connections?cursor={cursor}")).json();
    assert_eq!((rest["items"].as_array().map(Vec::len), rest.get("unreachable")), (Some(2), None));
    assert_eq!(gateway.get("/v1/rooms/all").json(), json!({ "room": "all", "members": 4 }));
}

#[test]
fn a_node_that_does_not_answer_in_time_is_counted() {
    let nodes = start_several(2);
    let clients = clients(&nodes, 1);
    let (gateway, adapter) = &nodes[0];
    // It takes connections, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    adapter.script().peers[0].internal = silent.local_addr().expect("bound");
    let timed_out = |count| until(gateway, r#"roomcast_peer_calls_total{direction="out",result="timed_out"}"#, count);
    timed_out(0);
    let asked = ["/v1/connections", "/v1/rooms", "/v1/rooms/all"];
    for (count, path) in (1..).zip(asked) {
        let answer = gateway.get(path);
        assert_eq!((answer.status, &answer.json()["unreachable"]), (200, &json!([tag(&nodes[1])])), "{path}");
        timed_out(count);
    }
    let one = gateway.get(&format!("/v1/connections/{}", clients[1][0].id));
    one.problem(503, "adapter_unavailable");
    timed_out(4);
}

#[test]
fn a_connection_is_shown_with_its_own_node_also_before_that_is_known() {
    let nodes = start_several(2);
    let clients = clients(&nodes, 1);
    let (gateway, adapter) = &nodes[0];
    adapter.script().peers.clear();
    let other = &clients[1][0].id;
    let path = format!("/v1/connections/{other}");
    let shown = gateway.get(&path).json();
    assert_eq!((&shown["id"], &shown["node"]), (&json!(other), &json!(tag(&nodes[1]))));
    assert_eq!(shown, nodes[1].0.get(&path).json(), "as its own node shows it");
    let own = gateway.get(&format!("/v1/connections/{}", clients[0][0].id)).json();
    assert_eq!(own["node"], json!(tag(&nodes[0])));
    // Nobody has it: of a node that nobody knows, and of no node at all.
    for nobody in ["____AAAAAAAAAAAAAAAA", "of-no-node"] {
        gateway.get(&format!("/v1/connections/{nobody}")).problem(404, "unknown_connection");
    }
}

#[test]
fn servers_that_are_no_nodes_are_asked_when_the_request_says_so() {
    let nodes = start_several(2);
    let _clients = clients(&nodes, 1);
    let (gateway, adapter) = &nodes[0];
    let id = |number: usize| format!("-server-socket-{number:05}");
    let info = |number| SocketInfo {
        id: SocketId::parse(&id(number)).expect("an id"),
        namespace: Namespace::root(),
        rooms: Vec::new(),
        protocol: "socketio",
        transport: "websocket",
        address: "10.0.0.9".into(),
        connected_at: 5,
        shard: 0,
        handshake: None,
    };
    let room = |name: &str| RoomInfo { room: Room::new(name).expect("a name"), members: 0 };
    adapter.script().servers = vec![
        Answer::Sockets((0..5).rev().map(info).collect()),
        Answer::Rooms(vec![room("own1"), room("zoo"), room("attic")]),
    ];
    assert_eq!(all(gateway, "/v1/connections?", 3).len(), 2);
    for limit in [1, 2, 3, 100] {
        let listed = all(gateway, "/v1/connections?servers=true&", limit);
        let (ours, theirs) = listed.split_at(2);
        assert!(ours.iter().all(|item| item.get("server").is_none() && item["node"].is_string()));
        assert_eq!(names(theirs, "id"), (0..5).map(id).collect::<Vec<_>>());
        assert!(theirs.iter().all(|item| item["server"] == true && item.get("node").is_none()), "{theirs:?}");
        let rooms = all(gateway, "/v1/rooms?servers=true&", limit);
        let of_server = |name: &str, members: usize| json!({ "room": name, "members": members, "server": true });
        let of_nodes = |name: &str, members: usize| json!({ "room": name, "members": members });
        let expected =
            [of_nodes("all", 2), of_server("attic", 0), of_nodes("own0", 1), of_server("own1", 1), of_server("zoo", 0)];
        assert_eq!(rooms, expected, "{limit}");
    }
    assert_eq!(all(gateway, "/v1/rooms?", 3).len(), 3);
    for (query, at) in [("servers=yes", "servers"), ("servers=true&shard=0", "servers")] {
        assert_eq!(gateway.get(&format!("/v1/rooms?{query}")).problem(400, "invalid_request"), at);
    }
}
