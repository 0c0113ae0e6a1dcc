//! Connections that take places and say nothing: each port has a bound, and nobody who speaks is shut out.

use crate::node::Node;
use crate::peer::{Peer, Told, upgrade_request};
use crate::scene::{Row, Scene};
use crate::wait_until;

/// Silent peers at once: more than the bound of either port.
const SILENT: u16 = 1_500;
/// Connections of the public port that may wait for a request; a half for each of two shards.
const WAITING_MAX: u16 = 300;

fn silent(node: &Node, connect: fn(&Node) -> Peer) -> Vec<Peer> {
    (0..SILENT).map(|_| connect(node)).collect()
}

#[test]
fn the_public_port_is_full_of_silence() {
    roomcast::os::raise_file_limit().expect("a limit");
    // Time alone frees nobody here. Connections come faster than a poll's first byte may: no polls.
    let settings = [("limits.http_connections_max", "300"), ("limits.header_timeout_ms", "600000")];
    let mut scene = Scene::without_polls(&settings);
    scene.play(&Row {
        name: "1,500 silent connections",
        times: 1,
        grows: &[(r#"roomcast_handshakes_total{protocol="plain",result="accepted"}"#, 100)],
        act: &|node| {
            let given_up = "roomcast_http_connections_given_up_total";
            let before = node.series()[given_up];
            let peers = silent(node, Node::peer);
            // Meanwhile whoever speaks is served.
            for _ in 0..100 {
                let mut peer = node.peer().upgrade("/ws");
                assert!(matches!(peer.told(), Told::Text(_)));
            }
            let series = node.series();
            assert!(series["roomcast_http_connections_waiting"] <= WAITING_MAX.into(), "the bound holds");
            assert!(series[given_up] - before >= (SILENT - WAITING_MAX).into(), "the others had to go");
            drop(peers);
        },
    });
    scene.row("a request that is followed by silence", &[], |node| {
        assert_eq!(node.peer().get("/nothing-here").status, 404);
    });
    scene.play(&Row {
        name: "1,500 connections that are silent behind a request",
        times: 1,
        grows: &[(r#"roomcast_http_refused_total{listener="public",reason="not_found"}"#, SILENT.into())],
        act: &|node| {
            let idle = |_| {
                let mut peer = node.peer();
                assert_eq!(peer.get("/nothing-here").status, 404);
                peer
            };
            let peers: Vec<Peer> = (0..SILENT).map(idle).collect();
            assert!(node.series()["roomcast_http_connections_waiting"] <= WAITING_MAX.into(), "the bound holds");
            drop(peers);
        },
    });
    scene.end();
}

#[test]
fn every_connection_is_taken() {
    // The bystanders are all that may be.
    let mut scene = Scene::start(&[("limits.connections_max", "200")]);
    for (protocol, path) in [("plain", "/ws"), ("socketio", "/socket.io/?EIO=4&transport=websocket")] {
        let full = format!(r#"roomcast_handshakes_total{{protocol="{protocol}",result="at_capacity"}}"#);
        scene.row(&format!("one more by {path}"), &[(&full, 1)], |node| {
            let mut peer = node.peer();
            peer.send(upgrade_request(path));
            let answer = peer.answer();
            assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
        });
    }
    let full = r#"roomcast_handshakes_total{protocol="socketio",result="at_capacity"}"#;
    scene.row("one more by polling", &[(full, 1)], |node| {
        let answer = node.peer().get("/socket.io/?EIO=4&transport=polling");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    });
    scene.end();
}

#[test]
fn the_internal_port_is_full_of_silence() {
    roomcast::os::raise_file_limit().expect("a limit");
    let mut scene = Scene::start(&[("limits.header_timeout_ms", "2000")]);
    scene.play(&Row {
        name: "1,500 silent connections",
        times: 1,
        grows: &[(r#"roomcast_http_refused_total{listener="internal",reason="head_timeout"}"#, SILENT.into())],
        act: &|node| {
            let mut peers = silent(node, Node::backend);
            // The time of those before it is over before long.
            assert_eq!(node.backend().get("/livez").status, 200);
            for peer in &mut peers {
                peer.rest();
            }
        },
    });
    scene.play(&Row {
        name: "1,500 connections that are silent behind a request",
        times: 1,
        grows: &[(r#"roomcast_api_requests_total{route="/livez",code="2xx"}"#, i64::from(SILENT) + 1)],
        act: &|node| {
            let idle = |_| {
                let mut peer = node.backend();
                assert_eq!(peer.get("/livez").status, 200);
                peer
            };
            let peers: Vec<Peer> = (0..SILENT).map(idle).collect();
            assert_eq!(node.backend().get("/livez").status, 200);
            drop(peers);
        },
    });
    scene.end();
}

#[test]
fn answers_that_nobody_reads() {
    let mut scene = Scene::start(&[("limits.body_timeout_ms", "2000")]);
    scene.play(&Row {
        name: "20 peers that ask for megabytes and read nothing",
        times: 1,
        grows: &[],
        act: &|node| {
            let files = node.files();
            let request = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(1000);
            let deaf = |_| {
                let mut peer = node.backend();
                peer.send(&request);
                peer
            };
            let peers: Vec<Peer> = (0..20).map(deaf).collect();
            wait_until(|| {
                let now = node.files();
                (now <= files).then_some(()).ok_or_else(|| format!("{now} open files, {files} before"))
            });
            drop(peers);
        },
    });
    scene.end();
}
