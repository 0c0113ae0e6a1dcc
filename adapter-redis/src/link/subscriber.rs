//! Asking Redis for what is wanted: the difference, in bounded batches, for as long as the
//! connection lives.

use std::time::{Duration, Instant};

use roomcast_core::cluster::Gap;

use super::publisher::moved;
use super::{Link, lock};
use crate::connection::{Connection, refusal};
use crate::proof::Fault;
use crate::shared::Shared;
use crate::wishes::{Mended, Owner};

/// Channels of one batch.
const BATCH: usize = 500;
/// Pause after Redis has refused a channel.
const PAUSE: Duration = Duration::from_millis(500);

/// Asks until the connection is gone.
pub(super) async fn subscribe(shared: &Shared, link: &Link, connection: &Connection) -> Fault {
    let began = Instant::now();
    let mut all_live = false;
    loop {
        let now = shared.clock.now();
        let linger = shared.config.linger.as_millis() as u64;
        let batch = {
            let mut wishes = lock(&link.wishes);
            wishes.let_go(now.saturating_sub(linger));
            wishes.next(BATCH)
        };
        let Some((verb, channels)) = batch else {
            if !all_live && lock(&link.wishes).is_live() {
                all_live = true;
                lock(&link.proof).live(shared.clock.now());
                shared.counts.resubscribed.inc();
                shared.counts.resubscribe_ms.add(began.elapsed().as_millis() as u64);
                let channels = lock(&link.wishes).len();
                tracing::debug!(channels, ms = began.elapsed().as_millis(), "subscribed to all that is wanted");
            }
            idle(shared, link, linger).await;
            continue;
        };
        let Ok(refused) = connection.subscribe(verb, &channels).await else {
            return Fault::Lost;
        };
        if refused.is_empty() {
            mend(shared, lock(&link.wishes).confirmed(&channels));
            continue;
        }
        refuse(shared, link, &channels, &refused);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until something has changed, or has lingered for long enough.
async fn idle(shared: &Shared, link: &Link, linger: u64) {
    let longest = lock(&link.wishes).longest_lingering();
    let changed = link.changed.notified();
    match longest {
        None => changed.await,
        Some(at) => {
            let left = (at + linger + 1).saturating_sub(shared.clock.now());
            let _ = tokio::time::timeout(Duration::from_millis(left), changed).await;
        }
    }
}

/// Redis has refused some commands of a batch; one that takes many channels is refused as a whole.
fn refuse(shared: &Shared, link: &Link, channels: &[String], refused: &[(usize, redis::Value)]) {
    let many = refused.len() == 1 && refused[0].0 == 0 && channels.len() > 1 && !shared.links.one_at_a_time();
    let mut confirmed = Vec::new();
    let hole = link.proven();
    for (place, channel) in channels.iter().enumerate() {
        let why = refused.iter().find(|(at, _)| *at == place || many).and_then(|(_, why)| refusal(why));
        let Some(why) = why else {
            confirmed.push(channel.clone());
            continue;
        };
        shared.counts.refused_subscriptions.inc();
        if moved(&why) {
            shared.links.slot_moved(&why);
        } else {
            tracing::warn!(channel, why, "Redis refused a subscription");
        }
        lock(&link.wishes).lost(channel, hole);
    }
    mend(shared, lock(&link.wishes).confirmed(&confirmed));
}

/// Channels that had a hole of their own are live again.
fn mend(shared: &Shared, mended: Vec<Mended>) {
    let until = shared.clock.now();
    for Mended { owners, from } in mended {
        for owner in owners {
            let (namespace, rooms) = match owner {
                Owner::Node | Owner::Requests(_) => continue,
                Owner::Namespace(namespace) => (namespace, Vec::new()),
                Owner::Room(namespace, room) => (namespace, vec![room]),
            };
            shared.declare(Gap { namespace: Some(namespace), rooms, from, until });
        }
    }
}
