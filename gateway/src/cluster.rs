//! From the adapter to the shards: deliveries to those that have a member, requests to
//! all of them, gaps to whoever may have missed something.

use std::sync::Arc;
use std::time::{Duration, Instant};

use roomcast_core::adapter::{Event, Events, Responder};
use roomcast_core::cluster::Request;
use roomcast_core::delivery::Delivery;

use crate::gaps;
use crate::losses::Losses;
use crate::mail::{MAIL_BYTES, Mail};
use crate::metrics::{Counter, DeliveryMatch, Direction, DropReason};
use crate::node::Node;

/// How long to wait for the next event while nothing else is due.
const IDLE: Duration = Duration::from_hours(1);

/// Runs until the adapter is gone.
pub async fn run(node: Arc<Node>, mut events: Events) {
    let mut losses = Losses::default();
    loop {
        let due = losses.due().unwrap_or_else(|| Instant::now() + IDLE);
        match tokio::time::timeout_at(due.into(), events.recv()).await {
            Ok(Some(Event::Delivery(delivery))) => deliver(&node, &delivery, &mut losses),
            Ok(Some(Event::Request(request, responder))) => order(&node, &request, &responder),
            Ok(Some(Event::Gap(gap))) => gaps::tell(&node, &gap),
            Ok(Some(Event::State(state))) => {
                node.links.changed();
                tracing::info!(?state, "adapter link");
            }
            Ok(None) => return,
            Err(_) => {}
        }
        for gap in losses.take(node.clock.unix()) {
            gaps::tell(&node, &gap);
        }
    }
}

fn deliver(node: &Node, delivery: &Arc<Delivery>, losses: &mut Losses) {
    let publication = &delivery.publication;
    let mask = node.interest.mask(&publication.namespace, &publication.audience);
    let bytes = publication.payload.bytes() + MAIL_BYTES;
    let mut refused = 0;
    for (index, mailbox) in node.mailboxes().iter().enumerate() {
        if mask & (1 << index) == 0 {
            continue;
        }
        let mail = Mail::Deliver(Arc::clone(delivery), bytes);
        if publication.admission.is_some() {
            mailbox.post_admitted(mail, bytes);
        } else if mailbox.post(mail, bytes).is_err() {
            refused += 1;
        }
    }
    // Charged to the mailboxes now. A slow reader may keep the publication for long, and
    // what waits for it is bounded by its outbox, not taken from what others may publish.
    if let Some(admission) = &publication.admission {
        admission.give_back();
    } else {
        // Room is reserved for what is published here: this came from another node.
        let matched = if mask == 0 { DeliveryMatch::Unmatched } else { DeliveryMatch::Matched };
        node.metrics.inc(Counter::AdapterMessages(Direction::In));
        node.metrics.inc(Counter::AdapterDeliveries(matched));
    }
    if refused > 0 {
        node.metrics.add(Counter::MessagesDropped(DropReason::MailboxFull), refused);
        if losses.due().is_none() {
            tracing::warn!(shards = refused, "publications of other nodes are dropped: mailbox full");
        }
        losses.note(publication, node.clock.unix());
    }
}

fn order(node: &Node, request: &Arc<Request>, responder: &Responder) {
    let delivery = match &**request {
        Request::BroadcastWithAcks { publication, .. } => {
            let Some(entry) = node.namespace_index(publication.namespace.as_str()) else {
                return;
            };
            let mut publication = publication.clone();
            // The request keeps it until every shard has delivered; a slow reader must not.
            publication.admission = None;
            publication.ack = node.namespaces.get(entry as usize).map(crate::node::NamespaceEntry::next_ack);
            Some(Arc::new(Delivery::new(publication, None)))
        }
        _ => None,
    };
    for mailbox in node.mailboxes() {
        let mail = Mail::Order(Arc::clone(request), delivery.clone(), responder.clone());
        mailbox.post_admitted(mail, MAIL_BYTES);
    }
}
