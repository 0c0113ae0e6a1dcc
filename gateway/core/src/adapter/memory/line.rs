//! Waiting in line for nodes whose queues are full.
//!
//! The line belongs to the bus, the waiting to futures. Whichever of them is given
//! room in the node's queue uses it for the first in line, its own or not, until its
//! own event has gone. So the order does not depend on which future is polled, and
//! the bus needs no task of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{OwnedPermit, Sender};
use tokio::sync::oneshot;

use super::bus::{Bus, NodeNumber, Ticket};
use crate::adapter::{BoxFuture, Event};

/// Resolves when every node concerned has the event in its queue, or has gone.
pub(super) struct HandOver {
    bus: Arc<Bus>,
    places: Vec<Place>,
}

/// One event's place in one node's line.
pub(super) struct Place {
    node: NodeNumber,
    ticket: Ticket,
    events: Sender<Event>,
    room: BoxFuture<'static, Result<OwnedPermit<Event>, SendError<()>>>,
    told: oneshot::Receiver<()>,
}

impl HandOver {
    /// Nothing to wait for yet.
    pub(super) fn new(bus: Arc<Bus>) -> Self {
        let places = Vec::new();
        Self { bus, places }
    }

    pub(super) fn add(&mut self, place: Place) {
        self.places.push(place);
    }
}

impl Future for HandOver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { bus, places } = self.get_mut();
        places.retain_mut(|place| place.poll(bus, context).is_pending());
        if places.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for HandOver {
    fn drop(&mut self) {
        for place in &self.places {
            self.bus.withdraw(place.node, place.ticket);
        }
    }
}

impl Place {
    pub(super) fn new(node: NodeNumber, ticket: Ticket, events: Sender<Event>, told: oneshot::Receiver<()>) -> Self {
        let room = Box::pin(events.clone().reserve_owned());
        Self { node, ticket, events, room, told }
    }

    fn poll(&mut self, bus: &Bus, context: &mut Context<'_>) -> Poll<()> {
        loop {
            // An error here says that the node has left: nothing more to wait for.
            if Pin::new(&mut self.told).poll(context).is_ready() {
                return Poll::Ready(());
            }
            match self.room.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(room)) => {
                    bus.advance(self.node, room);
                    self.room = Box::pin(self.events.clone().reserve_owned());
                }
                Poll::Ready(Err(_)) => {
                    bus.clear(self.node);
                    return Poll::Ready(());
                }
            }
        }
    }
}
