//! The suite that every adapter must pass, on a real Redis, in every format.

use std::time::Duration;

use roomcast_adapter_redis::{Format, Mode, RedisAdapter, Servers};
use roomcast_core::adapter::LinkState;
use roomcast_core::adapter::suite::{Fixture, Node};
use tokio::runtime::Handle;

#[path = "support/support.rs"]
mod support;

use support::node::config;
use support::server::Server;
use support::wait::until_async;

/// A Redis of its own, and the format that is spoken.
struct Redis {
    server: Server,
    format: Format,
}

impl Redis {
    fn start(format: Format) -> Self {
        Self { server: Server::start(&[]), format }
    }
}

impl Fixture for Redis {
    async fn nodes(&self, count: usize) -> Vec<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        for index in 0..count {
            let config = config(index, Servers::Standalone(self.server.address()), self.format);
            let tag = config.node.tag;
            let (adapter, events) = RedisAdapter::start(config, Handle::current());
            nodes.push(Node { tag, adapter, events });
        }
        for node in &nodes {
            let up = || {
                let up = node.adapter.links().iter().all(|link| link.state == LinkState::Up);
                if up { Ok(()) } else { Err(node.adapter.links()) }
            };
            until_async("the link is sound", Duration::from_secs(10), up).await;
        }
        nodes
    }
}

mod classic {
    use super::*;

    roomcast_core::adapter_suite!(tests: Redis::start(Format::Classic));
}

mod sharded_dynamic {
    use super::*;

    roomcast_core::adapter_suite!(tests: Redis::start(Format::Sharded(Mode::Dynamic)));
}

mod sharded_dynamic_private {
    use super::*;

    roomcast_core::adapter_suite!(tests: Redis::start(Format::Sharded(Mode::DynamicPrivate)));
}

mod sharded_static {
    use super::*;

    roomcast_core::adapter_suite!(tests: Redis::start(Format::Sharded(Mode::Static)));
}
