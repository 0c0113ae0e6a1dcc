//! Runs over the Redis adapter.

#![allow(dead_code, reason = "each test program uses its own part of it")]

use roomcast_adapter_redis::{Config, RedisAdapter};
use tokio::runtime::Handle;

use crate::support::node::{Node, Shared, room};
use crate::support::run::Run;

fn nodes(configs: Vec<Config>, ledger: &Shared) -> Vec<Node> {
    let start = |(index, config)| {
        let (adapter, events) = RedisAdapter::start(config, Handle::current());
        Node::hear(index, adapter, events, ledger)
    };
    configs.into_iter().enumerate().map(start).collect()
}

/// Starts the nodes, and waits until the stream flows through all of them to all of these rooms.
pub(crate) async fn run(name: &'static str, configs: Vec<Config>, rooms: &[&str]) -> Run {
    let ledger = Shared::default();
    let rooms = rooms.iter().map(|name| room(name)).collect();
    Run::start(name, nodes(configs, &ledger), rooms, ledger).await
}

/// The same while Redis is away.
pub(crate) async fn run_without_redis(name: &'static str, configs: Vec<Config>, rooms: &[&str]) -> Run {
    let ledger = Shared::default();
    let rooms = rooms.iter().map(|name| room(name)).collect();
    Run::start_without_backend(name, nodes(configs, &ledger), rooms, ledger).await
}
