//! Gaps, as clients are told of them: which rooms, from when to when.
//!
//! A notice is an ordinary delivery to the members of a room, made once for the whole node. So it
//! stays behind whatever was delivered before, goes out in slices like everything else, and only
//! members hear of it, once each. A namespace may have its clients start afresh instead, or hear
//! nothing.
//!
//! Bounded: one notice for each room that has members here, up to [`GAP_ROOMS_MAX`] of them; beyond
//! that one for the members of all those rooms, which does not name the rooms.
//!
//! Deliberately absent: finding out that there is a gap, which is the adapter's business.

use std::sync::Arc;
use std::time::Duration;

use roomcast_core::cluster::{Gap, Select};
use roomcast_core::delivery::Delivery;
use roomcast_core::plain;
use roomcast_core::publication::{Audience, Origin, Payload, Publication};
use roomcast_core::room::{Namespace, Room};
use serde_json::json;

use crate::limits::GAP_ROOMS_MAX;
use crate::mail::{MAIL_BYTES, Mail};
use crate::metrics::{Counter, Histogram};
use crate::node::{NamespaceEntry, Node};
use crate::settings::OnGap;

/// The event by which Socket.IO clients hear of a gap.
pub const EVENT: &str = "roomcast.gap";
/// Rooms that the line of the log names.
const LOGGED_ROOMS: usize = 5;

/// Counts a gap, logs it, and tells the members of its rooms on this node.
pub(crate) fn tell(node: &Node, gap: &Gap) {
    node.metrics.inc(Counter::AdapterGaps);
    let length = gap.until.saturating_sub(gap.from);
    node.metrics.observe(Histogram::AdapterGap, Duration::from_millis(length));
    let mut notices = 0;
    for entry in &node.namespaces {
        if gap.namespace.as_ref().is_none_or(|namespace| *namespace == entry.name) {
            notices += tell_namespace(node, entry, gap);
        }
    }
    let some: Vec<&str> = gap.rooms.iter().take(LOGGED_ROOMS).map(Room::as_str).collect();
    tracing::warn!(
        namespace = gap.namespace.as_ref().map_or("all", Namespace::as_str),
        rooms = gap.rooms.len(),
        ?some,
        from_ms = gap.from,
        until_ms = gap.until,
        length_ms = length,
        notices,
        "publications between nodes may have been lost; no rooms means all of them"
    );
}

/// Returns how many notices were made.
fn tell_namespace(node: &Node, entry: &NamespaceEntry, gap: &Gap) -> u64 {
    if entry.on_gap == OnGap::Silent {
        return 0;
    }
    let has_members = |room: &&Room| node.interest.mask_of(&entry.name, room) != 0;
    let here: Vec<Room> = gap.rooms.iter().filter(has_members).cloned().collect();
    if here.is_empty() && !gap.rooms.is_empty() {
        return 0;
    }
    let whole = |rooms| Audience { rooms, except: Vec::new() };
    if entry.on_gap == OnGap::Reconnect {
        let select = Select { namespace: entry.name.clone(), audience: whole(here) };
        return start_afresh(node, &Arc::new(select));
    }
    let named = (1..=GAP_ROOMS_MAX).contains(&here.len());
    let audiences = if named { here.into_iter().map(Audience::room).collect() } else { vec![whole(here)] };
    let mut told = 0;
    for audience in audiences {
        told += u64::from(notify(node, &entry.name, audience, gap));
    }
    node.metrics.add(Counter::GapNotices, told);
    told
}

/// Delivers one notice to whoever is meant here.
fn notify(node: &Node, namespace: &Namespace, audience: Audience, gap: &Gap) -> bool {
    let rooms = audience.single_room().map(|room| [room.as_str()]);
    let members = json!({ "rooms": rooms, "from_ms": gap.from, "until_ms": gap.until }).to_string();
    // It holds no placeholder, and its name is nobody else's.
    let Ok(payload) = Payload::from_data(&format!("[\"{EVENT}\",{members}]"), Vec::new()) else {
        return false;
    };
    let plain = plain::gap(members.trim_start_matches('{').trim_end_matches('}'));
    let mask = node.interest.mask(namespace, &audience);
    let (id, now) = (node.publication_id(), node.clock.unix());
    let mut publication = Publication::new(id, namespace.clone(), audience, payload, now);
    publication.origin = Origin::Cluster;
    publication.remember = false;
    let bytes = publication.payload.bytes() + MAIL_BYTES;
    let delivery = Arc::new(Delivery::notice(publication, plain));
    for (_, mailbox) in node.mailboxes().iter().enumerate().filter(|(index, _)| mask & (1 << index) != 0) {
        mailbox.post_admitted(Mail::Deliver(Arc::clone(&delivery), bytes), bytes);
    }
    mask != 0
}

/// Has every shard concerned close the connections of the members.
fn start_afresh(node: &Node, select: &Arc<Select>) -> u64 {
    let mask = node.interest.mask(&select.namespace, &select.audience);
    for (_, mailbox) in node.mailboxes().iter().enumerate().filter(|(index, _)| mask & (1 << index) != 0) {
        mailbox.post_admitted(Mail::StartAfresh(Arc::clone(select)), MAIL_BYTES);
    }
    node.metrics.add(Counter::GapNotices, 1);
    1
}
