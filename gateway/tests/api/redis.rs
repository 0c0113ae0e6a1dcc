//! Gateways in this process that are joined over a Redis server of the test's own.

use roomcast::settings::{AdapterKind, Secret, Settings};

use super::gateway::{Running, gateway};
use super::nodes::SECRET;

#[allow(dead_code, reason = "tests of the adapter use the rest of it")]
#[path = "../../../adapter-redis/tests/support/ports.rs"]
mod ports;
#[allow(dead_code, reason = "tests of the adapter use the rest of it")]
#[path = "../../../adapter-redis/tests/support/server.rs"]
mod server;
#[allow(dead_code, reason = "tests of the adapter use the rest of it")]
#[path = "../../../adapter-redis/tests/support/wait.rs"]
mod wait;

pub(crate) use server::Server;
pub(crate) use wait::until;

/// Starts gateways on one server, and waits until their links are proven and each knows all.
pub(crate) fn start<const N: usize>(server: &Server, change: impl Fn(&mut Settings)) -> [Running; N] {
    let start = |_| {
        Running::of(gateway(|settings| {
            settings.adapter.kind = AdapterKind::Redis;
            settings.redis.addresses = vec![server.address()];
            settings.cluster.secret = Secret::new(SECRET.into());
            change(settings);
        }))
    };
    let nodes = std::array::from_fn(start);
    nodes.iter().for_each(until_up);
    for node in &nodes {
        until("it knows all nodes", || {
            let nodes = node.get("/v1/nodes").json();
            let known = nodes["items"].as_array().map(Vec::len);
            if known == Some(N) { Ok(()) } else { Err(nodes) }
        });
    }
    nodes
}

/// Waits until a gateway's link is proven.
pub(crate) fn until_up(node: &Running) {
    until("its link is up", || {
        let ready = node.get("/readyz").json();
        if ready["adapter"]["up"] == true { Ok(()) } else { Err(ready) }
    });
}
