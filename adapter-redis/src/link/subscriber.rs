//! Asking Redis for what is wanted: the difference, in bounded batches, for as long as the
//! connection lives.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use roomcast_core::cluster::Gap;
use roomcast_core::publication::UnixMillis;
use roomcast_core::room::{Namespace, Room};

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
            if !all_live && wishes.is_renewed() {
                // What was asked for before has been answered.
                all_live = true;
                link.subscribed.send_replace(true);
                shared.counts.resubscribed.inc();
                tracing::debug!(channels = wishes.len(), ms = began.elapsed().as_millis(), "subscribed anew");
            }
            wishes.let_go(now.saturating_sub(linger));
            wishes.next(BATCH)
        };
        let Some((verb, channels)) = batch else {
            idle(shared, link, linger).await;
            continue;
        };
        let Ok(mut refused) = connection.subscribe(verb, &channels).await else {
            return Fault::Lost;
        };
        if !refused.is_empty() && channels.len() > 1 && !verb.is_one_at_a_time() {
            // All of them, because of one: which one it is shows when they are asked one by one.
            refused.clear();
            for (place, channel) in channels.iter().enumerate() {
                let Ok(alone) = connection.subscribe(verb, std::slice::from_ref(channel)).await else {
                    return Fault::Lost;
                };
                refused.extend(alone.into_iter().map(|(_, why)| (place, why)));
            }
        }
        if refused.is_empty() {
            confirm(shared, link, &channels);
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

/// Redis has refused some channels of a batch. A slot that has moved is asked for elsewhere; what may not be
/// heard is left, and does not keep the link from being sound.
fn refuse(shared: &Shared, link: &Link, channels: &[String], refused: &[(usize, redis::Value)]) {
    let mut confirmed = Vec::new();
    let hole = link.doubt();
    for (place, channel) in channels.iter().enumerate() {
        let why = refused.iter().find(|(at, _)| *at == place).and_then(|(_, why)| refusal(why));
        let Some(why) = why else {
            confirmed.push(channel.clone());
            continue;
        };
        shared.counts.refused_subscriptions.inc();
        if moved(&why) {
            shared.links.slot_moved(&why);
            lock(&link.wishes).lost(channel, hole);
        } else {
            tracing::warn!(channel, why, "Redis refused a subscription: what is published there is not heard");
            lock(&link.wishes).refused(channel, hole);
        }
    }
    confirm(shared, link, &confirmed);
}

/// Redis has confirmed these: who waits for them is told.
fn confirm(shared: &Shared, link: &Link, channels: &[String]) {
    // Before, so that no fault comes between.
    lock(&link.proof).acknowledged();
    mend(shared, lock(&link.wishes).confirmed(channels));
}

/// Channels that had a hole of their own are live again: one gap for those of a namespace with the same beginning.
fn mend(shared: &Shared, mended: Vec<Mended>) {
    let until = shared.clock.now();
    let mut gaps: BTreeMap<(Namespace, UnixMillis), Option<Vec<Room>>> = BTreeMap::new();
    for Mended { owners, from } in mended {
        for owner in owners {
            match owner {
                Owner::Node | Owner::Requests(_) => {}
                // Everybody: whatever rooms there are beside.
                Owner::Namespace(namespace) => drop(gaps.insert((namespace, from), None)),
                Owner::Room(namespace, room) => {
                    if let Some(rooms) = gaps.entry((namespace, from)).or_insert_with(|| Some(Vec::new())) {
                        rooms.push(room);
                    }
                }
            }
        }
    }
    for ((namespace, from), rooms) in gaps {
        let rooms = rooms.unwrap_or_default();
        shared.declare(Gap { namespace: Some(namespace), rooms, from, until: until.max(from) });
    }
}
