//! Proving a link, all the time: canaries and the server's role; less often, the subscriptions
//! that Redis holds for us; and whether the other nodes' canaries come here as well.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::Value;
use roomcast_core::cluster::NodeInfo;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Link, announcer, lock};
use crate::connection::{Connection, number, text};
use crate::peers::FORGET_MS;
use crate::proof::{APART_MS, Fault, SILENCE_MS};
use crate::shared::Shared;
use crate::wire::gateways::{self, Own};

/// From one canary to the next.
const CANARY: Duration = Duration::from_millis(500);
/// From one count of the subscriptions to the next.
const COUNT: Duration = Duration::from_secs(10);
/// From one look at the other nodes to the next.
const LOOK: Duration = Duration::from_secs(1);
/// From one look to the next, before a link is sound.
const MEET: Duration = Duration::from_millis(100);
/// A node that has not answered for so long does not say whether its link is sound.
const PROBE: Duration = Duration::from_secs(1);

/// Proves until there is a fault.
pub(super) async fn probe(shared: &Arc<Shared>, link: &Link, publishes: &Connection, hears: &Connection) -> Fault {
    tokio::select! {
        fault = canaries(shared, link, publishes) => fault,
        fault = overdue(shared, link) => fault,
        fault = counts(link, hears) => fault,
        fault = others(shared, link) => fault,
        fault = announcer::announce(shared, link, publishes) => fault,
    }
}

async fn canaries(shared: &Shared, link: &Link, publishes: &Connection) -> Fault {
    let mut ticks = interval(CANARY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = link.prove.notified() => {}
        }
        let canary = link.canaries.fetch_add(1, Ordering::Relaxed);
        let Some((life, sound)) = lock(&link.proof).sent(canary, shared.clock.now()) else { return Fault::Lost };
        let payload = gateways::encode(&Own::Canary { from: shared.tag(), sequence: canary, life, sound });
        let mut bytes = redis::cmd("ROLE").get_packed_command();
        redis::cmd(shared.links.publish_verb()).arg(&link.canary).arg(&payload[..]).write_packed_command(&mut bytes);
        let Ok(replies) = publishes.pipeline(bytes, 2).await else {
            return Fault::Lost;
        };
        let role = replies.first().and_then(|role| match role {
            Value::Array(role) => role.first().and_then(text),
            _ => None,
        });
        match role.as_deref() {
            Some("slave") => return Fault::Replica,
            // Where ROLE is not allowed, as some providers have it, the canary alone has to do.
            _ if replies.get(1).and_then(number).is_some() => {
                link.learn(shared, |proof| proof.taken(canary));
            }
            _ => {}
        }
    }
}

async fn overdue(shared: &Shared, link: &Link) -> Fault {
    let mut ticks = interval(CANARY / 2);
    loop {
        ticks.tick().await;
        if let Some(fault) = lock(&link.proof).overdue(shared.clock.now()) {
            return fault;
        }
    }
}

/// Whether Redis holds the subscriptions that it should.
async fn counts(link: &Link, hears: &Connection) -> Fault {
    let mut ticks = interval(COUNT);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        // A count while something is in flight says nothing.
        let Some(before) = lock(&link.wishes).counts() else { continue };
        let Ok(reply) = hears.call(redis::cmd("CLIENT").arg("INFO")).await else {
            return Fault::Lost;
        };
        let after = lock(&link.wishes).counts();
        let Some(held) = text(&reply).as_deref().and_then(held) else { continue };
        if after == Some(before) && held != before {
            tracing::warn!(?held, wanted = ?before, "Redis holds other subscriptions than it should");
            return Fault::Subscriptions;
        }
    }
}

/// The counts in what `CLIENT INFO` says: channels, patterns, shard channels.
fn held(info: &str) -> Option<[usize; 3]> {
    let count = |name: &str| info.split_ascii_whitespace().find_map(|pair| pair.strip_prefix(name)?.parse().ok());
    // Redis 6 knows no shard channels.
    Some([count("sub=")?, count("psub=")?, count("ssub=").unwrap_or(0)])
}

/// Whether the other nodes' canaries come here: if one says that its link is sound and is not heard,
/// it publishes elsewhere.
async fn others(shared: &Arc<Shared>, link: &Link) -> Fault {
    let began = shared.clock.now();
    if !meet(shared, link).await {
        return Fault::Split(began);
    }
    lock(&link.proof).live(shared.clock.now());
    link.prove.notify_one();
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = shared.clock.now();
        let last = link.last_heard(shared);
        let last = |peer: &NodeInfo| last.get(&peer.tag).copied().unwrap_or(now).max(began);
        let mut silent = shared.peers.all();
        silent.retain(|peer| now.saturating_sub(last(peer)) > APART_MS);
        for (peer, sound) in ask(shared, silent).await {
            if sound != Some(true) {
                link.excuse_peer(peer.tag, sound, now);
            } else if now.saturating_sub(last(&peer)) > SILENCE_MS {
                tracing::warn!(node = %peer.tag, "another node says that its link is sound, and is not heard here");
                return Fault::Split(last(&peer));
            }
            // One that answers is there, whatever its link.
            if sound.is_none() && now.saturating_sub(peer.heard_at.max(began)) > FORGET_MS {
                tracing::info!(node = %peer.tag, "another node is gone");
                shared.peers.left(peer.tag);
                link.forget_peer(peer.tag);
            }
        }
    }
}

/// Waits until all that is wanted is live, and every other node is heard here or says that its own link is not
/// sound: one that is sound elsewhere publishes elsewhere, and then this is not the place. `false`: it stays so.
async fn meet(shared: &Arc<Shared>, link: &Link) -> bool {
    if link.subscribed.subscribe().wait_for(|subscribed| *subscribed).await.is_err() {
        return false;
    }
    let since = shared.clock.now();
    let mut ticks = interval(MEET);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Who did not answer once is not waited for again.
    let mut silent = HashSet::new();
    loop {
        ticks.tick().await;
        let mut unheard = shared.peers.all();
        unheard.retain(|peer| !lock(&link.heard).contains_key(&peer.tag));
        let mut asked = unheard.clone();
        asked.retain(|peer| !silent.contains(&peer.tag));
        let answers = ask(shared, asked).await;
        silent.extend(answers.iter().filter(|(_, sound)| sound.is_none()).map(|(peer, _)| peer.tag));
        if answers.iter().all(|(_, sound)| *sound != Some(true)) {
            let now = shared.clock.now();
            for peer in unheard {
                let answer = (!silent.contains(&peer.tag)).then_some(false);
                link.excuse_peer(peer.tag, answer, now);
            }
            return true;
        }
        if shared.clock.now().saturating_sub(since) > SILENCE_MS {
            return false;
        }
    }
}

/// What these nodes say of their links. All are asked at once, and for a bounded time.
async fn ask(shared: &Shared, peers: Vec<NodeInfo>) -> Vec<(NodeInfo, Option<bool>)> {
    let probe = |peer: NodeInfo| {
        let sound = tokio::time::timeout(PROBE, (shared.config.probe)(peer.clone()));
        async move { (peer, sound.await.ok().flatten()) }
    };
    let mut asked: JoinSet<_> = peers.into_iter().map(probe).collect();
    let mut answers = Vec::new();
    while let Some(answer) = asked.join_next().await {
        answers.extend(answer.ok());
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_client_info_are_read() {
        let info = "id=7 addr=127.0.0.1:1 name=x sub=3 psub=1 ssub=2 multi=-1 tot-mem=1";
        assert_eq!(held(info), Some([3, 1, 2]));
        assert_eq!(held("id=7 sub=3 psub=0 multi=-1"), Some([3, 0, 0]));
        assert_eq!(held("id=7"), None);
    }
}
