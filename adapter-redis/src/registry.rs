//! The registry: what each node leaves in Redis under its tag, so that a node that was never heard can be found.
//!
//! A tag is claimed with `SET … NX`: two nodes with one tag would take each other's ids for their own. An
//! entry lives for 15 s after its node last renewed it; Redis counts that time, so that nothing expires while
//! Redis itself is away.
//!
//! In a Cluster the entry is with the master of its slot; in the classic format the link may be to another
//! one, which says where to ask (`MOVED`). That is followed once, on a connection of its own.
//!
//! Deliberately absent: who is heard, which is what counts as long as there is no doubt (`peers`).

use std::time::Duration;

use redis::{Cmd, Value};
use roomcast_core::cluster::NodeInfo;
use roomcast_core::id::NodeTag;

use crate::connection::{Connection, Gone, Nobody, refusal, text};
use crate::peers::FORGET_MS;
use crate::proof::Fault;
use crate::shared::Shared;
use crate::wire::gateways;

/// How long another master may take that has the slot of a key.
const DETOUR: Duration = Duration::from_secs(1);

/// What came of writing this node down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there.
    Yes,
    /// Redis refused it: others find this node only by what it says itself.
    No,
}

/// Writes this node down. For the first time on a connection it claims the tag: somebody else's is a fault.
pub(crate) async fn write(shared: &Shared, connection: &Connection, first: bool) -> Result<Written, Fault> {
    let (key, me) = (gateways::node_key(&shared.config.prefix, shared.tag()), shared.me());
    let mut set = redis::cmd("SET");
    set.arg(&key).arg(gateways::encode_node(&me)).arg("PX").arg(FORGET_MS);
    let lost = |_: Gone| Fault::Lost;
    if first {
        let taken = call(shared, connection, set.clone().arg("NX")).await.map_err(lost)?;
        if text(&taken).is_some() {
            return Ok(Written::Yes);
        }
        // By an earlier life of this link, or by another node.
        let found = call(shared, connection, redis::cmd("GET").arg(&key)).await.map_err(lost)?;
        let other = text(&found).as_deref().and_then(gateways::decode_node);
        if other.is_some_and(|other| other.internal != me.internal || other.started_at != me.started_at) {
            return Err(Fault::TagTaken);
        }
    }
    let reply = call(shared, connection, &set).await.map_err(lost)?;
    match refusal(&reply) {
        None => Ok(Written::Yes),
        Some(why) => {
            tracing::debug!(why, "this node is not in the registry");
            Ok(Written::No)
        }
    }
}

/// Where a node is, by what it has left.
pub(crate) async fn find(shared: &Shared, tag: NodeTag) -> Option<NodeInfo> {
    let key = gateways::node_key(&shared.config.prefix, tag);
    let connection = shared.links.of(&key).connection()?;
    let found = call(shared, &connection, redis::cmd("GET").arg(&key)).await.ok()?;
    gateways::decode_node(&text(&found)?)
}

/// Takes this node out.
pub(crate) async fn remove(shared: &Shared) {
    let key = gateways::node_key(&shared.config.prefix, shared.tag());
    if let Some(connection) = shared.links.of(&key).connection() {
        // It expires by itself, if this does not come to pass.
        let _ = call(shared, &connection, redis::cmd("DEL").arg(&key)).await;
    }
}

/// One command about a key, wherever its slot is.
async fn call(shared: &Shared, connection: &Connection, command: &Cmd) -> Result<Value, Gone> {
    let reply = connection.call(command).await?;
    let why = refusal(&reply).unwrap_or_default();
    let Some(address) = moved_to(&why) else { return Ok(reply) };
    let Ok(endpoint) = shared.links.endpoint(&shared.config, address.to_owned()) else { return Ok(reply) };
    let detour = async { endpoint.connect(Nobody).await.ok()?.call(command).await.ok() };
    match tokio::time::timeout(DETOUR, detour).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) | Err(_) => {
            tracing::debug!(address, "the registry is elsewhere, and there is no answer from there");
            Ok(reply)
        }
    }
}

/// The address in `MOVED slot host:port`.
fn moved_to(why: &str) -> Option<&str> {
    let mut words = why.split_ascii_whitespace();
    (words.next() == Some("MOVED")).then(|| words.nth(1)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_where_a_slot_is() {
        assert_eq!(moved_to("MOVED 3999 127.0.0.1:6381"), Some("127.0.0.1:6381"));
        assert_eq!(moved_to("MOVED 3999"), None);
        assert_eq!(moved_to("NOPERM no access"), None);
        assert_eq!(moved_to(""), None);
    }
}
