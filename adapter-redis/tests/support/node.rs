//! A node as the adapter sees it: it wants rooms, publishes, and writes down all that it hears.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use roomcast_adapter_redis::{Config, Format, Servers};
use roomcast_core::adapter::{Adapter, Event, Events, LinkState};
use roomcast_core::cluster::NodeInfo;
use roomcast_core::id::NodeTag;
use roomcast_core::publication::UnixMillis;
use roomcast_core::room::{Namespace, Room};
use tokio::task::JoinHandle;

use super::ledger::{Ledger, NodeIndex, Number};

/// The ledger, as all nodes and publishers write it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<Ledger>>);

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clock that gaps are told by.
pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    u64::try_from(since.as_millis()).expect("a clock of this era")
}

/// A room's name, which tests choose well.
pub(crate) fn room(name: &str) -> Room {
    Room::new(name).expect("a room's name")
}

/// What node `index` of a test is told; everything is as the gateway's defaults are.
pub(crate) fn config(index: NodeIndex, servers: Servers, format: Format) -> Config {
    let tag = NodeTag::from_entropy([u8::try_from(index).expect("few nodes"), 1, 1]);
    let node = NodeInfo {
        tag,
        name: format!("node-{index}"),
        internal: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        version: "test".to_owned(),
        draining: false,
        started_at: now(),
        heard_at: now(),
    };
    Config {
        node,
        shards: 1,
        servers,
        username: String::new(),
        password: String::new(),
        tls: None,
        format,
        prefix: "socket.io".to_owned(),
        ingest: None,
        connect_timeout: Duration::from_secs(2),
        publish_timeout: Duration::from_secs(2),
        linger: Duration::from_secs(5),
        publish_queue_bytes_max: 16 * 1024 * 1024,
        requests_max: 1000,
        fetch_sockets_max: 10_000,
        // `start` asks the other nodes of the run.
        probe: Arc::new(|_| Box::pin(std::future::ready(None))),
    }
}

/// One running node.
pub(crate) struct Node {
    pub(crate) index: NodeIndex,
    pub(crate) adapter: Arc<dyn Adapter>,
    hearing: JoinHandle<()>,
}

impl Node {
    /// Writes down what any adapter reports.
    pub(crate) fn hear(index: NodeIndex, adapter: Arc<dyn Adapter>, events: Events, ledger: &Shared) -> Self {
        let hearing = tokio::spawn(write_down(index, events, ledger.clone()));
        Self { index, adapter, hearing }
    }

    /// Wants rooms of the main namespace, and waits until each is live, for so long. `false`: it did not come
    /// to that.
    pub(crate) async fn want(&self, rooms: &[Room], patience: Duration) -> bool {
        let root = Namespace::root();
        let open = self.adapter.open(&root);
        let wishes: Vec<_> = rooms.iter().map(|room| self.adapter.want(&root, room)).collect();
        let live = async {
            let _ = open.wait().await;
            for wish in wishes {
                let _ = wish.wait().await;
            }
        };
        tokio::time::timeout(patience, live).await.is_ok()
    }

    /// Whether the adapter still reports: its end or a panic of its would be the process's.
    pub(crate) fn lives(&self) -> bool {
        !self.hearing.is_finished()
    }

    /// Whether every link is proven.
    pub(crate) fn is_up(&self) -> bool {
        let links = self.adapter.links();
        !links.is_empty() && links.iter().all(|link| link.state == LinkState::Up)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

async fn write_down(index: NodeIndex, mut events: Events, ledger: Shared) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Delivery(delivery) => {
                if let Some(number) = number(delivery.publication.payload.data()) {
                    ledger.lock().delivered(number, index, now());
                }
            }
            Event::Gap(gap) => ledger.lock().gap(index, gap),
            // Letting go of the responder says: that was all.
            Event::Request(..) | Event::State(_) => {}
        }
    }
}

/// The number in `["tick",number,…]`.
fn number(data: &str) -> Option<Number> {
    let rest = data.strip_prefix("[\"tick\",")?;
    let digits = rest.split([',', ']']).next()?;
    digits.parse().ok()
}
