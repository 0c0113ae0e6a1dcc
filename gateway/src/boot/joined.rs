//! A node that is joined with others over Redis: the adapter, of the settings.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use roomcast_adapter_redis::{Config, Format, Ingest, Mode, Probe, RedisAdapter, Servers, Tls};
use roomcast_core::adapter::{Adapter, Events};
use roomcast_core::cluster::NodeInfo;
use roomcast_core::id::NodeTag;
use std::time::Duration;
use tokio::runtime::Handle;

use super::StartError;
use crate::clock::Clock;
use crate::node::Node;
use crate::peers::{SOUND, call};
use crate::settings::{Redis, RedisFormat, RedisTopology, Settings, SubscriptionMode};

/// The node, once it is there.
pub(super) type Later = Arc<OnceLock<Weak<Node>>>;

/// Starts the adapter. `node` is filled in when the node is made: until then other nodes are not asked.
pub(super) fn start(
    settings: &Settings,
    tag: NodeTag,
    internal: SocketAddr,
    shards: usize,
    control: &Handle,
    node: &Later,
) -> Result<(Arc<dyn Adapter>, Events), StartError> {
    let redis = &settings.redis;
    let now = Clock::start().unix();
    let info = NodeInfo {
        tag,
        name: settings.node.name.clone(),
        internal: settings.cluster.advertise.parse().unwrap_or(internal),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        draining: false,
        started_at: now,
        heard_at: now,
    };
    let format = format(redis.format, redis.subscription_mode);
    let ingest = (!redis.ingest_prefix.is_empty()).then(|| Ingest {
        prefix: redis.ingest_prefix.clone(),
        format: self::format(redis.ingest_format, redis.subscription_mode),
    });
    let config = Config {
        node: info,
        shards,
        servers: servers(redis),
        username: redis.username.clone(),
        password: redis.password.expose().clone(),
        tls: tls(redis)?,
        format,
        prefix: redis.prefix.clone(),
        ingest,
        connect_timeout: Duration::from_millis(redis.connect_timeout_ms),
        publish_timeout: Duration::from_millis(redis.publish_timeout_ms),
        linger: Duration::from_millis(redis.linger_ms),
        publish_queue_bytes_max: redis.publish_queue_bytes_max,
        requests_max: redis.requests_max,
        fetch_sockets_max: redis.fetch_sockets_max,
        probe: probe(node),
    };
    let (adapter, events) = RedisAdapter::start(config, control.clone());
    Ok((adapter, events))
}

fn servers(redis: &Redis) -> Servers {
    let addresses = redis.addresses.clone();
    match redis.topology {
        // The settings have at least one.
        RedisTopology::Standalone => Servers::Standalone(addresses.into_iter().next().unwrap_or_default()),
        RedisTopology::Cluster => Servers::Cluster(addresses),
        RedisTopology::Sentinel => Servers::Sentinel {
            addresses,
            master: redis.master_name.clone(),
            username: redis.sentinel_username.clone(),
            password: redis.sentinel_password.expose().clone(),
        },
    }
}

fn format(format: RedisFormat, mode: SubscriptionMode) -> Format {
    match format {
        RedisFormat::Classic => Format::Classic,
        RedisFormat::Sharded => Format::Sharded(match mode {
            SubscriptionMode::Dynamic => Mode::Dynamic,
            SubscriptionMode::DynamicPrivate => Mode::DynamicPrivate,
            SubscriptionMode::Static => Mode::Static,
        }),
    }
}

fn tls(redis: &Redis) -> Result<Option<Tls>, StartError> {
    if !redis.tls {
        return Ok(None);
    }
    if redis.tls_ca_file.is_empty() {
        return Ok(Some(Tls::default()));
    }
    let unreadable = |error| StartError::Redis(format!("redis.tls_ca_file = {:?}: {error}", redis.tls_ca_file));
    let authorities = std::fs::read(&redis.tls_ca_file).map_err(unreadable)?;
    Ok(Some(Tls { authorities: Some(authorities) }))
}

/// Asks another node over its internal port whether it says that its links are sound.
fn probe(node: &Later) -> Probe {
    let node = Arc::clone(node);
    Arc::new(move |peer| {
        let node = node.get().and_then(Weak::upgrade);
        Box::pin(async move {
            let answer = call(&node?, &peer, SOUND, Bytes::new()).await.ok()?;
            Some(&answer[..] == b"true")
        })
    })
}
