//! Which channels are wanted on one link, which of them Redis has confirmed, and what is to be
//! asked of it next. Pure: the subscriber asks, and says what came of it.
//!
//! A channel that nobody wants any more lingers for a while, because members come back. All of
//! it is bounded by the namespaces and rooms that the node wants.
//!
//! Deliberately absent: order among channels, which Redis does not have either.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use roomcast_core::publication::UnixMillis;
use roomcast_core::room::{Namespace, Room};
use roomcast_core::spare::is_ample;
use tokio::sync::oneshot;

use crate::connection::Verb;

/// How a channel is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Exact,
    Pattern,
    Shard,
}

impl Kind {
    fn begin(self) -> Verb {
        match self {
            Self::Exact => Verb::Subscribe,
            Self::Pattern => Verb::PatternSubscribe,
            Self::Shard => Verb::ShardSubscribe,
        }
    }

    fn end(self) -> Verb {
        match self {
            Self::Exact => Verb::Unsubscribe,
            Self::Pattern => Verb::PatternUnsubscribe,
            Self::Shard => Verb::ShardUnsubscribe,
        }
    }
}

/// On whose behalf a channel is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The node itself.
    Node,
    /// Everybody in a namespace.
    Namespace(Namespace),
    /// Requests and answers about a namespace: no publication comes there.
    Requests(Namespace),
    /// The members of a room.
    Room(Namespace, Room),
}

/// What Redis knows of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actual {
    Absent,
    Beginning,
    Live,
    Ending,
}

#[derive(Debug)]
struct Wish {
    kind: Kind,
    /// Empty: it lingers. More than one only where the names of a namespace and a room of another run together.
    owners: Vec<Owner>,
    actual: Actual,
    queued: bool,
    waiters: Vec<oneshot::Sender<()>>,
    /// Since when nobody wants it.
    parted_at: UnixMillis,
    /// Publications from then on may be missing, though the link as a whole is sound.
    hole_from: Option<UnixMillis>,
}

/// A channel that is live again after a hole of its own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mended {
    pub(crate) owners: Vec<Owner>,
    pub(crate) from: UnixMillis,
}

/// A wish on its way to another link.
#[derive(Debug)]
pub(crate) struct Moving {
    channel: Arc<str>,
    wish: Wish,
}

impl Moving {
    pub(crate) fn channel(&self) -> &str {
        &self.channel
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    channels: HashMap<Arc<str>, Wish>,
    queue: VecDeque<Arc<str>>,
    /// How many at the front of the queue were wanted when the connection began: what is wanted since
    /// stands behind them, so that they are all asked for whatever comes.
    renewing: usize,
    lingering: BTreeSet<(UnixMillis, Arc<str>)>,
}

impl Wishes {
    /// A channel is wanted. `None`: it is live already; else it is when the receiver hears of it.
    pub(crate) fn want(&mut self, channel: &str, kind: Kind, owner: Owner) -> Option<oneshot::Receiver<()>> {
        let (key, wish) = if let Some((key, _)) = self.channels.get_key_value(channel) {
            let key = Arc::clone(key);
            // It was there a moment ago.
            (key, self.channels.get_mut(channel)?)
        } else {
            let key: Arc<str> = channel.into();
            let wish = Wish {
                kind,
                owners: Vec::new(),
                actual: Actual::Absent,
                queued: false,
                waiters: Vec::new(),
                parted_at: 0,
                hole_from: None,
            };
            (Arc::clone(&key), self.channels.entry(key).or_insert(wish))
        };
        if wish.owners.is_empty() {
            self.lingering.remove(&(wish.parted_at, Arc::clone(&key)));
        }
        if !wish.owners.contains(&owner) {
            wish.owners.push(owner);
        }
        if wish.actual == Actual::Live && wish.hole_from.is_none() {
            return None;
        }
        let (live, told) = oneshot::channel();
        wish.waiters.retain(|waiter| !waiter.is_closed());
        wish.waiters.push(live);
        if wish.actual == Actual::Absent && !wish.queued {
            wish.queued = true;
            self.queue.push_back(key);
        }
        Some(told)
    }

    /// A channel is no longer wanted on behalf of `owner`.
    pub(crate) fn unwant(&mut self, channel: &str, owner: &Owner, now: UnixMillis) {
        let Some((key, _)) = self.channels.get_key_value(channel) else { return };
        let key = Arc::clone(key);
        let Some(wish) = self.channels.get_mut(channel) else { return };
        let before = wish.owners.len();
        wish.owners.retain(|known| known != owner);
        if before > 0 && wish.owners.is_empty() {
            if wish.actual == Actual::Absent {
                // Redis does not hold it: there is nothing that could linger.
                self.channels.remove(channel);
                return;
            }
            wish.waiters = Vec::new();
            wish.parted_at = now;
            self.lingering.insert((now, key));
        }
    }

    /// Queues the end of what nobody has wanted since `until`.
    pub(crate) fn let_go(&mut self, until: UnixMillis) {
        while self.lingering.first().is_some_and(|(at, _)| *at <= until) {
            let Some((_, channel)) = self.lingering.pop_first() else { return };
            let Some(wish) = self.channels.get_mut(&channel) else { continue };
            match wish.actual {
                Actual::Absent if !wish.queued => {
                    self.channels.remove(&channel);
                }
                _ if !wish.queued => {
                    wish.queued = true;
                    self.queue.push_back(channel);
                }
                _ => {}
            }
        }
        if is_ample(self.channels.len(), self.channels.capacity()) {
            self.channels.shrink_to(self.channels.len() * 2);
        }
    }

    /// Since when the channel that has lingered longest does so.
    pub(crate) fn longest_lingering(&self) -> Option<UnixMillis> {
        self.lingering.first().map(|(at, _)| *at)
    }

    /// What to ask of Redis next: at most `max` channels.
    pub(crate) fn next(&mut self, max: usize) -> Option<(Verb, Vec<String>)> {
        let mut batch: Option<(Verb, Vec<String>)> = None;
        while let Some(channel) = self.queue.front() {
            let Some(wish) = self.channels.get_mut(channel) else {
                self.took_first();
                continue;
            };
            let wanted = !wish.owners.is_empty();
            let (verb, becomes) = match (wanted, wish.actual) {
                (true, Actual::Absent) => (wish.kind.begin(), Actual::Beginning),
                (false, Actual::Live) => (wish.kind.end(), Actual::Ending),
                _ => {
                    // In flight: looked at again when Redis has answered. Or as it should be.
                    wish.queued = false;
                    if !wanted && wish.actual == Actual::Absent {
                        self.channels.remove(channel);
                    }
                    self.took_first();
                    continue;
                }
            };
            match &batch {
                Some((other, channels)) if *other != verb || channels.len() >= max => break,
                _ => {}
            }
            wish.actual = becomes;
            wish.queued = false;
            batch.get_or_insert_with(|| (verb, Vec::new())).1.push(channel.to_string());
            self.took_first();
        }
        batch
    }

    fn took_first(&mut self) {
        self.queue.pop_front();
        self.renewing = self.renewing.saturating_sub(1);
    }

    /// Redis has confirmed a batch. Returns what is live again after a hole of its own.
    pub(crate) fn confirmed(&mut self, channels: &[String]) -> Vec<Mended> {
        let mut mended = Vec::new();
        for channel in channels {
            let Some((key, _)) = self.channels.get_key_value(channel.as_str()) else { continue };
            let key = Arc::clone(key);
            let Some(wish) = self.channels.get_mut(&key) else { continue };
            match wish.actual {
                Actual::Beginning => {
                    wish.actual = Actual::Live;
                    for waiter in std::mem::take(&mut wish.waiters) {
                        let _ = waiter.send(());
                    }
                    if let Some(from) = wish.hole_from.take() {
                        mended.push(Mended { owners: wish.owners.clone(), from });
                    }
                }
                Actual::Ending => wish.actual = Actual::Absent,
                Actual::Absent | Actual::Live => continue,
            }
            self.look_again(key);
        }
        mended
    }

    /// Redis has refused a channel, or ended its subscription by itself: what was published from
    /// `hole_from` on may be missing. It is asked for again if it is wanted.
    pub(crate) fn lost(&mut self, channel: &str, hole_from: Option<UnixMillis>) {
        let Some((key, _)) = self.channels.get_key_value(channel) else { return };
        let key = Arc::clone(key);
        let Some(wish) = self.channels.get_mut(channel) else { return };
        wish.actual = Actual::Absent;
        wish.hole_from = wish.hole_from.or(hole_from);
        self.look_again(key);
    }

    /// Redis refuses a channel for good, as far as this connection goes. It is asked for again on the next one.
    pub(crate) fn refused(&mut self, channel: &str, hole_from: Option<UnixMillis>) {
        if let Some(wish) = self.channels.get_mut(channel) {
            wish.actual = Actual::Absent;
            wish.hole_from = wish.hole_from.or(hole_from);
        }
    }

    /// Queues a channel whose state may not be the wanted one.
    fn look_again(&mut self, key: Arc<str>) {
        let Some(wish) = self.channels.get_mut(&key) else { return };
        let lingers = wish.owners.is_empty() && self.lingering.contains(&(wish.parted_at, Arc::clone(&key)));
        if !wish.queued && !lingers {
            wish.queued = true;
            self.queue.push_back(key);
        }
    }

    /// The connection is gone, and every subscription with it: all that is wanted is asked for anew,
    /// the node's own and the namespaces' first.
    pub(crate) fn begin_anew(&mut self) {
        self.lingering.clear();
        self.queue.clear();
        self.channels.retain(|_, wish| !wish.owners.is_empty());
        let mut rooms = Vec::new();
        for (channel, wish) in &mut self.channels {
            wish.actual = Actual::Absent;
            wish.queued = true;
            if wish.owners.iter().all(|owner| matches!(owner, Owner::Room(..))) {
                rooms.push(Arc::clone(channel));
            } else {
                self.queue.push_back(Arc::clone(channel));
            }
        }
        self.queue.extend(rooms);
        self.renewing = self.queue.len();
    }

    /// Whether all that was wanted when the connection began was asked for. What is wanted since has its
    /// own waiters.
    pub(crate) fn is_renewed(&self) -> bool {
        self.renewing == 0
    }

    /// How many subscriptions of each kind Redis should hold; `None` while some are asked for, or to be.
    pub(crate) fn counts(&self) -> Option<[usize; 3]> {
        let mut counts = [0; 3];
        for wish in self.channels.values() {
            match wish.actual {
                Actual::Live => counts[wish.kind as usize] += 1,
                Actual::Absent if !wish.queued => {}
                Actual::Absent | Actual::Beginning | Actual::Ending => return None,
            }
        }
        Some(counts)
    }

    /// Channels that are wanted or linger.
    pub(crate) fn len(&self) -> usize {
        self.channels.len()
    }

    /// On whose behalf channels are wanted here.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &Owner> {
        self.channels.values().flat_map(|wish| &wish.owners)
    }

    /// Takes out what now belongs to another link.
    pub(crate) fn leave(&mut self, moves: impl Fn(&str) -> bool, hole_from: Option<UnixMillis>) -> Vec<Moving> {
        let leaving: Vec<Arc<str>> = self.channels.keys().filter(|channel| moves(channel)).cloned().collect();
        let mut moving = Vec::new();
        for channel in leaving {
            let Some(mut wish) = self.channels.remove(&channel) else { continue };
            self.lingering.remove(&(wish.parted_at, Arc::clone(&channel)));
            if wish.owners.is_empty() {
                continue;
            }
            wish.hole_from = wish.hole_from.or(hole_from);
            moving.push(Moving { channel, wish });
        }
        moving
    }

    /// Takes in what belonged to another link. It may be wanted here already, by who came since.
    pub(crate) fn arrive(&mut self, Moving { channel, mut wish }: Moving) {
        if let Some(known) = self.channels.get(&channel) {
            self.lingering.remove(&(known.parted_at, Arc::clone(&channel)));
        }
        let Some(known) = self.channels.get_mut(&channel) else {
            wish.actual = Actual::Absent;
            wish.queued = true;
            self.queue.push_back(Arc::clone(&channel));
            self.channels.insert(channel, wish);
            return;
        };
        for owner in wish.owners {
            if !known.owners.contains(&owner) {
                known.owners.push(owner);
            }
        }
        known.waiters.append(&mut wish.waiters);
        known.hole_from = match (known.hole_from, wish.hole_from) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        if known.actual == Actual::Live {
            // Asked for once more, which changes nothing at Redis: its answer tells who waits, and ends the hole.
            known.actual = Actual::Absent;
        }
        self.look_again(channel);
    }
}

#[cfg(test)]
mod tests;
