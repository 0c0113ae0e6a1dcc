//! What all threads of a node share: its tag, settings, adapter, mailboxes, counters.
//!
//! Everything here is fixed at start, an atomic that no hot path writes, or the settings, which a
//! reload replaces as a whole: requests, handshakes and new connections look them up, a shard keeps
//! what its hot path needs in rules of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use roomcast_core::adapter::{Adapter, PublishError};
use roomcast_core::cluster::NodeInfo;
use roomcast_core::id::{NodeTag, ShardIndex, SocketId};
use roomcast_core::publication::{Admission, Audience, UnixMillis};
use roomcast_core::room::{Namespace, Room};
use tokio::sync::Semaphore;

use crate::client_events::ClientEvents;
use crate::clock::Clock;
use crate::interest::Interest;
use crate::limits::INTERNAL_STREAMS_MAX;
use crate::links::Links;
use crate::mailbox::{self, Mailbox};
use crate::metrics::{Gauge, Metrics};
use crate::os::ConnectionLimit;
use crate::peers::Peers;
use crate::settings::{Mode, OnGap, Settings};

/// A shard that has not stamped for so long is stuck.
const STUCK_MS: u64 = 5_000;

/// A node.
pub struct Node {
    /// This process start's name in ids.
    pub tag: NodeTag,
    /// The one reader of clocks.
    pub clock: Clock,
    /// Declared namespaces; their index is their name on the shards.
    pub namespaces: Vec<NamespaceEntry>,
    /// Which shard has members of which room.
    pub interest: Interest,
    /// The one door.
    pub adapter: Arc<dyn Adapter>,
    /// What is known of the way to other nodes.
    pub links: Links,
    /// When it started, in milliseconds since 1970.
    pub started_at: UnixMillis,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The backend in process, if one is embedded.
    pub events: Option<Arc<dyn ClientEvents>>,
    /// Where raw messages are echoed, if anywhere.
    pub echo_path: Option<String>,
    settings: RwLock<Arc<Settings>>,
    mode: Mode,
    /// Where the internal listener is.
    pub internal_address: SocketAddr,
    /// HTTP connections of the public listener that may wait for a request.
    pub http_connections_max: usize,
    /// Places of streams of publications.
    pub(crate) streams: Arc<Semaphore>,
    /// The other nodes.
    pub(crate) peers: Peers,
    mailboxes: Vec<Arc<Mailbox>>,
    stamps: Vec<AtomicU64>,
    connections: AtomicUsize,
    connections_max: AtomicUsize,
    /// What that comes from.
    limit: Mutex<ConnectionLimit>,
    transports: AtomicUsize,
    draining: AtomicBool,
    publications: AtomicU64,
}

/// A declared namespace.
#[derive(Debug)]
pub struct NamespaceEntry {
    /// Its name.
    pub name: Namespace,
    /// Whether clients may subscribe to rooms of their choice.
    pub client_subscribe: bool,
    /// Whether clients may publish to rooms.
    pub client_publish: bool,
    /// What its clients are told of gaps.
    pub on_gap: OnGap,
    /// The latest acknowledgement id: one counter for all sockets, so that bytes can be shared.
    acks: AtomicU64,
}

impl NamespaceEntry {
    /// A namespace and its rules.
    pub fn new(name: Namespace, client_subscribe: bool, client_publish: bool) -> Self {
        Self { name, client_subscribe, client_publish, on_gap: OnGap::Event, acks: AtomicU64::new(0) }
    }

    /// The next acknowledgement id.
    pub fn next_ack(&self) -> u64 {
        self.acks.fetch_add(1, Ordering::Relaxed)
    }
}

/// What a node is made of.
pub struct Parts {
    /// This process start's name in ids.
    pub tag: NodeTag,
    /// Where the internal listener is: bound, so that its port is never 0.
    pub internal_address: SocketAddr,
    /// What it was told.
    pub settings: Settings,
    /// Declared namespaces.
    pub namespaces: Vec<NamespaceEntry>,
    /// The one door.
    pub adapter: Arc<dyn Adapter>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The backend in process.
    pub events: Option<Arc<dyn ClientEvents>>,
    /// Where raw messages are echoed.
    pub echo_path: Option<String>,
    /// How many shards.
    pub shards: usize,
    /// Connections at most.
    pub limit: ConnectionLimit,
    /// The runtime of what is not per connection.
    pub control: tokio::runtime::Handle,
}

/// Stands in for the control runtime in tests that have none; nothing runs on it.
#[cfg(test)]
static CONTROL: std::sync::LazyLock<tokio::runtime::Runtime> =
    std::sync::LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

#[cfg(test)]
impl Parts {
    /// One shard, one connection, the namespace `/`, the defaults: tests change what they are about.
    pub(crate) fn small() -> Self {
        let tag = NodeTag::from_entropy([1, 2, 3]);
        Self {
            tag,
            internal_address: ([127, 0, 0, 1], 9090).into(),
            settings: Settings::default(),
            namespaces: vec![NamespaceEntry::new(Namespace::root(), true, true)],
            adapter: Arc::new(roomcast_core::adapter::MemoryAdapter::alone(tag).0),
            metrics: Arc::new(Metrics::new()),
            events: None,
            echo_path: None,
            shards: 1,
            limit: ConnectionLimit::of(1),
            control: CONTROL.handle().clone(),
        }
    }
}

impl Node {
    /// A node that serves nobody yet.
    pub fn new(parts: Parts) -> Arc<Self> {
        let bytes_max = parts.settings.limits.mailbox_bytes_max;
        let about = &parts.settings.adapter;
        let links = Links::new(Arc::clone(&parts.adapter), about.kind, about.readiness);
        parts.metrics.gauge_set(Gauge::ConnectionsLimit, parts.limit.connections);
        let clock = Clock::start();
        let cluster = &parts.settings.cluster;
        let peers = Peers::new(parts.tag, clock, cluster, &parts.adapter, &parts.metrics, parts.control);
        Arc::new(Self {
            tag: parts.tag,
            clock,
            links,
            started_at: clock.unix(),
            peers,
            interest: Interest::new(parts.tag, parts.shards, Arc::clone(&parts.adapter)),
            adapter: parts.adapter,
            namespaces: parts.namespaces,
            metrics: parts.metrics,
            events: parts.events,
            internal_address: parts.internal_address,
            echo_path: parts.echo_path,
            streams: Arc::new(Semaphore::new(INTERNAL_STREAMS_MAX)),
            mailboxes: (0..parts.shards).map(|_| Mailbox::new(bytes_max)).collect(),
            stamps: (0..parts.shards).map(|_| AtomicU64::new(0)).collect(),
            connections: AtomicUsize::new(0),
            connections_max: AtomicUsize::new(parts.limit.connections as usize),
            limit: Mutex::new(parts.limit),
            http_connections_max: parts.limit.http_connections as usize,
            transports: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            publications: AtomicU64::new(0),
            mode: parts.settings.mode(),
            settings: RwLock::new(Arc::new(parts.settings)),
        })
    }

    /// What it was told, as of now.
    pub fn settings(&self) -> Arc<Settings> {
        // Whoever holds the lock only copies a pointer: there is nothing half done to see.
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other settings in the place of these; whoever holds these goes on with them.
    pub(crate) fn replace_settings(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// The settings in force are those that were read last, at this time.
    pub(crate) fn note_settings_read(&self) {
        self.metrics.gauge_set(Gauge::ConfigReloadSuccessful, 1);
        self.metrics.gauge_set(Gauge::ConfigReloadSuccessTime, self.clock.unix() / 1000);
    }

    /// Whether this is the open development mode. Settled at the start: no reload opens a node.
    pub fn is_open(&self) -> bool {
        self.mode == Mode::Open
    }

    /// All mailboxes, by shard.
    pub fn mailboxes(&self) -> &[Arc<Mailbox>] {
        &self.mailboxes
    }

    /// One shard's mailbox.
    pub fn mailbox(&self, shard: ShardIndex) -> &Arc<Mailbox> {
        // Shards are made from the same count as mailboxes, and indices come from them.
        &self.mailboxes[shard.get().min(self.mailboxes.len() - 1)]
    }

    /// The shard of that index, if the node has it.
    pub fn has_shard(&self, shard: ShardIndex) -> bool {
        shard.get() < self.mailboxes.len()
    }

    /// A declared namespace's index.
    pub fn namespace_index(&self, name: &str) -> Option<u32> {
        self.namespaces.iter().position(|entry| entry.name.as_str() == name).map(|index| index as u32)
    }

    /// Whether clients may subscribe in a namespace.
    pub fn may_subscribe(&self, namespace: u32) -> bool {
        self.is_open() || self.namespaces.get(namespace as usize).is_some_and(|entry| entry.client_subscribe)
    }

    /// Whether clients may publish in a namespace.
    pub fn may_publish(&self, namespace: u32) -> bool {
        self.is_open() || self.namespaces.get(namespace as usize).is_some_and(|entry| entry.client_publish)
    }

    /// Reserves room for a publication in all shards concerned, or in none.
    pub fn admit(&self, namespace: &Namespace, audience: &Audience, bytes: usize) -> Result<Admission, PublishError> {
        let mask = self.interest.mask(namespace, audience);
        let bytes = bytes + crate::mail::MAIL_BYTES;
        mailbox::reserve(&self.mailboxes, mask, bytes).map_err(|_| PublishError::Overloaded)
    }

    /// An id for a publication whose publisher gave none: unique to this process start.
    pub fn publication_id(&self) -> Arc<str> {
        let number = self.publications.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.tag).into()
    }

    /// Counts a new connection in, unless the node is full.
    pub fn admit_connection(self: &Arc<Self>) -> Option<Permit> {
        let most = self.connections_max.load(Ordering::Relaxed);
        let below = |count: usize| (count < most).then_some(count + 1);
        let counted = self.connections.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below);
        counted.ok().map(|_| Permit(Arc::clone(self)))
    }

    /// Sets how many connections are admitted. Those that are there stay, be they more.
    pub(crate) fn set_connection_limit(&self, limit: ConnectionLimit) {
        // Whoever holds the lock only copies: there is nothing half done to see.
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = limit;
        self.connections_max.store(limit.connections as usize, Ordering::Relaxed);
        self.metrics.gauge_set(Gauge::ConnectionsLimit, limit.connections);
    }

    /// How many connections are admitted, and why not more.
    pub fn connection_limit(&self) -> ConnectionLimit {
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connections counted now.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Sockets and sessions that still exist, closing ones included.
    pub fn open_transports(&self) -> usize {
        self.transports.load(Ordering::Relaxed)
    }

    pub(crate) fn transport_opened(&self) {
        self.transports.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn transport_gone(&self) {
        self.transports.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the node is going away.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// The node is going away. There is no way back.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.metrics.gauge_set(Gauge::Draining, 1);
        self.adapter.announce_draining();
    }

    /// A shard's loop is alive.
    pub(crate) fn stamp(&self, shard: ShardIndex) {
        if let Some(stamp) = self.stamps.get(shard.get()) {
            stamp.store(self.clock.now().max(1), Ordering::Relaxed);
        }
    }

    /// Whether every shard has started, and none is stuck.
    pub fn shards_alive(&self) -> bool {
        let now = self.clock.now();
        self.stamps.iter().all(|stamp| {
            let at = stamp.load(Ordering::Relaxed);
            at > 0 && now < at + STUCK_MS
        })
    }

    /// Whether a room has the name of a socket of this node or another one, be it connected or not: it is
    /// that socket's own, on whichever shard, and nobody else joins it.
    pub fn is_private(&self, room: &Room) -> bool {
        SocketId::home_of(room.as_str())
            .is_some_and(|(tag, shard)| if tag == self.tag { self.has_shard(shard) } else { self.links.has_peer(tag) })
    }

    /// This node, as others know it.
    pub fn info(&self) -> NodeInfo {
        let settings = self.settings();
        NodeInfo {
            tag: self.tag,
            name: settings.node.name.clone(),
            internal: settings.cluster.advertise.parse().unwrap_or(self.internal_address),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            draining: self.is_draining(),
            started_at: self.started_at,
            heard_at: self.clock.unix(),
        }
    }

    /// Reads a socket id; the shard where it lives if that is here.
    pub fn home_of(&self, id: &SocketId) -> Option<ShardIndex> {
        id.home().filter(|(tag, shard)| *tag == self.tag && self.has_shard(*shard)).map(|(_, shard)| shard)
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("tag", &self.tag).finish_non_exhaustive()
    }
}

/// One of the connections a node may have, given back on drop.
#[derive(Debug)]
pub struct Permit(Arc<Node>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
