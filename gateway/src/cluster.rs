//! From the adapter to the shards: deliveries to those that have a member, requests to
//! all of them.

use std::sync::Arc;

use roomcast_core::adapter::{Event, Events, Responder};
use roomcast_core::cluster::Request;
use roomcast_core::delivery::Delivery;

use crate::mail::{MAIL_BYTES, Mail};
use crate::metrics::{Counter, DropReason};
use crate::node::Node;

/// Runs until the adapter is gone.
pub async fn run(node: Arc<Node>, mut events: Events) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Delivery(delivery) => deliver(&node, &delivery),
            Event::Request(request, responder) => order(&node, &request, &responder),
            Event::Gap(gap) => tracing::warn!(?gap, "gap declared"),
            Event::State(state) => tracing::info!(?state, "adapter link"),
        }
    }
}

fn deliver(node: &Node, delivery: &Arc<Delivery>) {
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
    }
    if refused > 0 {
        node.metrics.add(Counter::MessagesDropped(DropReason::MailboxFull), refused);
        tracing::warn!(shards = refused, "publication of another node dropped: mailbox full");
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
