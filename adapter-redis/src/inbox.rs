//! What comes on the subscriptions of a link, and where it goes. Called by the task that reads:
//! nothing here waits, and what the node cannot take is dropped, counted, and declared a gap.

use std::sync::{Arc, Weak};

use roomcast_core::adapter::Event;
use roomcast_core::cluster::Gap;
use roomcast_core::delivery::Delivery;
use roomcast_core::publication::Publication;

use crate::answering;
use crate::connection::Listener;
use crate::link::{Life, Link};
use crate::proof::Span;
use crate::shared::{Shared, lock};
use crate::wire::gateways::{self, Own};
use crate::wire::{Incoming, Unreadable, Wire};

/// How the gateways' own channels begin.
const OWN: &[u8] = b"roomcast:";

/// Hears for one link.
pub(crate) struct Inbox {
    shared: Weak<Shared>,
    link: Weak<Link>,
}

impl Inbox {
    pub(crate) fn new(shared: &Arc<Shared>, link: &Arc<Link>) -> Self {
        Self { shared: Arc::downgrade(shared), link: Arc::downgrade(link) }
    }
}

impl Listener for Inbox {
    fn message(&mut self, channel: &[u8], payload: &[u8]) {
        let (Some(shared), Some(link)) = (self.shared.upgrade(), self.link.upgrade()) else { return };
        if link.is_retired() {
            return;
        }
        if channel.starts_with(OWN) {
            match gateways::decode(payload) {
                Some(own) => own_message(&shared, &link, own),
                None => shared.counts.malformed.inc(),
            }
            return;
        }
        let (wire, whole) = shared.wire_of(channel);
        match wire.read(channel, payload, shared.clock.now()) {
            Ok(Incoming::Publication(publication)) => deliver(&shared, &link, publication),
            Ok(Incoming::Own | Incoming::Nobody) => {}
            Ok(_) if !whole => shared.counts.unsupported.inc(),
            Ok(Incoming::Asked(request, reply)) => answering::server(&shared, &link, request, reply),
            Ok(Incoming::Answered(id, answered)) => {
                if !shared.requests.server_answered(&id, answered) {
                    shared.counts.answers_dropped.inc();
                }
            }
            Ok(Incoming::Refused { reply, why }) => {
                shared.links.of(&reply.channel).post_own(&shared, &reply.channel, reply.payload);
                if let Some(why) = why {
                    unreadable(&shared, channel, why);
                }
            }
            Err(why) => unreadable(&shared, channel, why),
        }
    }

    fn ended(&mut self, channel: &[u8]) {
        let (Some(shared), Some(link)) = (self.shared.upgrade(), self.link.upgrade()) else { return };
        if let Ok(channel) = std::str::from_utf8(channel) {
            link.ended(channel);
        }
        shared.links.look_again();
    }
}

impl Shared {
    /// What is spoken on a channel, and whether more than publications are taken from there.
    fn wire_of(&self, channel: &[u8]) -> (&Wire, bool) {
        if let (Some(wire), Some(config)) = (&self.ingest, &self.config.ingest) {
            let rest = channel.strip_prefix(config.prefix.as_bytes());
            if rest.is_some_and(|rest| rest.starts_with(b"#")) {
                return (wire, false);
            }
        }
        (&self.wire, true)
    }
}

fn deliver(shared: &Shared, link: &Link, publication: Publication) {
    shared.counts.received.inc();
    if !shared.wants.concern(&publication.namespace, &publication.audience) {
        return shared.counts.unconcerned.inc();
    }
    let delivery = Arc::new(Delivery::new(publication, None));
    if shared.events.try_send(Event::Delivery(delivery)).is_err() {
        shared.counts.overflowed.inc();
        link.dropped(shared.clock.now());
    }
}

/// A payload that cannot be read is dropped, and counted.
fn unreadable(shared: &Shared, channel: &[u8], why: Unreadable) {
    match why {
        Unreadable::Malformed => shared.counts.malformed.inc(),
        Unreadable::Unsupported => shared.counts.unsupported.inc(),
        Unreadable::Payload => shared.counts.refused_payloads.inc(),
    }
    tracing::debug!(?why, channel = %String::from_utf8_lossy(channel), "a payload was dropped");
}

/// What another gateway, or this one, said.
fn own_message(shared: &Arc<Shared>, link: &Link, own: Own) {
    let me = shared.tag();
    let now = shared.clock.now();
    match own {
        Own::Canary { from, sequence, .. } if from == me => link.heard_canary(shared, sequence),
        Own::Canary { from, life, sound, .. } => {
            link.heard_peer(shared, from, Life { began: life, sound });
            shared.peers.heard(from, now);
        }
        Own::Joined(info) if info.tag != me => {
            if shared.peers.joined(info, now) {
                // It does not know of us either.
                shared.announce(&Own::Joined(shared.me()));
            }
        }
        Own::Left(tag) => {
            shared.peers.left(tag);
            shared.links.all().iter().for_each(|link| link.forget_peer(tag));
        }
        Own::Ask { from, id, request, .. } if from != me => answering::gateway(shared, link, from, id, request),
        Own::Answers { from, id, answers, last } => shared.requests.gateway_answered(shared, from, id, answers, last),
        Own::Gap { from, gap } if from != me => announced(shared, gap),
        Own::Joined(_) | Own::Ask { .. } | Own::Gap { .. } => {}
    }
}

/// Another node published into a hole: the part of it that was not declared here already is declared now.
fn announced(shared: &Shared, gap: Gap) {
    let mut declared = lock(&shared.declared);
    let mut from = gap.from;
    let whole = gap.namespace.is_none();
    if let Some(Span { from: begun, until }) = *declared
        && begun <= gap.from
        && gap.from <= until
    {
        if gap.until <= until {
            return;
        }
        from = until;
    }
    if !whole {
        // What was declared of everything covers it or not; by itself it covers nothing else.
        drop(declared);
        return shared.declare(Gap { from, ..gap });
    }
    let joined = declared.filter(|span| span.until >= from && span.from <= from);
    *declared = Some(Span { from: joined.map_or(from, |span| span.from), until: gap.until });
    drop(declared);
    shared.declare(Gap { from, ..gap });
}
