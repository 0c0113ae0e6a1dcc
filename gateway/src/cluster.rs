//! From the adapter to the shards: deliveries to those that have a member, requests to
//! all of them, gaps to whoever may have missed something.

use std::sync::Arc;
use std::time::{Duration, Instant};

use roomcast_core::adapter::{Event, Events, Responder};
use roomcast_core::cluster::{Answer, Request};
use roomcast_core::delivery::Delivery;
use roomcast_core::publication::{Admission, Publication};

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
            Ok(Some(Event::Request(request, responder))) => order(&node, &request, &responder, &mut losses),
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
    let bytes = publication.payload.bytes() + MAIL_BYTES;
    let (admission, mail) = (publication.admission.as_ref(), || Mail::Deliver(Arc::clone(delivery), bytes));
    hand_out(node, publication, admission, losses, mail);
}

/// What became of a publication here, as masks of shards.
struct HandedOut {
    /// Those that have members.
    concerned: u64,
    /// Of these: those that had no room for it.
    refused: u64,
}

/// Posts a publication to the shards that have members. Without an admission for it here it came from another
/// node, and what does not fit is dropped.
fn hand_out(
    node: &Node,
    publication: &Publication,
    admission: Option<&Admission>,
    losses: &mut Losses,
    mail: impl Fn() -> Mail,
) -> HandedOut {
    let concerned = node.interest.mask(&publication.namespace, &publication.audience);
    let mut refused = 0_u64;
    for (index, mailbox) in node.mailboxes().iter().enumerate() {
        if concerned & (1 << index) == 0 {
            continue;
        }
        let mail = mail();
        let bytes = mail.bytes();
        if admission.is_some() {
            mailbox.post_admitted(mail, bytes);
        } else if mailbox.post(mail, bytes).is_err() {
            refused |= 1 << index;
        }
    }
    // Charged to the mailboxes now. A slow reader may keep the publication for long, and
    // what waits for it is bounded by its outbox, not taken from what others may publish.
    if let Some(admission) = admission {
        admission.give_back();
    } else {
        // Room is reserved for what is published here: this came from another node.
        let matched = if concerned == 0 { DeliveryMatch::Unmatched } else { DeliveryMatch::Matched };
        node.metrics.inc(Counter::AdapterMessages(Direction::In));
        node.metrics.inc(Counter::AdapterDeliveries(matched));
    }
    if refused > 0 {
        let shards = refused.count_ones();
        node.metrics.add(Counter::MessagesDropped(DropReason::MailboxFull), u64::from(shards));
        if losses.due().is_none() {
            tracing::warn!(shards, "publications of other nodes are dropped: mailbox full");
        }
        losses.note(publication, node.clock.unix());
    }
    HandedOut { concerned, refused }
}

fn order(node: &Node, request: &Arc<Request>, responder: &Responder, losses: &mut Losses) {
    if let Request::BroadcastWithAcks { publication, .. } = &**request {
        return broadcast(node, request, publication, responder, losses);
    }
    for mailbox in node.mailboxes() {
        mailbox.post_admitted(Mail::Order(Arc::clone(request), None, responder.clone()), MAIL_BYTES);
    }
}

/// Every shard is answered for: by itself, or here if it has no members, or no room.
fn broadcast(
    node: &Node,
    request: &Arc<Request>,
    publication: &Publication,
    responder: &Responder,
    losses: &mut Losses,
) {
    let Some(entry) = node.namespace_index(publication.namespace.as_str()) else {
        return;
    };
    let admission = publication.admission.as_ref();
    let mut publication = publication.clone();
    // Given back when it is handed out; a slow reader must not keep it.
    publication.admission = None;
    publication.ack = node.namespaces.get(entry as usize).map(crate::node::NamespaceEntry::next_ack);
    let delivery = Arc::new(Delivery::new(publication, None));
    let mail = || Mail::Order(Arc::clone(request), Some(Arc::clone(&delivery)), responder.clone());
    let HandedOut { concerned, refused } = hand_out(node, &delivery.publication, admission, losses, mail);
    let unasked = (0..node.mailboxes().len()).filter(|index| (concerned & !refused) & (1 << index) == 0);
    let mut answers: Vec<Answer> = unasked.map(|_| Answer::Asked(0)).collect();
    if refused > 0 {
        answers.push(Answer::Refused(refused.count_ones() as usize));
    }
    let responder = responder.clone();
    // In a task: whoever asks may be slow to read.
    tokio::spawn(async move {
        for answer in answers {
            responder.send(answer).await;
        }
    });
}
