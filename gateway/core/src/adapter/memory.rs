//! The in-memory adapter: one node with no set-up, or several on one bus in tests.
//!
//! - A publication is in order the moment [`Adapter::publish`] is called, at every
//!   node and across all rooms and namespaces, whatever happens to its future. Only
//!   the wait for a full queue is in the future.
//! - A full queue makes the publisher wait, be it this node's or another's: nothing
//!   is lost on the way and no gap is ever declared. Publications that wait stand in
//!   line per node; a slow node holds up its own line and the receipts, not what
//!   other nodes get. A node that has let go of its events is passed over.
//! - A future that is dropped early leaves the lines: the nodes that it still waited
//!   for do not get it. Futures that are kept must be polled, as always, and a task
//!   that takes a node's events must not wait for that node's receipts.
//! - One [`Delivery`] is shared by all nodes, so it is encoded once for all of them,
//!   and its admission is held until the last node has let go of it.
//!
//! Bounds: [`super::EVENTS_MAX`] events per node in its queue, as many again in line
//! for it (then [`PublishError::Overloaded`], and nobody got it), 256
//! answers per request. Namespaces and rooms are bounded by the node that opens and
//! wants them; an unwanted room and a closed namespace leave nothing behind.
//!
//! Deliberately absent: positions, gaps, link states, and the deadline of a request.
//! This crate has no clock: answers end when the last node has let go of the request,
//! and whoever asks stops waiting at its own deadline.

mod bus;
mod line;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use self::bus::{Bus, NodeNumber};
use super::{
    Adapter, Answers, BoxFuture, Capabilities, EVENTS_MAX, Event, Events, Live, PublishError, Receipt, Responder,
};
use crate::cluster::Request;
use crate::delivery::Delivery;
use crate::id::NodeTag;
use crate::publication::Publication;
use crate::room::{Namespace, Room};

/// Answers that wait for the asking side; nodes wait when there are more.
const ANSWERS_MAX: usize = 256;

/// Joins the adapters of several nodes in one process.
#[derive(Clone, Debug, Default)]
pub struct MemoryBus(Arc<Bus>);

impl MemoryBus {
    /// A bus without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node: its adapter and the events it is to handle.
    pub fn join(&self, tag: NodeTag) -> (MemoryAdapter, Events) {
        self.join_with(tag, EVENTS_MAX)
    }

    /// Adds a node whose queue holds `events_max` events (at least 1).
    fn join_with(&self, tag: NodeTag, events_max: usize) -> (MemoryAdapter, Events) {
        let (sender, events) = mpsc::channel(events_max.max(1));
        let adapter = MemoryAdapter { node: self.0.join(tag, sender), bus: Arc::clone(&self.0), cluster: true };
        (adapter, events)
    }
}

/// One node's place on a [`MemoryBus`]; it leaves when this is dropped, and its
/// events end.
#[derive(Debug)]
pub struct MemoryAdapter {
    bus: Arc<Bus>,
    node: NodeNumber,
    cluster: bool,
}

impl MemoryAdapter {
    /// The adapter of a node that has no others, and the events it is to handle.
    pub fn alone(tag: NodeTag) -> (Self, Events) {
        let (mut adapter, events) = MemoryBus::new().join(tag);
        adapter.cluster = false;
        (adapter, events)
    }
}

impl Drop for MemoryAdapter {
    fn drop(&mut self) {
        drop(self.bus.leave(self.node));
    }
}

impl Adapter for MemoryAdapter {
    fn capabilities(&self) -> Capabilities {
        Capabilities { positions: false, cluster: self.cluster, private_rooms_wanted: false }
    }

    fn open(&self, namespace: &Namespace) -> Live {
        self.bus.with_node(self.node, |node| node.open(namespace));
        Live::Now
    }

    fn close(&self, namespace: &Namespace) {
        self.bus.with_node(self.node, |node| node.close(namespace));
    }

    fn want(&self, namespace: &Namespace, room: &Room) -> Live {
        self.bus.with_node(self.node, |node| node.want(namespace, room));
        Live::Now
    }

    fn unwant(&self, namespace: &Namespace, room: &Room) {
        self.bus.with_node(self.node, |node| node.unwant(namespace, room));
    }

    fn publish(&self, publication: Publication) -> BoxFuture<'static, Result<Receipt, PublishError>> {
        let home = bus::home(&publication.audience);
        let delivery = Arc::new(Delivery::new(publication, None));
        let handed = self.bus.hand_over(
            |node| node.is_concerned(&delivery.publication, home),
            || Event::Delivery(Arc::clone(&delivery)),
        );
        Box::pin(async move {
            handed?.await;
            Ok(Receipt::TAKEN)
        })
    }

    fn request(&self, request: Request, _: Duration) -> BoxFuture<'static, Result<Answers, PublishError>> {
        let request = Arc::new(request);
        let (sender, answers) = mpsc::channel(ANSWERS_MAX);
        // Every node gets a responder of its own; the one made here goes with this call.
        let responder = Responder::new(sender);
        let handed = self.bus.hand_over(
            |node| node.takes_part_in(request.namespace()),
            || Event::Request(Arc::clone(&request), responder.clone()),
        );
        Box::pin(async move {
            handed?.await;
            Ok(answers)
        })
    }
}
