//! Telling the others, on the link where that belongs: of this node, and of gaps that it has made for them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Link;
use crate::connection::Connection;
use crate::proof::Fault;
use crate::registry::{self, Written};
use crate::shared::Shared;
use crate::wire::gateways::{self, Own};

/// From one announcement of this node to the next.
const ANNOUNCE: Duration = Duration::from_secs(5);

/// Tells the others of this node, and leaves word of it in Redis, on the link where that belongs.
pub(super) async fn announce(shared: &Arc<Shared>, link: &Link, publishes: &Connection) -> Fault {
    let key = gateways::node_key(&shared.config.prefix, shared.tag());
    let mut next = Instant::now();
    let mut written = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = shared.untold.changed.notified() => {}
            // At once: who does not know the others does not miss them either.
            () = link.sound.notified() => next = Instant::now(),
        }
        tell(shared, link).await;
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + ANNOUNCE;
        if shared.left.load(Ordering::Relaxed) {
            continue;
        }
        if shared.links.is_of(link, &key) {
            match registry::write(shared, publishes, written != Some(Written::Yes)).await {
                Ok(now) => {
                    if now == Written::No && written != Some(now) {
                        tracing::warn!(
                            "this node is not in the registry in Redis, which refuses it or is away: others know it by what it says"
                        );
                    }
                    written = Some(now);
                }
                Err(fault) => return fault,
            }
        }
        if shared.links.is_of(link, &gateways::all(&shared.config.prefix)) {
            shared.announce(&Own::Joined(shared.me()));
        }
    }
}

/// Tells the others of gaps that this node has made for them, if this is the link where that belongs; what
/// Redis does not take stays.
async fn tell(shared: &Shared, link: &Link) {
    let channel = gateways::all(&shared.config.prefix);
    while let Some(gap) = shared.untold.next().filter(|_| shared.links.is_of(link, &channel)) {
        let payload = gateways::encode(&Own::Gap { from: shared.tag(), gap: gap.clone() });
        let Ok(told) = link.post(shared, channel.clone(), payload, None) else { return };
        let Ok(Ok(_)) = told.await else { return };
        shared.untold.told(&gap);
    }
}
