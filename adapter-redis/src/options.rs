//! What the adapter is told. The gateway's settings are checked before they get here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use roomcast_core::adapter::BoxFuture;
use roomcast_core::cluster::NodeInfo;

/// Asks a peer over its internal listener whether it says that its links are sound. `None`: there is no
/// answer that could be trusted.
pub type Probe = Arc<dyn Fn(NodeInfo) -> BoxFuture<'static, Option<bool>> + Send + Sync>;

/// Everything that the adapter is told.
#[derive(Clone)]
pub struct Config {
    /// This node, as others will know it.
    pub node: NodeInfo,
    /// Shards of this node: each of them answers a request.
    pub shards: usize,
    /// Where Redis is.
    pub servers: Servers,
    /// User and password of Redis' access control list; empty for none.
    pub username: String,
    /// See [`Self::username`].
    pub password: String,
    /// Encryption; `None`: none.
    pub tls: Option<Tls>,
    /// Whose wire format is spoken.
    pub format: Format,
    /// Beginning of the channels' names.
    pub prefix: String,
    /// A second prefix from which publications are only taken in.
    pub ingest: Option<Ingest>,
    /// Time that connecting may take.
    pub connect_timeout: Duration,
    /// Time that a publication may wait for Redis' answer.
    pub publish_timeout: Duration,
    /// Time for which a room without members is still subscribed to.
    pub linger: Duration,
    /// Bytes of publications that may wait for Redis.
    pub publish_queue_bytes_max: usize,
    /// Requests whose answers are waited for.
    pub requests_max: usize,
    /// Connections that one answer to a Node server may list.
    pub fetch_sockets_max: usize,
    /// Asks a peer whether it says that its links are sound.
    pub probe: Probe,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("servers", &self.servers).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Where Redis is. Addresses are `host:port`; names are looked up anew at every attempt to connect.
#[derive(Clone, PartialEq, Eq)]
pub enum Servers {
    /// One server, or one name that always leads to the master.
    Standalone(String),
    /// Sentinels, and the name of the master that they watch.
    Sentinel {
        /// Where the sentinels are.
        addresses: Vec<String>,
        /// The name of the master.
        master: String,
        /// User of the sentinels; empty for none.
        username: String,
        /// Their password; empty for none.
        password: String,
    },
    /// Some nodes of a Redis Cluster.
    Cluster(Vec<String>),
}

/// Without credentials.
impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standalone(address) => f.debug_tuple("Standalone").field(address).finish(),
            Self::Sentinel { addresses, master, .. } => {
                f.debug_struct("Sentinel").field("addresses", addresses).field("master", master).finish_non_exhaustive()
            }
            Self::Cluster(addresses) => f.debug_tuple("Cluster").field(addresses).finish(),
        }
    }
}

/// How links are encrypted. Certificates are always verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of authorities to trust instead of the public ones, in PEM.
    pub authorities: Option<Vec<u8>>,
}

/// Whose wire format is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `createAdapter`: PUBLISH, msgpack.
    Classic,
    /// `createShardedAdapter`: SPUBLISH, JSON, Redis 7.
    Sharded(Mode),
}

/// Which rooms have a channel of their own in the sharded format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// All whose names do not have the 20 characters of a socket's id.
    Dynamic,
    /// All.
    DynamicPrivate,
    /// None.
    Static,
}

/// A second prefix, from which publications are taken in and to which nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingest {
    /// Beginning of its channels' names.
    pub prefix: String,
    /// What is spoken there.
    pub format: Format,
}
