//! Faults of a Redis Cluster whose masters change under a numbered stream from three nodes: a replica takes
//! the place of its master, at its wish or because that is gone; the slots by which the nodes prove a link
//! go to another master, and then one more node comes. See `faults.rs`.

use std::time::{Duration, Instant};

use roomcast_adapter_redis::{Config, Format, Mode, Servers};
use roomcast_core::adapter::AdapterCount;
use tokio::time::sleep;

#[path = "support/start.rs"]
mod start;
#[path = "support/support.rs"]
mod support;

use start::{open_run, run};
use support::cluster::Cluster;
use support::node::{Node, config, now, room};
use support::run::Run;
use support::server::Server;
use support::verdict::Fault;
use support::wait::until;

const NODES: usize = 3;
const SHARDED: Format = Format::Sharded(Mode::Dynamic);
/// Longer than a node that is not heard is believed to be elsewhere.
const LASTING: Duration = Duration::from_secs(10);

fn member(index: usize, cluster: &Cluster, format: Format) -> Config {
    config(index, Servers::Cluster(cluster.addresses()), format)
}

async fn three(name: &'static str, cluster: &Cluster, format: Format, rooms: &[String]) -> Run {
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    run(name, (0..NODES).map(|index| member(index, cluster, format)).collect(), &names).await
}

/// Whether a former replica serves the slots of its master.
fn is_master(server: &Server) -> Result<(), Option<String>> {
    let role = server.info(&["INFO", "replication"], "role");
    if role.as_deref() == Some("master") { Ok(()) } else { Err(role) }
}

/// Which nodes declared a gap for the room.
fn nodes_with_gaps(facts: &support::ledger::Ledger, name: &str) -> Vec<usize> {
    let about = |node: &usize| facts.gaps.iter().any(|(whose, gap)| whose == node && gap.rooms.contains(&room(name)));
    (0..NODES).filter(about).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_the_place_of_a_master_that_is_gone() {
    let mut cluster = Cluster::start();
    let rooms = cluster.room_of_each_master();
    let away = cluster.of_rooms_only();
    let replica = cluster.replica_of(away);
    let run = three("Cluster failover", &cluster, SHARDED, &rooms).await;
    cluster.masters[away].kill();
    until("the replica has taken over", || is_master(&replica));
    let facts = run.end(now(), Fault::Some).await;
    facts.gaps_name_only(&rooms[away]);
    assert_eq!(nodes_with_gaps(&facts, &rooms[away]), [0, 1, 2], "each of them was cut off: {:?}", facts.gaps);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_the_place_of_a_master_that_gives_way() {
    let cluster = Cluster::start();
    let rooms = cluster.room_of_each_master();
    let way = cluster.of_rooms_only();
    let replica = cluster.replica_of(way);
    let run = three("Cluster failover by order", &cluster, SHARDED, &rooms).await;
    let mut ordered: Option<Instant> = None;
    until("the replica has taken over", || {
        // An order that could not be carried out in 5 s, as on a machine with much to do, is given up.
        if ordered.is_none_or(|at| at.elapsed() > Duration::from_secs(6)) {
            replica.cli(&["CLUSTER", "FAILOVER"]);
            ordered = Some(Instant::now());
        }
        is_master(&replica)
    });
    let facts = run.end(now(), Fault::Some).await;
    facts.gaps_name_only(&rooms[way]);
}

/// The channels on which nodes prove a link to this master, by their numbers.
fn canaries(cluster: &Cluster, master: usize) -> Vec<String> {
    let listed = cluster.masters[master].cli(&["PUBSUB", "SHARDCHANNELS", "roomcast:*canary:*"]);
    let mut channels: Vec<String> = listed.lines().map(str::to_owned).collect();
    let number = |channel: &String| channel.rsplit(':').next().and_then(|number| number.parse::<u16>().ok());
    channels.sort_by_key(number);
    channels
}

/// How often links were made anew for want of the other nodes, among the reasons without a name.
fn begun_anew(nodes: &[Node]) -> u64 {
    let counts = nodes.iter().flat_map(|node| node.adapter.counts());
    counts.filter(|(count, _)| *count == AdapterCount::ReconnectsOther).map(|(_, n)| n).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_comes_after_the_slots_that_prove_a_link_have_moved() {
    let cluster = Cluster::start();
    let rooms = cluster.room_of_each_master();
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let configs = (0..NODES).map(|index| member(index, &cluster, SHARDED)).collect();
    let (mut run, start) = open_run("canaries move", configs, &names).await;
    let from = cluster.of_rooms_only();
    let to = (from + 1) % NODES;
    let channels = canaries(&cluster, from);
    // The first of them is the one on which all nodes prove this link.
    for channel in &channels[..2] {
        cluster.migrate(cluster.slot(channel), from, to);
    }
    run.flows_since(now(), "the links are proven elsewhere").await;
    let wanted: Vec<_> = rooms.iter().map(|name| room(name)).collect();
    run.join(start(NODES, member(NODES, &cluster, SHARDED)), &wanted).await;
    sleep(LASTING).await;
    assert_eq!(begun_anew(&run.nodes), 0, "all hear each other");
    assert!(run.nodes.iter().all(Node::is_up));
    run.end(now(), Fault::Some).await;
}

/// Entries of nodes in the registry, on the masters that run.
fn entries(masters: &[Server]) -> usize {
    let of = |master: &Server| master.try_cli(&["KEYS", "*node*"]).unwrap_or_default();
    masters.iter().map(|master| of(master).lines().filter(|line| !line.is_empty()).count()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classic_format_goes_by_another_master_when_the_first_is_away() {
    let mut cluster = Cluster::start();
    for master in &cluster.masters {
        master.cli(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    // Nodes go by the first, as its address is written.
    cluster.masters.sort_by_key(Server::address);
    let rooms = ["stream:a".to_owned(), "stream:b".to_owned()];
    let run = three("classic, a master away", &cluster, Format::Classic, &rooms).await;
    until("every node is in the registry, wherever its slot is", || match entries(&cluster.masters) {
        NODES => Ok(()),
        found => Err(found),
    });
    cluster.masters[0].kill();
    sleep(Duration::from_secs(1)).await;
    run.end(now(), Fault::Some).await;
}
