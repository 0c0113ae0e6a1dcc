//! A Redis Cluster: three masters, each with a third of the slots, and replicas where a test wants them.

use super::server::{Server, plain};
use super::{ports, wait};

const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

/// The channel of everybody in the main namespace. A gap of its master concerns all rooms.
const EVERYBODY: &str = "socket.io#/#";

/// The channel of a room of the main namespace in the sharded format.
pub(crate) fn room_channel(room: &str) -> String {
    format!("{EVERYBODY}{room}#")
}

/// Three masters that agree on who has which slot.
pub(crate) struct Cluster {
    pub(crate) masters: Vec<Server>,
}

impl Cluster {
    /// Starts it, and waits until all three call it whole.
    pub(crate) fn start() -> Self {
        let cluster = Self { masters: SLOTS.iter().map(|_| start_master()).collect() };
        for (number, master) in cluster.masters.iter().enumerate() {
            // Before they know each other.
            master.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
        for (number, master) in cluster.masters.iter().enumerate() {
            let (first, last) = SLOTS[number];
            master.cli(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            for other in &cluster.masters[number + 1..] {
                master.cli(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()]);
            }
        }
        cluster.wait_until_whole();
        cluster
    }

    /// Another server, which follows this master and takes its place when that is away or told to give way.
    pub(crate) fn replica_of(&self, master: usize) -> Server {
        let (master, replica) = (&self.masters[master], start_master());
        replica.cli(&["CLUSTER", "MEET", "127.0.0.1", &master.port().to_string()]);
        let id = master.cli(&["CLUSTER", "MYID"]);
        wait::until("the replica follows", || replica.try_cli(&["CLUSTER", "REPLICATE", &id]));
        wait::until("the replica has caught up", || {
            let state = replica.info(&["INFO", "replication"], "master_link_status");
            if state.as_deref() == Some("up") { Ok(()) } else { Err(state) }
        });
        let own = replica.cli(&["CLUSTER", "MYID"]);
        for server in &self.masters {
            wait::until("all know the replica", || {
                let nodes = server.cli(&["CLUSTER", "NODES"]);
                let known = nodes.lines().any(|line| line.starts_with(&own) && line.contains("slave"));
                if known { Ok(()) } else { Err(nodes) }
            });
        }
        replica
    }

    pub(crate) fn addresses(&self) -> Vec<String> {
        self.masters.iter().map(Server::address).collect()
    }

    /// Waits until each master knows the others and sees all slots served.
    pub(crate) fn wait_until_whole(&self) {
        for master in &self.masters {
            wait::until("the cluster is whole", || {
                let of = |name| master.info(&["CLUSTER", "INFO"], name);
                let found = (of("cluster_state"), of("cluster_size"), of("cluster_known_nodes"));
                let texts = (found.0.as_deref(), found.1.as_deref(), found.2.as_deref());
                if texts == (Some("ok"), Some("3"), Some("3")) { Ok(()) } else { Err(found) }
            });
        }
    }

    /// The slot of a channel or key.
    pub(crate) fn slot(&self, name: &str) -> u16 {
        self.masters[0].cli(&["CLUSTER", "KEYSLOT", name]).parse().expect("a slot")
    }

    /// Which master a slot was given at the start.
    pub(crate) fn first_owner(slot: u16) -> usize {
        SLOTS.iter().position(|(first, last)| (*first..=*last).contains(&slot)).expect("all slots are given")
    }

    /// One room for each master: its channel in the sharded format lies there.
    pub(crate) fn room_of_each_master(&self) -> Vec<String> {
        let home = |room: &String| Self::first_owner(self.slot(&room_channel(room)));
        let candidates: Vec<String> = (0..100).map(|number| format!("stream:{number}")).collect();
        let of = |master| candidates.iter().find(|room| home(room) == master).cloned().expect("100 rooms reach all");
        (0..self.masters.len()).map(of).collect()
    }

    /// A master that has rooms only, and not the channel of everybody.
    pub(crate) fn of_rooms_only(&self) -> usize {
        (Self::first_owner(self.slot(EVERYBODY)) + 1) % self.masters.len()
    }

    /// Moves a slot with its keys from one master to another, as `redis-cli --cluster reshard` does.
    pub(crate) fn migrate(&self, slot: u16, from: usize, to: usize) {
        let (source, target) = (&self.masters[from], &self.masters[to]);
        let slot = slot.to_string();
        let (source_id, target_id) = (source.cli(&["CLUSTER", "MYID"]), target.cli(&["CLUSTER", "MYID"]));
        target.cli(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source_id]);
        source.cli(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target_id]);
        let keys = source.cli(&["CLUSTER", "GETKEYSINSLOT", &slot, "1000"]);
        for key in keys.lines().filter(|key| !key.is_empty()) {
            source.cli(&["MIGRATE", "127.0.0.1", &target.port().to_string(), key, "0", "5000"]);
        }
        target.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id]);
        source.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id]);
        for master in &self.masters {
            master.cli(&["CLUSTER", "SETSLOT", &slot, "NODE", &target_id]);
        }
    }
}

fn start_master() -> Server {
    Server::start_as(ports::free_with_bus, |port, folder| {
        let mut arguments = plain(port, folder);
        let more =
            ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "2000"];
        arguments.extend(more.map(str::to_owned));
        arguments
    })
}
