//! What this node knows of the way to the others: the links of its adapter, whether they were ever
//! up, and which other nodes there are.
//!
//! Asked by health checks, scrapes and orders, never by a delivery. An adapter without links, such
//! as the one in memory, has nothing that could be down.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use roomcast_core::adapter::{Adapter, LinkState, LinkStatus};
use roomcast_core::id::NodeTag;

use crate::settings::{AdapterKind, Readiness};

/// How long the tags of other nodes are taken as they were found.
const PEERS_KEPT: Duration = Duration::from_secs(1);

/// See the module.
pub struct Links {
    adapter: Arc<dyn Adapter>,
    kind: AdapterKind,
    readiness: Readiness,
    /// Changes of links so far, from 1.
    changes: AtomicU64,
    was_up: AtomicBool,
    peers: Mutex<Option<(Instant, Arc<[NodeTag]>)>>,
}

/// The links at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// The adapter's kind.
    pub kind: AdapterKind,
    /// All links; an adapter that has not found its backend yet may have none.
    pub links: Vec<LinkStatus>,
    /// Whether all of them carry messages.
    pub up: bool,
    /// Whether the node is ready, as far as they are concerned.
    pub ready: bool,
}

impl Links {
    /// Of this adapter.
    pub fn new(adapter: Arc<dyn Adapter>, kind: AdapterKind, readiness: Readiness) -> Self {
        let (changes, was_up) = (AtomicU64::new(1), AtomicBool::new(false));
        Self { adapter, kind, readiness, changes, was_up, peers: Mutex::default() }
    }

    /// How they are now; `None`: this adapter has no links.
    pub fn view(&self) -> Option<View> {
        let links = self.adapter.links();
        if links.is_empty() && self.kind == AdapterKind::Memory {
            return None;
        }
        let up = !links.is_empty() && links.iter().all(|link| link.state == LinkState::Up);
        if up {
            self.was_up.store(true, Ordering::Relaxed);
        }
        let ready = match self.readiness {
            Readiness::Startup => self.was_up.load(Ordering::Relaxed),
            Readiness::Always => up,
        };
        Some(View { kind: self.kind, links, up, ready })
    }

    /// Changes of links so far, from 1: what was live before the last one may not be any more.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// A link has changed.
    pub(crate) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        // Remembers that they were up, though nobody may ask while they are.
        drop(self.view());
    }

    /// Whether another node has this tag. What is not older than a second is not looked up again.
    pub fn has_peer(&self, tag: NodeTag) -> bool {
        let mut kept = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let tags = match &*kept {
            Some((at, tags)) if at.elapsed() < PEERS_KEPT => Arc::clone(tags),
            _ => {
                let tags: Arc<[NodeTag]> = self.adapter.peers().iter().map(|peer| peer.tag).collect();
                *kept = Some((Instant::now(), Arc::clone(&tags)));
                tags
            }
        };
        tags.contains(&tag)
    }
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("kind", &self.kind).finish_non_exhaustive()
    }
}
