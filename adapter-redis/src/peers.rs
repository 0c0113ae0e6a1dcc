//! The other nodes, as far as this one knows: what they announce, and when they were last heard.
//!
//! Nothing expires by time alone: while Redis is away nobody is heard, and everybody stays.

use std::collections::HashMap;
use std::sync::Mutex;

use roomcast_core::cluster::NodeInfo;
use roomcast_core::id::NodeTag;
use roomcast_core::publication::UnixMillis;
use tokio::sync::oneshot;

use crate::shared::lock;

/// Nodes that are remembered.
pub(crate) const PEERS_MAX: usize = 1024;
/// A node that was not heard for so long, while the link was sound, is gone.
pub(crate) const FORGET_MS: u64 = 15_000;

/// A node, and since when it is known.
#[derive(Debug)]
struct Known {
    info: NodeInfo,
    since: UnixMillis,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    known: Mutex<HashMap<NodeTag, Known>>,
    /// Who waits for the answer to the question where a node is.
    asked: Mutex<HashMap<NodeTag, Vec<oneshot::Sender<Option<NodeInfo>>>>>,
}

impl Peers {
    /// A node has announced itself. `true`: it was not known.
    pub(crate) fn joined(&self, mut info: NodeInfo, now: UnixMillis) -> bool {
        info.heard_at = now;
        let mut known = lock(&self.known);
        if known.len() >= PEERS_MAX && !known.contains_key(&info.tag) {
            return false;
        }
        let since = known.get(&info.tag).map_or(now, |known| known.since);
        known.insert(info.tag, Known { info, since }).is_none()
    }

    pub(crate) fn left(&self, tag: NodeTag) {
        lock(&self.known).remove(&tag);
    }

    pub(crate) fn heard(&self, tag: NodeTag, now: UnixMillis) {
        if let Some(known) = lock(&self.known).get_mut(&tag) {
            known.info.heard_at = now;
        }
    }

    pub(crate) fn all(&self) -> Vec<NodeInfo> {
        let mut all: Vec<NodeInfo> = lock(&self.known).values().map(|known| known.info.clone()).collect();
        all.sort_by_key(|info| info.tag);
        all
    }

    /// Since when a node is known.
    pub(crate) fn since(&self, tag: NodeTag) -> Option<UnixMillis> {
        lock(&self.known).get(&tag).map(|known| known.since)
    }

    /// Since when each is.
    pub(crate) fn all_since(&self) -> Vec<(NodeTag, UnixMillis)> {
        lock(&self.known).iter().map(|(tag, known)| (*tag, known.since)).collect()
    }

    pub(crate) fn get(&self, tag: NodeTag) -> Option<NodeInfo> {
        lock(&self.known).get(&tag).map(|known| known.info.clone())
    }

    /// Waits for the answer to the question where a node is. `true`: somebody has to ask it.
    pub(crate) fn ask(&self, tag: NodeTag) -> (bool, oneshot::Receiver<Option<NodeInfo>>) {
        let (waiter, answer) = oneshot::channel();
        let mut asked = lock(&self.asked);
        let waiters = asked.entry(tag).or_default();
        waiters.retain(|waiter| !waiter.is_closed());
        waiters.push(waiter);
        (waiters.len() == 1, answer)
    }

    /// Answers it.
    pub(crate) fn answer(&self, tag: NodeTag, info: Option<&NodeInfo>) {
        for waiter in lock(&self.asked).remove(&tag).unwrap_or_default() {
            let _ = waiter.send(info.cloned());
        }
    }
}
