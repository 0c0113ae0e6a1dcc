//! What a client publishes itself: through the one door, like everybody's.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use roomcast_core::adapter::{PublishError, Reach, Receipt};
use roomcast_core::publication::{Audience, Fallback, Origin, Payload, Publication};
use roomcast_core::room::Room;

use super::refusal::Refused;
use super::requests::DEGRADED;
use super::state::State;
use crate::metrics::{Counter, Direction, PublicationOrigin, PublicationResult};

/// How the client wants to hear what came of it.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// By an acknowledgement, if it gave an id.
    Ack(Option<u64>),
    /// By an answer on the plain protocol with this id, if it gave one.
    Plain(Option<String>),
}

impl State {
    /// Publishes to one room for a socket and answers when the adapter took it.
    pub(crate) fn publish_from(&mut self, socket: u32, room: &str, payload: Payload, reply: Reply) {
        let publication = match self.client_publication(socket, room, payload) {
            Ok(publication) => publication,
            Err(refused) => return self.published(socket, &reply, Err(refused)),
        };
        let mut future = self.node.adapter.publish(publication);
        // The order of a client's publications is that of these first polls.
        match pin!(&mut future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => self.published(socket, &reply, result.map_err(Refused::from)),
            Poll::Pending => self.later(socket, future, move |state, result| {
                state.published(socket, &reply, result.map_err(Refused::from));
            }),
        }
    }

    fn client_publication(&self, socket: u32, room: &str, payload: Payload) -> Result<Publication, Refused> {
        let name = Room::new(room).map_err(|error| Refused::room(room, error))?;
        if name.is_reserved() {
            return Err(Refused::reserved(room));
        }
        let Some(entry) = self.sockets.get(socket as usize) else {
            return Err(PublishError::Closed.into());
        };
        if !self.node.may_publish(entry.namespace) {
            return Err(Refused::forbidden(room, "publish"));
        }
        let namespace = self.namespace(entry.namespace);
        let audience = Audience::room(name);
        let admission = self.node.admit(&namespace, &audience, payload.bytes())?;
        let id = self.node.publication_id();
        let mut publication = Publication::new(id, namespace, audience, payload, self.node.clock.unix());
        publication.origin = Origin::Client;
        publication.fallback = Fallback::ThisNode;
        publication.admission = Some(admission);
        Ok(publication)
    }

    fn published(&mut self, socket: u32, reply: &Reply, result: Result<Receipt, Refused>) {
        let outcome = if result.is_ok() { PublicationResult::Accepted } else { PublicationResult::Refused };
        self.cells.inc(Counter::Publications(PublicationOrigin::Client, outcome));
        if result.as_ref().is_ok_and(|receipt| receipt.reach == Reach::AllNodes) {
            self.cells.inc(Counter::AdapterMessages(Direction::Out));
        }
        match (reply, result) {
            (Reply::Ack(Some(ack)), Ok(receipt)) => {
                let degraded = if receipt.reach == Reach::ThisNode { DEGRADED } else { "" };
                self.answer(socket, *ack, &format!(r#"[{{"ok":true{degraded}}}]"#), Vec::new());
            }
            (Reply::Ack(None), Ok(_)) => {}
            (Reply::Ack(ack), Err(refused)) => self.answer_refusal(socket, *ack, &refused),
            (Reply::Plain(id), Ok(receipt)) => {
                let degraded = if receipt.reach == Reach::ThisNode { DEGRADED } else { "" };
                self.answer_plain(socket, id.as_deref(), degraded.trim_start_matches(','));
            }
            (Reply::Plain(id), Err(refused)) => self.refuse_plain(socket, id.as_deref(), &refused),
        }
    }
}
