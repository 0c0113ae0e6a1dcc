//! What the cases are written with.

use std::sync::Arc;

use super::{Fixture, Node, Outcome};
use crate::adapter::{Event, LinkState, Responder};
use crate::cluster::Request;
use crate::delivery::Delivery;
use crate::publication::{Audience, Payload, Publication};
use crate::room::{Namespace, Room};

/// So many nodes as an array.
pub(super) async fn nodes<const N: usize>(fixture: &impl Fixture) -> Result<[Node; N], String> {
    let nodes = fixture.nodes(N).await;
    let made = nodes.len();
    nodes.try_into().map_err(|_| format!("the fixture made {made} nodes, not {N}"))
}

/// So many nodes, each with the main namespace open.
pub(super) async fn opened<const N: usize>(fixture: &impl Fixture) -> Result<[Node; N], String> {
    let nodes = nodes(fixture).await?;
    for node in &nodes {
        node.open(&Namespace::root()).await?;
    }
    Ok(nodes)
}

/// A room, or why it is none.
pub(super) fn room(name: &str) -> Result<Room, String> {
    Room::new(name).map_err(|error| format!("{name}: {error}"))
}

/// A namespace, or why it is none.
pub(super) fn namespace(name: &str) -> Result<Namespace, String> {
    Namespace::new(name).map_err(|error| format!("{name}: {error}"))
}

/// A small publication.
pub(super) fn publication(id: &str, namespace: &Namespace, audience: Audience) -> Result<Publication, String> {
    let payload = Payload::from_data("[\"suite\",1]", Vec::new()).map_err(|error| error.to_string())?;
    Ok(Publication::new(id.into(), namespace.clone(), audience, payload, 1_700_000_000_000))
}

/// Fails the case unless it holds.
pub(super) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(why()) }
}

/// Fails the case unless exactly these publications came, in this order.
pub(super) fn expect(who: &str, came: &[Arc<Delivery>], ids: &[&str]) -> Outcome {
    let came: Vec<&str> = came.iter().map(|delivery| &*delivery.publication.id).collect();
    ensure(came == ids, || format!("{who} got {came:?} instead of {ids:?}"))
}

impl Node {
    /// Opens a namespace and waits until it is live.
    pub(super) async fn open(&self, namespace: &Namespace) -> Outcome {
        let live = self.adapter.open(namespace).wait().await;
        live.map_err(|error| format!("open {namespace}: {error}"))
    }

    /// Wants a room of the main namespace and waits until it is live.
    pub(super) async fn want(&self, name: &str) -> Outcome {
        let live = self.adapter.want(&Namespace::root(), &room(name)?).wait().await;
        live.map_err(|error| format!("want {name}: {error}"))
    }

    /// Publishes in the main namespace to these rooms and waits for the receipt.
    pub(super) async fn publish(&self, id: &str, rooms: &[&str]) -> Outcome {
        let rooms = rooms.iter().map(|name| room(name)).collect::<Result<_, _>>()?;
        let audience = Audience { rooms, except: Vec::new() };
        self.send(publication(id, &Namespace::root(), audience)?).await
    }

    /// Publishes to everybody in a namespace and waits for the receipt.
    pub(super) async fn publish_in(&self, id: &str, namespace: &Namespace) -> Outcome {
        self.send(publication(id, namespace, Audience::everybody())?).await
    }

    /// Publishes and waits for the receipt.
    pub(super) async fn send(&self, publication: Publication) -> Outcome {
        let id = Arc::clone(&publication.id);
        match self.adapter.publish(publication).await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("publish {id}: {error}")),
        }
    }

    /// The next delivery or request; a state is passed over, and a gap fails the case.
    async fn next(&mut self) -> Result<Event, String> {
        loop {
            match self.events.recv().await {
                Some(Event::State(LinkState::Up | LinkState::Down)) => {}
                Some(Event::Gap(gap)) => return Err(format!("a gap was declared: {gap:?}")),
                Some(event) => return Ok(event),
                None => return Err("the events ended".to_owned()),
            }
        }
    }

    /// The next delivery.
    pub(super) async fn delivery(&mut self) -> Result<Arc<Delivery>, String> {
        match self.next().await? {
            Event::Delivery(delivery) => Ok(delivery),
            other => Err(format!("expected a delivery, got {other:?}")),
        }
    }

    /// The next request.
    pub(super) async fn request(&mut self) -> Result<(Arc<Request>, Responder), String> {
        match self.next().await? {
            Event::Request(request, responder) => Ok((request, responder)),
            other => Err(format!("expected a request, got {other:?}")),
        }
    }

    /// All deliveries up to the one with this id, which is left out.
    pub(super) async fn until(&mut self, id: &str) -> Result<Vec<Arc<Delivery>>, String> {
        let mut came = Vec::new();
        loop {
            let delivery = self.delivery().await?;
            if &*delivery.publication.id == id {
                return Ok(came);
            }
            came.push(delivery);
        }
    }

    /// Fails the case unless exactly these publications come, in this order.
    pub(super) async fn gets(&mut self, who: &str, ids: &[&str]) -> Outcome {
        for id in ids {
            let delivery = self.delivery().await?;
            expect(who, &[delivery], &[id])?;
        }
        Ok(())
    }
}
