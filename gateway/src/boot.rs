//! From settings to a running node: the adapter, the listeners, the shards, the control
//! runtime. The only place where an adapter is made.

mod joined;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use roomcast_core::adapter::{Adapter, Events, MemoryAdapter, PublishError, Reach, Receipt};
use roomcast_core::id::{NodeTag, ShardIndex};
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::Namespace;

use crate::client_events::ClientEvents;
use crate::listener::{self, ListenError};
use crate::mail::{MAIL_BYTES, Mail};
use crate::metrics::{Counter, Direction, Gauge, Metrics, PublicationOrigin, PublicationResult, ReadyCheck};
use crate::node::{NamespaceEntry, Node, Parts};
use crate::os::{self, ConnectionLimit};
use crate::settings::{AdapterKind, Settings};
use crate::shard;

/// How long shards may take to come alive.
const START_DEADLINE: Duration = Duration::from_secs(10);

/// A gateway that is about to start.
#[derive(Default)]
pub struct Gateway {
    settings: Settings,
    events: Option<Arc<dyn ClientEvents>>,
    echo_path: Option<String>,
    adapter: Option<(NodeTag, Arc<dyn Adapter>, Events)>,
}

/// Why a gateway does not start.
#[derive(Debug)]
pub enum StartError {
    /// A port.
    Listen(ListenError),
    /// The operating system refused a thread or a runtime.
    System(std::io::Error),
    /// A shard did not come alive.
    Shards,
    /// What Redis needs is not there.
    Redis(String),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(f),
            Self::System(error) => write!(f, "the operating system refused a thread or runtime: {error}"),
            Self::Redis(why) => f.write_str(why),
            Self::Shards => f.write_str("a shard did not come alive within 10 s: see the log"),
        }
    }
}

impl std::error::Error for StartError {}

impl Gateway {
    /// A gateway with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Has a backend in process hear the clients.
    #[must_use]
    pub fn events(mut self, events: Arc<dyn ClientEvents>) -> Self {
        self.events = Some(events);
        self
    }

    /// Echoes raw WebSocket messages at `path`, over the transport that serves clients.
    #[must_use]
    pub fn echo(mut self, path: &str) -> Self {
        self.echo_path = Some(path.to_owned());
        self
    }

    /// Has publications move by this adapter and not by the one of the settings. `tag` is the node's name
    /// in ids, as the adapter tells it to others.
    #[must_use]
    pub fn adapter(mut self, tag: NodeTag, adapter: Arc<dyn Adapter>, events: Events) -> Self {
        self.adapter = Some((tag, adapter, events));
        self
    }

    /// Binds the ports and starts all threads. Ready to serve when this returns.
    pub fn start(self) -> Result<Handle, StartError> {
        let settings = self.settings;
        let shards = match settings.node.shards {
            0 => std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(usize::from(roomcast_core::id::SHARDS_MAX)),
            count => count,
        };
        let public = listener::bind(settings.public.address, shards, "public.address").map_err(StartError::Listen)?;
        let internal = listener::bind(settings.internal.address, 1, "internal.address").map_err(StartError::Listen)?;
        let address = |listeners: &[std::net::TcpListener]| {
            listeners.first().map_or(settings.public.address, |l| l.local_addr().unwrap_or(settings.public.address))
        };
        let (public_address, internal_address) = (address(&public), address(&internal));
        let control = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("control")
            .enable_all()
            .build()
            .map_err(StartError::System)?;
        let later = joined::Later::default();
        let (tag, adapter, events) = match self.adapter {
            Some(given) => given,
            None => {
                let tag = NodeTag::from_entropy(entropy());
                let (adapter, events): (Arc<dyn Adapter>, Events) = match settings.adapter.kind {
                    AdapterKind::Memory => {
                        let (adapter, events) = MemoryAdapter::alone(tag);
                        (Arc::new(adapter), events)
                    }
                    AdapterKind::Redis => {
                        joined::start(&settings, tag, internal_address, shards, control.handle(), &later)?
                    }
                };
                (tag, adapter, events)
            }
        };
        let limit = os::connection_limit(&settings.limits);
        let metrics = Arc::new(Metrics::new());
        let namespaces = namespaces(&settings);
        for entry in &namespaces {
            // Not live yet is no reason to wait: readiness tells.
            drop(adapter.open(&entry.name));
        }
        let node = Node::new(Parts {
            tag,
            internal_address,
            namespaces,
            adapter,
            metrics,
            events: self.events,
            echo_path: self.echo_path,
            shards,
            limit,
            control: control.handle().clone(),
            settings,
        });
        let _ = later.set(Arc::downgrade(&node));
        control.spawn(crate::cluster::run(Arc::clone(&node), events));
        let threads = start_shards(&node, public)?;
        for listener in internal {
            control.spawn(crate::internal::serve(Arc::clone(&node), listener));
        }
        node.metrics.gauge_set(Gauge::Ready(ReadyCheck::Listeners), 1);
        node.note_settings_read();
        Ok(Handle { node, control, threads, public: public_address, internal: internal_address })
    }
}

/// The namespaces that the settings declare.
pub(crate) fn namespaces(settings: &Settings) -> Vec<NamespaceEntry> {
    let entries = settings.namespaces.iter();
    // Settings hold only names that are namespaces; one that were not would simply not exist.
    entries
        .filter_map(|entry| {
            let name = Namespace::new(&entry.name).ok()?;
            let mut declared = NamespaceEntry::new(name, entry.client_subscribe, entry.client_publish);
            declared.on_gap = entry.on_gap;
            Some(declared)
        })
        .collect()
}

fn start_shards(node: &Arc<Node>, listeners: Vec<std::net::TcpListener>) -> Result<Vec<JoinHandle<()>>, StartError> {
    let mut threads = Vec::new();
    for (index, listener) in listeners.into_iter().enumerate() {
        let Some(index) = ShardIndex::new(index) else {
            continue;
        };
        threads.push(shard::start(index, Arc::clone(node), listener).map_err(StartError::System)?);
    }
    let started = Instant::now();
    while !node.shards_alive() {
        if started.elapsed() > START_DEADLINE {
            return Err(StartError::Shards);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(threads)
}

fn entropy() -> [u8; 3] {
    let mut entropy = [0; 3];
    // The kernel's generator does not fail once it is seeded, which it is before we run.
    let _ = getrandom::fill(&mut entropy);
    entropy
}

/// A running gateway.
#[derive(Debug)]
pub struct Handle {
    node: Arc<Node>,
    control: tokio::runtime::Runtime,
    threads: Vec<JoinHandle<()>>,
    public: SocketAddr,
    internal: SocketAddr,
}

impl Handle {
    /// Where clients connect.
    pub fn public_address(&self) -> SocketAddr {
        self.public
    }

    /// Where backends publish.
    pub fn internal_address(&self) -> SocketAddr {
        self.internal
    }

    /// The connection limit in force, and what sets it. A reload may change it.
    pub fn connection_limit(&self) -> ConnectionLimit {
        self.node.connection_limit()
    }

    /// What all threads share.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Publishes from the embedding program, through the one door.
    pub async fn publish(
        &self,
        namespace: Namespace,
        audience: Audience,
        payload: Payload,
    ) -> Result<Receipt, PublishError> {
        let node = &self.node;
        let admission = node.admit(&namespace, &audience, payload.bytes());
        let result = match admission {
            Ok(admission) => {
                let id = node.publication_id();
                let mut publication = Publication::new(id, namespace, audience, payload, node.clock.unix());
                publication.admission = Some(admission);
                node.adapter.publish(publication).await
            }
            Err(error) => Err(error),
        };
        let outcome = if result.is_ok() { PublicationResult::Accepted } else { PublicationResult::Refused };
        node.metrics.inc(Counter::Publications(PublicationOrigin::Backend, outcome));
        if result.is_ok_and(|receipt| receipt.reach == Reach::AllNodes) {
            node.metrics.inc(Counter::AdapterMessages(Direction::Out));
        }
        result
    }

    /// Waits for a future on the control runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.control.block_on(future)
    }

    /// Stops: not ready, a pause for balancers, no new connections, all transports closed
    /// so that clients come back elsewhere. Returns within the deadline.
    pub fn stop(self) {
        let settings = self.node.settings();
        let drain = &settings.drain;
        let deadline = Instant::now() + Duration::from_millis(drain.deadline_ms);
        self.node.start_draining();
        std::thread::sleep(Duration::from_millis(drain.delay_ms).min(Duration::from_millis(drain.deadline_ms)));
        let left = deadline.saturating_duration_since(Instant::now());
        let closing = (left / 2).as_millis() as u64;
        self.node.peers.start_draining(left / 2);
        for mailbox in self.node.mailboxes() {
            mailbox.post_admitted(Mail::Drain(closing), MAIL_BYTES);
        }
        while self.node.open_transports() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        for mailbox in self.node.mailboxes() {
            mailbox.post_admitted(Mail::Stop, MAIL_BYTES);
        }
        for thread in self.threads {
            // A shard that panicked has said so in the log.
            let _ = thread.join();
        }
        self.control.block_on(self.node.adapter.leave());
        self.control.shutdown_timeout(Duration::from_millis(100));
    }
}
