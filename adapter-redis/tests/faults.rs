//! Faults of one Redis server under a numbered stream from three nodes: every publication is delivered once
//! or its loss is told, and delivery comes back by itself.
//!
//! Each test prints how long it took until everything flowed again.

use std::time::Duration;

use roomcast_adapter_redis::{Config, Format, Mode, Servers};
use roomcast_core::room::{Namespace, Room};
use tokio::time::sleep;

#[path = "support/start.rs"]
mod start;
#[path = "support/support.rs"]
mod support;

use start::{run, run_without_redis};
use support::node::{Node, config, now, room};
use support::proxy::Proxy;
use support::server::Server;
use support::verdict::Fault;
use support::wait::until_async;

const NODES: usize = 3;
const ROOMS: [&str; 2] = ["stream:a", "stream:b"];
const FORMATS: [Format; 2] = [Format::Classic, Format::Sharded(Mode::Dynamic)];
/// How long a fault lasts: longer than a link's proof is believed.
const LASTING: Duration = Duration::from_secs(10);
/// A short one.
const BRIEF: Duration = Duration::from_secs(2);

/// Three nodes that reach Redis at `address`.
fn three(address: &str, format: Format) -> Vec<Config> {
    (0..NODES).map(|index| config(index, Servers::Standalone(address.to_owned()), format)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_there_is_no_gap() {
    for format in FORMATS {
        let server = Server::start(&[]);
        let run = run("no fault", three(&server.address(), format), &ROOMS).await;
        sleep(LASTING).await;
        run.end(now(), Fault::None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_killed_and_started_again() {
    for format in FORMATS {
        let mut server = Server::start(&[]);
        let run = run("kill -9 and restart", three(&server.address(), format), &ROOMS).await;
        server.kill();
        sleep(BRIEF).await;
        server.start_again();
        run.end(now(), Fault::Some).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_stopped_for_ten_seconds() {
    let server = Server::start(&[]);
    let run = run("SIGSTOP 10 s", three(&server.address(), Format::Classic), &ROOMS).await;
    server.pause();
    sleep(LASTING).await;
    server.resume();
    run.end(now(), Fault::Some).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_one_node_is_half_open() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(&server.address()).await;
    let mut configs = three(&server.address(), Format::Classic);
    configs[0].servers = Servers::Standalone(proxy.address());
    let run = run("half-open link", configs, &ROOMS).await;
    proxy.stall();
    sleep(LASTING).await;
    proxy.pass();
    run.end(now(), Fault::Some).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_links_of_one_node_are_forgotten_on_their_way() {
    let server = Server::start(&[]);
    let proxy = Proxy::start(&server.address()).await;
    let mut configs = three(&server.address(), Format::Classic);
    configs[0].servers = Servers::Standalone(proxy.address());
    let run = run("forgotten links", configs, &ROOMS).await;
    // Nothing heals them: the node has to make new ones by itself.
    proxy.forget();
    run.end(now(), Fault::Some).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_killed() {
    for format in FORMATS {
        let server = Server::start(&[]);
        let run = run("CLIENT KILL TYPE pubsub", three(&server.address(), format), &ROOMS).await;
        let killed: u64 = server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).parse().expect("a count");
        assert!(killed >= NODES as u64, "{killed} subscriptions");
        run.end(now(), Fault::Some).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_overflows_what_waits_for_a_subscriber() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub", "256kb", "128kb", "1"]);
    let run = run("output buffer and flood", three(&server.address(), Format::Classic), &ROOMS).await;
    // Together far more than sockets and buffer hold; a server closes the subscriptions that fall behind.
    run.stream.flood(&room(ROOMS[0]), 100, 400_000).await;
    let closed = server.info(&["INFO", "stats"], "client_output_buffer_limit_disconnections");
    assert_ne!(closed.as_deref(), Some("0"), "the flood was too small to close anything");
    run.end(now(), Fault::Some).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_becomes_a_replica_and_a_master_again() {
    let (server, other) = (Server::start(&[]), Server::start(&[]));
    let run = run("REPLICAOF and back", three(&server.address(), Format::Classic), &ROOMS).await;
    server.cli(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    sleep(LASTING).await;
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    run.end(now(), Fault::Some).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn master_and_replica_change_places_behind_one_address() {
    let first = Server::start(&[]);
    let second = Server::start(&["--replicaof", "127.0.0.1", &first.port().to_string()]);
    let proxy = Proxy::start(&first.address()).await;
    let run = run("REPLICAOF flip", three(&proxy.address(), Format::Classic), &ROOMS).await;
    // Old links stay with the former master, where a publication reaches few.
    second.cli(&["REPLICAOF", "NO", "ONE"]);
    proxy.lead_to(&second.address());
    first.cli(&["REPLICAOF", "127.0.0.1", &second.port().to_string()]);
    run.end(now(), Fault::Some).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_made_right() {
    let server = Server::with_user("roomcast", "another");
    let mut configs = three(&server.address(), Format::Classic);
    for config in &mut configs {
        config.username = "roomcast".to_owned();
        config.password = "right".to_owned();
    }
    let run = run_without_redis("wrong password, then right", configs, &ROOMS).await;
    sleep(BRIEF).await;
    assert!(run.nodes.iter().all(|node| !node.is_up()), "nobody gets in");
    server.cli(&["ACL", "SETUSER", "roomcast", ">right"]);
    let facts = run.end(now(), Fault::Some).await;
    assert!(facts.deliveries.values().all(|times| times.len() == 1));
}

/// Rooms beside those of the stream, wanted by every node.
fn many_rooms() -> Vec<Room> {
    (0..20_000).map(|number| room(&format!("many:{number}"))).collect()
}

/// Whether Redis holds a subscription to each of the rooms for each of the nodes.
async fn wait_for_subscriptions(server: &Server, rooms: usize) {
    let of = |line: &str| -> usize {
        let field = line.split(' ').find_map(|field| field.strip_prefix("sub=")).unwrap_or("0");
        field.parse().unwrap_or(0)
    };
    until_async("all rooms are subscribed to", Duration::from_mins(1), || {
        let clients = server.try_cli(&["CLIENT", "LIST", "TYPE", "pubsub"]).unwrap_or_default();
        let full = clients.lines().filter(|line| of(line) >= rooms).count();
        if full == NODES { Ok(()) } else { Err(full) }
    })
    .await;
}

async fn want_all(nodes: &[Node], rooms: &[Room]) {
    for node in nodes {
        assert!(node.want(rooms, Duration::from_mins(1)).await, "all rooms are live");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_with_twenty_thousand_rooms() {
    let mut server = Server::start(&[]);
    let run = run("outage with 20,000 rooms", three(&server.address(), Format::Classic), &ROOMS).await;
    let rooms = many_rooms();
    want_all(&run.nodes, &rooms).await;
    wait_for_subscriptions(&server, rooms.len()).await;
    server.kill();
    sleep(BRIEF).await;
    server.start_again();
    let healed_at = now();
    wait_for_subscriptions(&server, rooms.len()).await;
    println!("outage with 20,000 rooms: subscribed again after {} ms", now() - healed_at);
    for node in &run.nodes {
        let root = Namespace::root();
        for room in &rooms {
            node.adapter.unwant(&root, room);
        }
    }
    run.end(healed_at, Fault::Some).await;
}
