//! Runs over the Redis adapter.

#![allow(dead_code, reason = "each test program uses its own part of it")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use roomcast_adapter_redis::{Config, Probe, RedisAdapter};
use roomcast_core::adapter::{Adapter, LinkState};
use roomcast_core::id::NodeTag;
use tokio::runtime::Handle;

use crate::support::node::{Node, Shared, room};
use crate::support::run::Run;

/// The adapters of a run, by their nodes.
type Adapters = Arc<Mutex<HashMap<NodeTag, Weak<RedisAdapter>>>>;

/// Answers as an internal port does: whether the node says that its links are sound.
fn probe(adapters: &Adapters) -> Probe {
    let adapters = Arc::clone(adapters);
    Arc::new(move |node| {
        let adapter = adapters.lock().expect("nobody panics").get(&node.tag).and_then(Weak::upgrade);
        let sound = adapter.map(|adapter| adapter.links().iter().all(|link| link.state == LinkState::Up));
        Box::pin(std::future::ready(sound))
    })
}

fn start(index: usize, mut config: Config, adapters: &Adapters, ledger: &Shared) -> Node {
    config.probe = probe(adapters);
    let tag = config.node.tag;
    let (adapter, events) = RedisAdapter::start(config, Handle::current());
    adapters.lock().expect("nobody panics").insert(tag, Arc::downgrade(&adapter));
    Node::hear(index, adapter, events, ledger)
}

fn nodes(configs: Vec<Config>, adapters: &Adapters, ledger: &Shared) -> Vec<Node> {
    configs.into_iter().enumerate().map(|(index, config)| start(index, config, adapters, ledger)).collect()
}

/// Starts the nodes, and waits until the stream flows through all of them to all of these rooms.
pub(crate) async fn run(name: &'static str, configs: Vec<Config>, rooms: &[&str]) -> Run {
    open_run(name, configs, rooms).await.0
}

/// The same, and a way to start more nodes in it.
pub(crate) async fn open_run(
    name: &'static str,
    configs: Vec<Config>,
    rooms: &[&str],
) -> (Run, impl Fn(usize, Config) -> Node) {
    let (adapters, ledger) = (Adapters::default(), Shared::default());
    let rooms = rooms.iter().map(|name| room(name)).collect();
    let nodes = nodes(configs, &adapters, &ledger);
    let run = Run::start(name, nodes, rooms, ledger.clone()).await;
    (run, move |index, config| start(index, config, &adapters, &ledger))
}

/// The same while Redis is away.
pub(crate) async fn run_without_redis(name: &'static str, configs: Vec<Config>, rooms: &[&str]) -> Run {
    let ledger = Shared::default();
    let rooms = rooms.iter().map(|name| room(name)).collect();
    Run::start_without_backend(name, nodes(configs, &Adapters::default(), &ledger), rooms, ledger).await
}
