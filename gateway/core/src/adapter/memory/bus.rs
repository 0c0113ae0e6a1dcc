//! Who is on the bus, what each node wants, and the line in front of each node.
//!
//! One lock over all of it: it is held for bookkeeping and for putting events into
//! queues that have room, never across a wait, and events are dropped outside of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{OwnedPermit, Sender};
use tokio::sync::oneshot;

use super::line::{HandOver, Place};
use crate::adapter::{EVENTS_MAX, Event, PublishError};
use crate::id::{ID_CHARS, NodeTag, SocketId};
use crate::publication::{Audience, Publication};
use crate::room::{Namespace, Room};
use crate::spare::is_ample;

/// Events that may stand in line for one node whose queue is full.
pub(super) const LINE_MAX: usize = EVENTS_MAX;

/// Tells nodes apart, even two with the same tag.
pub(super) type NodeNumber = u64;
/// Tells places in line apart; grows, so a line is sorted by it.
pub(super) type Ticket = u64;

/// What the adapters of one bus share.
#[derive(Default)]
pub(super) struct Bus(Mutex<State>);

#[derive(Default)]
struct State {
    nodes: Vec<Node>,
    /// The last node number or ticket given out.
    last: u64,
}

/// One node on the bus.
pub(super) struct Node {
    number: NodeNumber,
    tag: NodeTag,
    events: Sender<Event>,
    open: HashSet<Namespace>,
    wanted: HashMap<Namespace, HashSet<Room>>,
    line: VecDeque<Waiting>,
}

/// An event that waits for room in a node's queue.
pub(super) struct Waiting {
    ticket: Ticket,
    event: Event,
    /// Told when the event is in the queue; dropped when it never will be.
    sent: oneshot::Sender<()>,
}

impl Bus {
    pub(super) fn join(&self, tag: NodeTag, events: Sender<Event>) -> NodeNumber {
        let mut state = self.lock();
        let number = state.next();
        state.nodes.push(Node {
            number,
            tag,
            events,
            open: HashSet::new(),
            wanted: HashMap::new(),
            line: VecDeque::new(),
        });
        number
    }

    /// Takes a node off the bus, to be dropped by the caller.
    pub(super) fn leave(&self, number: NodeNumber) -> Option<Node> {
        let mut state = self.lock();
        let at = state.nodes.iter().position(|node| node.number == number)?;
        Some(state.nodes.swap_remove(at))
    }

    /// Does something with a node, if it is still here.
    pub(super) fn with_node<T>(&self, number: NodeNumber, act: impl FnOnce(&mut Node) -> T) -> Option<T> {
        let mut state = self.lock();
        state.nodes.iter_mut().find(|node| node.number == number).map(act)
    }

    /// Puts an event into the queue of every node concerned, or into the line for it.
    /// All or nothing: with [`PublishError::Overloaded`] no node got it.
    pub(super) fn hand_over(
        self: &Arc<Self>,
        concerned: impl Fn(&Node) -> bool,
        event: impl Fn() -> Event,
    ) -> Result<HandOver, PublishError> {
        let mut hand_over = HandOver::new(Arc::clone(self));
        let mut state = self.lock();
        let reached = |node: &Node| !node.events.is_closed() && concerned(node);
        if state.nodes.iter().any(|node| node.line.len() >= LINE_MAX && reached(node)) {
            return Err(PublishError::Overloaded);
        }
        let ticket = state.next();
        for node in state.nodes.iter_mut().filter(|node| reached(node)) {
            if let Some(place) = node.hand_over(ticket, event()) {
                hand_over.add(place);
            }
        }
        Ok(hand_over)
    }

    /// Uses a free place in a node's queue for whoever stands first in line.
    pub(super) fn advance(&self, number: NodeNumber, room: OwnedPermit<Event>) {
        self.with_node(number, |node| {
            // Sent under the lock: two that advance the same line keep its order.
            if let Some(first) = node.line.pop_front() {
                room.send(first.event);
                let _ = first.sent.send(());
            }
        });
    }

    /// Leaves the line.
    pub(super) fn withdraw(&self, number: NodeNumber, ticket: Ticket) {
        let left = self.with_node(number, |node| {
            let at = node.line.binary_search_by_key(&ticket, |waiting| waiting.ticket);
            at.ok().and_then(|at| node.line.remove(at))
        });
        drop(left);
    }

    /// Clears the line for a node that has let go of its events.
    pub(super) fn clear(&self, number: NodeNumber) {
        drop(self.with_node(number, |node| std::mem::take(&mut node.line)));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").finish_non_exhaustive()
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

impl Node {
    pub(super) fn open(&mut self, namespace: &Namespace) {
        self.open.insert(namespace.clone());
    }

    pub(super) fn close(&mut self, namespace: &Namespace) {
        self.open.remove(namespace);
        self.wanted.remove(namespace);
    }

    pub(super) fn want(&mut self, namespace: &Namespace, room: &Room) {
        let rooms = self.wanted.entry(namespace.clone()).or_default();
        rooms.insert(room.clone());
    }

    pub(super) fn unwant(&mut self, namespace: &Namespace, room: &Room) {
        if let Some(rooms) = self.wanted.get_mut(namespace) {
            rooms.remove(room);
            if rooms.is_empty() {
                self.wanted.remove(namespace);
            } else if is_ample(rooms.len(), rooms.capacity()) {
                rooms.shrink_to(rooms.len() * 2);
            }
        }
    }

    pub(super) fn takes_part_in(&self, namespace: &Namespace) -> bool {
        self.open.contains(namespace)
    }

    /// Whether a publication may have members here: in an open namespace, all to
    /// everybody or to several rooms, and those to one room that is wanted here or
    /// is the private room of a socket that was born here (`home`, see [`home`]).
    pub(super) fn is_concerned(&self, publication: &Publication, home: Option<NodeTag>) -> bool {
        self.takes_part_in(&publication.namespace)
            && publication.audience.single_room().is_none_or(|room| {
                let wanted = self.wanted.get(&publication.namespace);
                home == Some(self.tag) || wanted.is_some_and(|rooms| rooms.contains(room))
            })
    }

    /// Into the queue if nobody is in line and there is room, else to the line's end.
    fn hand_over(&mut self, ticket: Ticket, event: Event) -> Option<Place> {
        let event = if self.line.is_empty() {
            match self.events.try_send(event) {
                Ok(()) | Err(TrySendError::Closed(_)) => return None,
                Err(TrySendError::Full(event)) => event,
            }
        } else {
            event
        };
        let (sent, told) = oneshot::channel();
        self.line.push_back(Waiting { ticket, event, sent });
        Some(Place::new(self.number, ticket, self.events.clone(), told))
    }
}

/// The node where a socket was born, if `audience` is its private room alone.
pub(super) fn home(audience: &Audience) -> Option<NodeTag> {
    let room = audience.single_room()?.as_str();
    // Looked at first, because most names have another length and parsing copies them.
    if room.len() != ID_CHARS {
        return None;
    }
    SocketId::parse(room)?.home().map(|(tag, _)| tag)
}
