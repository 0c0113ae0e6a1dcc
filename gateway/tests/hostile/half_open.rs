//! Connections that take places and say nothing: each port has a bound, and nobody who speaks is shut out.

use crate::node::Node;
use crate::peer::{Peer, Told};
use crate::scene::{Row, Scene};

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
    // Time alone frees nobody here.
    let mut scene = Scene::start(&[("limits.http_connections_max", "300"), ("limits.header_timeout_ms", "600000")]);
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
    scene.end();
}
