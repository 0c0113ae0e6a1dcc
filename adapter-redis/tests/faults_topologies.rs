//! Faults of several Redis servers under a numbered stream from three nodes: the sentinels choose another
//! master; a slot of a Cluster moves; one master of it is away. See `faults.rs`.

use std::time::Duration;

use roomcast_adapter_redis::{Config, Format, Mode, Servers};
use tokio::time::sleep;

#[path = "support/start.rs"]
mod start;
#[path = "support/support.rs"]
mod support;

use start::run;
use support::cluster::{Cluster, room_channel};
use support::node::{config, now};
use support::sentinel::{MASTER, Watched};
use support::verdict::Fault;

const NODES: usize = 3;
const SHARDED: Format = Format::Sharded(Mode::Dynamic);

fn three(servers: &Servers, format: Format) -> Vec<Config> {
    (0..NODES).map(|index| config(index, servers.clone(), format)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_choose_another_master() {
    for (sentinels, format) in [(1, Format::Classic), (3, SHARDED)] {
        let mut watched = Watched::start(sentinels);
        let servers = Servers::Sentinel {
            addresses: watched.addresses(),
            master: MASTER.to_owned(),
            username: String::new(),
            password: String::new(),
        };
        let run = run("Sentinel failover", three(&servers, format), &["stream:a", "stream:b"]).await;
        watched.servers[0].kill();
        watched.wait_for_master(1);
        let healed_at = now();
        // The former master comes back and believes that it still is one; nobody may go there.
        watched.servers[0].start_again();
        run.end(healed_at, Fault::Some).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_fault_a_cluster_has_no_gap() {
    for format in [Format::Classic, SHARDED] {
        let cluster = Cluster::start();
        let rooms = cluster.room_of_each_master();
        let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
        let run = run("Cluster, no fault", three(&Servers::Cluster(cluster.addresses()), format), &rooms).await;
        run.end(now(), Fault::None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_of_a_cluster_moves() {
    let cluster = Cluster::start();
    let rooms = cluster.room_of_each_master();
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let run = run("slot migration", three(&Servers::Cluster(cluster.addresses()), SHARDED), &names).await;
    let from = cluster.of_rooms_only();
    let to = (from + 1) % NODES;
    cluster.migrate(cluster.slot(&room_channel(&rooms[from])), from, to);
    let facts = run.end(now(), Fault::Some).await;
    facts.gaps_name_only(&rooms[from]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_master_of_a_cluster_is_away() {
    let mut cluster = Cluster::start();
    for master in &cluster.masters {
        // The others go on with the slots that they have.
        master.cli(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let rooms = cluster.room_of_each_master();
    let names: Vec<&str> = rooms.iter().map(String::as_str).collect();
    let run = run("one master away", three(&Servers::Cluster(cluster.addresses()), SHARDED), &names).await;
    let away = cluster.of_rooms_only();
    cluster.masters[away].kill();
    sleep(Duration::from_secs(5)).await;
    cluster.masters[away].start_again();
    let facts = run.end(now(), Fault::Some).await;
    facts.gaps_name_only(&rooms[away]);
}
