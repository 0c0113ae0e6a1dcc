//! What was published and what arrived: facts with their times, and no judgement ([`super::verdict`]).
//!
//! Pure: time is an argument.

use std::collections::BTreeMap;

use roomcast_core::cluster::Gap;
use roomcast_core::publication::UnixMillis;
use roomcast_core::room::Room;

/// Names a publication of the stream.
pub(crate) type Number = u64;
/// Names a node of the test.
pub(crate) type NodeIndex = usize;

/// What the publisher was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The backend took it.
    Accepted,
    /// Nobody got it.
    Unavailable,
    /// Some may have got it.
    Unknown,
}

/// One publication of the stream.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    pub(crate) publisher: NodeIndex,
    pub(crate) room: Room,
    pub(crate) sent_at: UnixMillis,
    /// `None`: not answered yet.
    pub(crate) answered: Option<(Outcome, UnixMillis)>,
}

/// All facts of one run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) published: BTreeMap<Number, Published>,
    /// When each node got each number, every time that it did.
    pub(crate) deliveries: BTreeMap<(NodeIndex, Number), Vec<UnixMillis>>,
    pub(crate) gaps: Vec<(NodeIndex, Gap)>,
    /// From when on each node is owed what is published.
    pub(crate) joined: BTreeMap<NodeIndex, UnixMillis>,
}

impl Ledger {
    /// A node's wishes are live: from now on it is to get everything.
    pub(crate) fn joined(&mut self, node: NodeIndex, at: UnixMillis) {
        self.joined.insert(node, at);
    }

    /// A number was handed to the adapter of `publisher`.
    pub(crate) fn sent(&mut self, number: Number, publisher: NodeIndex, room: Room, at: UnixMillis) {
        self.published.insert(number, Published { publisher, room, sent_at: at, answered: None });
    }

    /// Its publisher learned the outcome.
    pub(crate) fn answered(&mut self, number: Number, outcome: Outcome, at: UnixMillis) {
        if let Some(published) = self.published.get_mut(&number) {
            published.answered = Some((outcome, at));
        }
    }

    /// A node got a number.
    pub(crate) fn delivered(&mut self, number: Number, node: NodeIndex, at: UnixMillis) {
        self.deliveries.entry((node, number)).or_default().push(at);
    }

    /// A node declared a gap.
    pub(crate) fn gap(&mut self, node: NodeIndex, gap: Gap) {
        self.gaps.push((node, gap));
    }

    /// Every gap is about this room, and about no other.
    pub(crate) fn gaps_name_only(&self, room: &str) {
        for (node, gap) in &self.gaps {
            let rooms: Vec<_> = gap.rooms.iter().map(Room::as_str).collect();
            assert_eq!(rooms, [room], "gap of node {node}: {gap:?} of {:?}", self.gaps);
        }
    }

    /// When everything flowed again: every node had got a number that was sent at `since` or later from
    /// every publisher to every room. `None`: not yet.
    pub(crate) fn flowed(&self, since: UnixMillis) -> Option<UnixMillis> {
        let mut first: BTreeMap<(NodeIndex, NodeIndex, &str), Option<UnixMillis>> = BTreeMap::new();
        for (number, published) in &self.published {
            for node in self.joined.keys() {
                let way = first.entry((*node, published.publisher, published.room.as_str())).or_default();
                let arrived = self.deliveries.get(&(*node, *number)).and_then(|times| times.first().copied());
                if published.sent_at >= since && way.is_none() {
                    *way = arrived;
                }
            }
        }
        if first.is_empty() {
            return None;
        }
        first.into_values().try_fold(since, |latest, arrived| Some(latest.max(arrived?)))
    }
}
