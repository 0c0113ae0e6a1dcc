//! A link to one Redis master: two connections, one that publishes and one that hears, with what
//! is wanted and what is known of both.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `life` | connecting, living until a fault, connecting again |
//! | `publisher` | publications on their way to Redis, and what comes of them |
//! | `recent` | what was published since the last proof |
//! | `subscriber` | asking Redis for what is wanted |
//! | `announcer` | telling the others of this node, and of gaps |
//! | `prober` | canaries, the server's role, the count of subscriptions, the peers' canaries |
//!
//! Deliberately absent: which channel belongs to which link (`links`), and what messages mean (`inbox`).

mod announcer;
mod life;
mod prober;
mod publisher;
mod recent;
mod subscriber;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use roomcast_core::adapter::{Event, LinkState, LinkStatus};
use roomcast_core::id::NodeTag;
use roomcast_core::publication::{Audience, UnixMillis};
use roomcast_core::room::Namespace;
use tokio::sync::{Notify, oneshot, watch};

use crate::connection::Connection;
use crate::links;
use crate::peers::PEERS_MAX;
use crate::proof::{Fault, Proof, Restored};
use crate::shared::{Shared, lock};
use crate::wire::gateways::{self, Own};
use crate::wishes::{Kind, Owner, Wishes};

use recent::Recent;

pub(crate) use life::run;
pub(crate) use publisher::{Queue, Waiting};

/// How the server of a link is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The master, by the settings: one for everything.
    Master,
    /// The master of a Cluster that is at this address.
    Node(String),
    /// Nowhere yet: the Cluster has not said who its masters are.
    Unknown,
}

/// See the module.
pub(crate) struct Link {
    pub(crate) target: Target,
    /// The channel of its canaries.
    pub(crate) canary: String,
    pub(crate) queue: Queue,
    wishes: Mutex<Wishes>,
    changed: Notify,
    proof: Mutex<Proof>,
    recent: Mutex<Recent>,
    up: AtomicBool,
    retired: AtomicBool,
    /// Whether Redis has confirmed all that was wanted when this life began.
    subscribed: watch::Sender<bool>,
    /// Told when a canary would prove more than the last one.
    prove: Notify,
    /// Told when the link has become sound: then the others are told of this node.
    sound: Notify,
    canaries: AtomicU64,
    /// When each other node's canary was last heard here, or it said that its own link is not sound.
    heard: Mutex<HashMap<NodeTag, Heard>>,
    trouble: Mutex<Trouble>,
    /// The one that publishes, while there is one.
    connection: Mutex<Option<Arc<Connection>>>,
    /// Told when the link is not needed any more.
    closed: Notify,
}

/// What a canary says of the connections on which it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    /// Which names them.
    pub(crate) began: UnixMillis,
    pub(crate) sound: bool,
}

/// The life of a node that said that it had none.
const NO_LIFE: UnixMillis = 0;

/// When another node was heard here, and on which of its connections; `None`: on whichever comes.
#[derive(Clone, Copy, Debug)]
struct Heard {
    at: UnixMillis,
    life: Option<UnixMillis>,
}

/// What operators read of it.
#[derive(Debug, Default)]
struct Trouble {
    address: String,
    text: String,
    replica: bool,
}

impl Link {
    pub(crate) fn new(target: Target, canary: String, queue: Queue) -> Self {
        let address = if let Target::Node(address) = &target { address.clone() } else { String::new() };
        let trouble = Trouble { address, text: "not connected yet".to_owned(), replica: false };
        Self {
            target,
            canary,
            queue,
            wishes: Mutex::default(),
            changed: Notify::new(),
            proof: Mutex::default(),
            recent: Mutex::default(),
            up: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            subscribed: watch::Sender::new(false),
            prove: Notify::new(),
            sound: Notify::new(),
            canaries: AtomicU64::new(0),
            heard: Mutex::default(),
            trouble: Mutex::new(trouble),
            connection: Mutex::default(),
            closed: Notify::new(),
        }
    }

    /// Proven to carry messages both ways.
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    /// For commands beside publications, while there is one.
    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        lock(&self.connection).clone()
    }

    /// A channel is wanted; see [`Wishes::want`].
    pub(crate) fn want(
        &self,
        channel: &str,
        kind: Kind,
        owner: Owner,
        now: UnixMillis,
    ) -> Option<oneshot::Receiver<()>> {
        if owner != Owner::Node {
            lock(&self.proof).wanted(now);
        }
        let told = lock(&self.wishes).want(channel, kind, owner);
        if told.is_some() {
            self.changed.notify_one();
        }
        told
    }

    pub(crate) fn unwant(&self, channel: &str, owner: &Owner, now: UnixMillis) {
        lock(&self.wishes).unwant(channel, owner, now);
        self.changed.notify_one();
    }

    /// Changes what is wanted as a whole.
    pub(crate) fn with_wishes<T>(&self, change: impl FnOnce(&mut Wishes) -> T) -> T {
        let changed = change(&mut lock(&self.wishes));
        self.changed.notify_one();
        changed
    }

    /// The last good proof.
    pub(crate) fn proven(&self) -> Option<UnixMillis> {
        lock(&self.proof).proven()
    }

    /// Another node's canary came. If it is sound and how it came to be was not heard, it was sound elsewhere.
    pub(crate) fn heard_peer(&self, shared: &Shared, tag: NodeTag, life: Life) {
        let now = shared.clock.now();
        let before = {
            let mut heard = lock(&self.heard);
            let is_full = heard.len() >= PEERS_MAX && !heard.contains_key(&tag);
            if is_full { None } else { heard.insert(tag, Heard { at: now, life: Some(life.began) }) }
        };
        // Of whom nothing is known, nothing is concluded.
        let Some(Heard { at, life: Some(known) }) = before else { return };
        let since = shared.peers.since(tag).filter(|_| self.may_be_split() && life.sound && known != life.began);
        if let Some(since) = since {
            lock(&self.proof).stranger(since, Some(at));
        }
    }

    /// Another node was asked whether its own link is sound. If it says no, what it publishes it publishes
    /// later, on connections that are heard from their beginning; if it does not say, nothing is known.
    fn excuse_peer(&self, tag: NodeTag, answer: Option<bool>, now: UnixMillis) {
        let mut heard = lock(&self.heard);
        if heard.len() >= PEERS_MAX && !heard.contains_key(&tag) {
            return;
        }
        let known = heard.entry(tag).or_insert(Heard { at: now, life: Some(NO_LIFE) });
        known.at = known.at.max(now);
        if answer.is_none() {
            known.life = None;
        }
    }

    /// Our own canary came back.
    pub(crate) fn heard_canary(&self, shared: &Shared, number: u64) {
        self.learn(shared, |proof| proof.heard(number));
    }

    /// Something that came was dropped.
    pub(crate) fn dropped(&self, now: UnixMillis) {
        lock(&self.proof).dropped(now);
    }

    /// Redis ended a subscription by itself: its slot has moved.
    pub(crate) fn ended(&self, channel: &str) {
        let doubt = self.doubt();
        self.with_wishes(|wishes| wishes.lost(channel, doubt));
    }

    /// See [`Proof::doubt`].
    pub(crate) fn doubt(&self) -> Option<UnixMillis> {
        lock(&self.proof).doubt()
    }

    /// Another node is gone.
    pub(crate) fn forget_peer(&self, tag: NodeTag) {
        lock(&self.heard).remove(&tag);
    }

    /// The link is replaced: what its connection still hears, another one hears as well.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        self.closed.notify_one();
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Something is about to be published here.
    pub(crate) fn note_published(&self, namespace: &Namespace, audience: &Audience, now: UnixMillis) {
        lock(&self.recent).note(namespace, audience, now);
    }

    /// Learns something of the link's soundness, and does what follows.
    fn learn(&self, shared: &Shared, what: impl FnOnce(&mut Proof) -> Option<Restored>) {
        let together = self.together(shared);
        let (restored, came_up) = {
            // Under one lock, so that a fault at the same time is either before all of this or after.
            let mut proof = lock(&self.proof);
            let before = proof.proven();
            let restored = what(&mut proof);
            if self.is_up()
                && let Some(at) = proof.proven().filter(|at| Some(*at) > before)
            {
                let arrived = [Some(at), together, proof.apart()].into_iter().flatten().min();
                lock(&self.recent).proven(arrived.unwrap_or(at));
            }
            let Some(restored) = restored else { return };
            (restored, !self.up.swap(true, Ordering::AcqRel))
        };
        if came_up {
            let mut trouble = lock(&self.trouble);
            trouble.text.clear();
            trouble.replica = false;
            tracing::info!(redis = trouble.address, "link to Redis is sound");
            drop(trouble);
            self.sound.notify_one();
            shared.report(Event::State(LinkState::Up));
        }
        if let Some(span) = restored.missed {
            for gap in links::gaps(self, span) {
                if gap.namespace.is_none() {
                    *lock(&shared.declared) = Some(span);
                }
                shared.declare(gap);
            }
        }
        if let Some(span) = restored.misled {
            let gaps = lock(&self.recent).gaps(span);
            for gap in gaps {
                shared.untold.add(gap);
            }
        }
    }

    /// When each of the other nodes was last heard here, or since when it is known.
    fn last_heard(&self, shared: &Shared) -> HashMap<NodeTag, UnixMillis> {
        let heard = lock(&self.heard);
        let last = |(tag, since)| (tag, heard.get(&tag).map_or(since, |heard| heard.at));
        shared.peers.all_since().into_iter().map(last).collect()
    }

    /// The least recent of these: see [`Proof::failed`].
    fn together(&self, shared: &Shared) -> Option<UnixMillis> {
        self.last_heard(shared).into_values().min().filter(|_| self.may_be_split())
    }

    /// Whether two servers may both be taken for the one at the end of this link. In a Cluster a server answers
    /// for its own slots only, and other nodes' links to it come and go one by one.
    fn may_be_split(&self) -> bool {
        self.target == Target::Master
    }

    /// A life of the link has ended. `true`: it had been sound.
    fn failed(&self, shared: &Shared, fault: &Fault) -> bool {
        let together = self.together(shared);
        let was_up = {
            let mut proof = lock(&self.proof);
            proof.failed(fault, together);
            self.up.swap(false, Ordering::AcqRel)
        };
        lock(&self.wishes).begin_anew();
        if was_up {
            shared.report(Event::State(LinkState::Down));
        }
        if !self.is_retired() {
            self.set_trouble(fault.to_string(), *fault == Fault::Replica);
        }
        was_up
    }

    /// Why the link is down.
    fn set_trouble(&self, text: String, replica: bool) {
        let mut trouble = lock(&self.trouble);
        if trouble.text != text {
            tracing::warn!(redis = trouble.address, why = text, "link to Redis is down");
        }
        trouble.text = text;
        trouble.replica = replica;
    }

    /// What operators see of it.
    pub(crate) fn status(&self) -> LinkStatus {
        let trouble = lock(&self.trouble);
        LinkStatus {
            name: trouble.address.clone(),
            state: if self.is_up() { LinkState::Up } else { LinkState::Down },
            proven_at: self.proven(),
            replica: trouble.replica,
            trouble: trouble.text.clone(),
        }
    }
}

impl Shared {
    /// Says something to all other nodes.
    pub(crate) fn announce(&self, own: &Own) {
        if self.left.load(Ordering::Relaxed) {
            return;
        }
        let channel = gateways::all(&self.config.prefix);
        self.links.of(&channel).post_own(self, &channel, gateways::encode(own));
    }
}
