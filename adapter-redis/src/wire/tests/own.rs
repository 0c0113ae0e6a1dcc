//! What gateways say to each other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use roomcast_core::cluster::{Answer, ClientAck, Gap, Handshake, NodeInfo, RoomInfo, Select, SocketInfo};
use roomcast_core::id::{NodeTag, SocketId};
use roomcast_core::publication::{Class, Origin};

use super::*;
use crate::wire::gateways::{self, Own};

fn tag() -> NodeTag {
    NodeTag::parse("a_-9").expect("a tag")
}

fn node() -> NodeInfo {
    NodeInfo {
        tag: tag(),
        name: "näme".to_owned(),
        internal: "[::1]:9090".parse().expect("an address"),
        version: "0.1.0".to_owned(),
        draining: true,
        started_at: u64::MAX,
        heard_at: 7,
    }
}

fn select() -> Select {
    Select { namespace: namespace("/a"), audience: Audience { rooms: vec![room("é#")], except: vec![room("x")] } }
}

fn publication(class: Class, origin: Origin) -> Publication {
    let data = "[ \"x\",{\"_placeholder\":true,\"num\":0}, \"\\ud83d\", 1.0]";
    let mut publication = bare(data, &[&[0, 255]], &["é"], &["~user:1"]);
    publication.id = "id".into();
    publication.class = class;
    publication.key = Some("k\"".into());
    publication.expires_at = Some(u64::MAX);
    publication.published_at = 5;
    publication.ack = Some(9);
    publication.origin = origin;
    publication.trace = Some("t".into());
    publication.remember = false;
    publication
}

fn requests() -> Vec<Request> {
    let timeout = Duration::from_millis(1_500);
    let with = |class, origin| Request::BroadcastWithAcks { publication: publication(class, origin), timeout };
    vec![
        with(Class::Reliable, Origin::Client),
        with(Class::Volatile, Origin::Cluster),
        with(Class::Latest, Origin::Cluster),
        Request::BroadcastWithAcks {
            publication: Publication { origin: Origin::Cluster, ..bare("[1]", &[], &[], &[]) },
            timeout,
        },
        Request::Join(select(), vec![room("a"), room("b")]),
        Request::Leave(select(), vec![]),
        Request::Disconnect { select: select(), reconnect: true },
        Request::FetchSockets { select: select(), servers: true },
        Request::ListRooms { namespace: namespace("/a"), servers: false },
        Request::ServerSideEmit { namespace: namespace("/a"), data: "not \" JSON".to_owned(), ack: true },
    ]
}

fn answers() -> Vec<Answer> {
    let id = SocketId::parse("AAAAAAAAAAAAAAAAAAAA").expect("an id");
    let pairs = |name: &str| vec![(name.to_owned(), "\"v\"".to_owned())];
    let handshake =
        Handshake { path: "/socket.io/".to_owned(), headers: pairs("h"), query: pairs("q"), auth: pairs("a") };
    let socket = SocketInfo {
        id: id.clone(),
        namespace: namespace("/a"),
        rooms: vec![room("é")],
        protocol: "plain",
        transport: "polling",
        address: "::1".to_owned(),
        connected_at: 7,
        shard: 63,
        handshake: Some(Arc::new(handshake)),
    };
    let other = SocketInfo { protocol: "socketio", transport: "websocket", handshake: None, ..socket.clone() };
    let attachments = vec![Bytes::from_static(&[0, 255]), Bytes::new()];
    vec![
        Answer::Matched(3),
        Answer::Refused(2),
        Answer::Asked(1),
        Answer::Acknowledged(ClientAck { connection: id, args: "[\"\\ud83d\" ]".to_owned(), attachments }),
        Answer::Sockets(vec![socket, other]),
        Answer::Rooms(vec![RoomInfo { room: room("é"), members: 4 }]),
        Answer::Emitted("null".to_owned()),
    ]
}

fn all() -> Vec<Own> {
    let gap = |namespace, rooms| Gap { namespace, rooms, from: 1, until: u64::MAX };
    let mut all: Vec<Own> = requests()
        .into_iter()
        .map(|request| Own::Ask { id: u64::MAX, from: tag(), request, timeout: Duration::from_millis(250) })
        .collect();
    all.extend([
        Own::Answers { id: 1, from: tag(), answers: answers(), last: false },
        Own::Answers { id: 1, from: tag(), answers: Vec::new(), last: true },
        Own::Canary { from: tag(), sequence: u64::MAX, life: 7, sound: true },
        Own::Gap { from: tag(), gap: gap(None, Vec::new()) },
        Own::Gap { from: tag(), gap: gap(Some(namespace("/a")), vec![room("é")]) },
        Own::Joined(node()),
        Own::Left(tag()),
    ]);
    all
}

#[test]
fn everything_arrives_as_it_was() {
    for own in all() {
        let bytes = gateways::encode(&own);
        let back = gateways::decode(&bytes).expect("readable");
        assert_eq!(format!("{back:?}"), format!("{own:?}"));
    }
    assert_eq!(gateways::decode_node(&gateways::encode_node(&node())), Some(node()));
}

#[test]
fn the_fallback_never_travels() {
    let mut publication = publication(Class::Reliable, Origin::Client);
    publication.fallback = roomcast_core::publication::Fallback::ThisNode;
    let request = Request::BroadcastWithAcks { publication, timeout: Duration::ZERO };
    let own = Own::Ask { id: 1, from: tag(), request, timeout: Duration::ZERO };
    let back = format!("{:?}", gateways::decode(&gateways::encode(&own)));
    assert!(back.contains("fallback: Refuse"), "{back}");
}

#[test]
fn what_is_not_known_is_nothing() {
    let good = r#"{"v":1,"own":{"left":"a_-9"}}"#;
    assert!(matches!(gateways::decode(good.as_bytes()), Some(Own::Left(_))));
    assert_eq!(&gateways::encode(&Own::Left(tag()))[..], good.as_bytes());
    for text in [
        "",
        "{}",
        "[]",
        r#"{"v":2,"own":{"left":"a_-9"}}"#,
        r#"{"v":1,"own":{"left":"a_-"}}"#,
        r#"{"v":1,"own":{"gone":"a_-9"}}"#,
        r#"{"own":{"left":"a_-9"}}"#,
        r#"{"v":1,"own":{"left":"a_-9"}}}"#,
        r#"{"v":1,"own":{"ask":{"id":1,"from":"a_-9","request":{"list_rooms":{"namespace":"x","servers":true}},"timeout_ms":1}}}"#,
    ] {
        assert!(gateways::decode(text.as_bytes()).is_none(), "{text}");
    }
    assert!(gateways::decode(&[0xff, 0xfe]).is_none());
    assert_eq!(gateways::decode_node(good), None);
}

#[test]
fn names_are_ours_and_of_one_prefix() {
    let names = |prefix: &str| {
        [
            gateways::all(prefix),
            gateways::canary(prefix, None),
            gateways::canary(prefix, Some(3)),
            gateways::namespace(prefix, &namespace("/x")),
            gateways::namespace(prefix, &namespace("/x:all")),
            gateways::node(prefix, tag()),
            gateways::node_key(prefix, tag()),
        ]
    };
    assert_eq!(
        names("socket.io"),
        [
            "roomcast:socket.io:all",
            "roomcast:socket.io:canary",
            "roomcast:socket.io:canary:3",
            "roomcast:socket.io:namespace:/x",
            "roomcast:socket.io:namespace:/x:all",
            "roomcast:socket.io:node:a_-9",
            "roomcast:socket.io:nodes:a_-9",
        ]
    );
    assert!(gateways::node_key("p", tag()).starts_with(&gateways::node_keys("p")));
    let prefixes = ["a", "a:namespace:/x", "a:canary", "a%3Acanary", "a%", "a%25"];
    let all: std::collections::HashSet<String> = prefixes.into_iter().flat_map(names).collect();
    assert_eq!(all.len(), prefixes.len() * 7);
}
