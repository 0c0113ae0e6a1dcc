//! Which node has a tag: those that the adapter knows, and for others one question at a time for each
//! tag, whose answer counts for a moment. Tags come from clients, so both are bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use roomcast_core::adapter::Adapter;
use roomcast_core::cluster::NodeInfo;
use roomcast_core::id::NodeTag;
use roomcast_core::session::Millis;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::limits::{PEERS_ASKED_MAX, PEERS_KNOWN_MAX};

/// How long a known node is not looked up again: its address may change, its tag never.
const KNOWN_MS: Millis = 1_000;
/// How long nobody asks again for a node that is not there.
const UNKNOWN_MS: Millis = 2_000;
/// How long the adapter may take to say.
const FIND_TIME: Duration = Duration::from_secs(2);

type Found = Option<Arc<NodeInfo>>;

enum Entry {
    /// Somebody has asked; the answer comes here.
    Asked(watch::Receiver<Option<Found>>),
    /// So it was until then.
    Settled(Found, Millis),
}

/// Nodes by their tags.
pub(super) struct Directory {
    adapter: Arc<dyn Adapter>,
    clock: Clock,
    runtime: Handle,
    entries: Mutex<HashMap<NodeTag, Entry>>,
}

impl Directory {
    pub(super) fn new(adapter: Arc<dyn Adapter>, clock: Clock, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { adapter, clock, runtime, entries: Mutex::new(HashMap::new()) })
    }

    /// The node of that tag, if there is one.
    pub(super) async fn find(self: &Arc<Self>, tag: NodeTag) -> Found {
        let mut answer = match self.look_up(tag) {
            Ok(found) => return found,
            Err(answer) => answer,
        };
        let settled = answer.wait_for(Option::is_some).await;
        // The end without an answer: the runtime is going away.
        settled.ok().and_then(|found| found.clone()).flatten()
    }

    /// What is known, or where the answer will be.
    fn look_up(self: &Arc<Self>, tag: NodeTag) -> Result<Found, watch::Receiver<Option<Found>>> {
        let now = self.clock.now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        match entries.get(&tag) {
            Some(Entry::Asked(answer)) => return Err(answer.clone()),
            Some(Entry::Settled(found, until)) if now < *until => return Ok(found.clone()),
            _ => {}
        }
        make_room(&mut entries, now);
        if let Some(peer) = self.adapter.peers().into_iter().find(|peer| peer.tag == tag) {
            let found = Some(Arc::new(peer));
            entries.insert(tag, Entry::Settled(found.clone(), now + KNOWN_MS));
            return Ok(found);
        }
        let asked = entries.values().filter(|entry| matches!(entry, Entry::Asked(_))).count();
        if asked >= PEERS_ASKED_MAX {
            return Ok(None);
        }
        let (sender, answer) = watch::channel(None);
        entries.insert(tag, Entry::Asked(answer.clone()));
        // In a task of its own: whoever asked first may hang up, and others wait.
        self.runtime.spawn(Arc::clone(self).ask(tag, sender));
        Err(answer)
    }

    async fn ask(self: Arc<Self>, tag: NodeTag, sender: watch::Sender<Option<Found>>) {
        let found = tokio::time::timeout(FIND_TIME, self.adapter.find(tag)).await;
        let found = found.ok().flatten().filter(|peer| peer.tag == tag).map(Arc::new);
        let until = self.clock.now() + if found.is_some() { KNOWN_MS } else { UNKNOWN_MS };
        let settled = Entry::Settled(found.clone(), until);
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(tag, settled);
        sender.send_replace(Some(found));
    }
}

/// Forgets what is out of date, and if that is not enough, all that could be asked again.
fn make_room(entries: &mut HashMap<NodeTag, Entry>, now: Millis) {
    if entries.len() < PEERS_KNOWN_MAX {
        return;
    }
    entries.retain(|_, entry| {
        matches!(entry, Entry::Asked(_)) || matches!(entry, Entry::Settled(_, until) if now < *until)
    });
    if entries.len() >= PEERS_KNOWN_MAX {
        entries.retain(|_, entry| matches!(entry, Entry::Asked(_)));
    }
}
