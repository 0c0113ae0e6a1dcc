//! A master, its replica, and the sentinels that make the replica the master when the first one is away.

use std::fs;

use super::server::Server;
use super::{ports, wait};

/// What the sentinels call the master.
pub(crate) const MASTER: &str = "mymaster";
const DOWN_AFTER_MS: u32 = 500;
const FAILOVER_TIMEOUT_MS: u32 = 3000;

/// Two servers and those that watch them.
pub(crate) struct Watched {
    /// The first is the master at the start.
    pub(crate) servers: Vec<Server>,
    pub(crate) sentinels: Vec<Server>,
}

impl Watched {
    /// Starts them, and waits until every sentinel knows the replica and the other sentinels.
    pub(crate) fn start(sentinels: usize) -> Self {
        let master = Server::start(&[]);
        let replica = Server::start(&["--replicaof", "127.0.0.1", &master.port().to_string()]);
        wait::until("the replica follows", || {
            let link = replica.info(&["INFO", "replication"], "master_link_status");
            if link.as_deref() == Some("up") { Ok(()) } else { Err(link) }
        });
        let watch = |_| start_sentinel(master.port(), sentinels / 2 + 1);
        let watched = Self { sentinels: (0..sentinels).map(watch).collect(), servers: vec![master, replica] };
        for sentinel in &watched.sentinels {
            wait::until("the sentinel knows all", || {
                let others = (sentinels - 1).to_string();
                let found = (field(sentinel, "num-slaves"), field(sentinel, "num-other-sentinels"));
                if found == (Some("1".to_owned()), Some(others)) { Ok(()) } else { Err(found) }
            });
        }
        watched
    }

    pub(crate) fn addresses(&self) -> Vec<String> {
        self.sentinels.iter().map(Server::address).collect()
    }

    /// Index of the server that the sentinels call the master.
    pub(crate) fn master(&self) -> Option<usize> {
        let answer = self.sentinels[0].try_cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER]).ok()?;
        let port: u16 = answer.lines().nth(1)?.parse().ok()?;
        self.servers.iter().position(|server| server.port() == port)
    }

    /// Waits until the sentinels have made this server the master, and it says so itself.
    pub(crate) fn wait_for_master(&self, index: usize) {
        wait::until("failover", || {
            let role = self.servers[index].info(&["INFO", "replication"], "role");
            let found = (self.master(), role);
            if found == (Some(index), Some("master".to_owned())) { Ok(()) } else { Err(found) }
        });
    }
}

/// One of the name and value lines that a sentinel tells of the master.
fn field(sentinel: &Server, name: &str) -> Option<String> {
    let told = sentinel.try_cli(&["SENTINEL", "MASTER", MASTER]).ok()?;
    let mut lines = told.lines();
    lines.find(|line| *line == name)?;
    lines.next().map(str::to_owned)
}

fn start_sentinel(master: u16, quorum: usize) -> Server {
    Server::start_as(ports::free, |port, folder| {
        // A sentinel keeps what it learns in its file.
        let file = folder.join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n\
             sentinel monitor {MASTER} 127.0.0.1 {master} {quorum}\n\
             sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}\n\
             sentinel failover-timeout {MASTER} {FAILOVER_TIMEOUT_MS}\n",
            folder.display()
        );
        fs::write(&file, text).expect("a file in our folder");
        vec![file.display().to_string(), "--sentinel".to_owned()]
    })
}
