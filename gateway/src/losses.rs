//! Publications of other nodes that found a shard's mailbox full: they were dropped, and so they
//! are a gap, told when a while has passed, for all that were dropped in it.
//!
//! Bounded: by the namespaces of the node, and [`GAP_ROOMS_MAX`] rooms in each; beyond that the gap
//! is one of all rooms.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use roomcast_core::cluster::Gap;
use roomcast_core::publication::{Publication, UnixMillis};
use roomcast_core::room::{Namespace, Room};

use crate::limits::GAP_ROOMS_MAX;

/// How long losses are gathered before they are told.
const GATHERED: Duration = Duration::from_millis(500);
/// How long before its loss a publication may have been made, by the clock of its node.
const BEFORE_MS: UnixMillis = 1000;

/// What was dropped and not told yet.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    since: Option<Instant>,
    namespaces: HashMap<Namespace, Loss>,
}

#[derive(Debug)]
struct Loss {
    from: UnixMillis,
    /// `None`: all of them.
    rooms: Option<HashSet<Room>>,
}

impl Losses {
    /// A publication was dropped.
    pub(crate) fn note(&mut self, publication: &Publication, now: UnixMillis) {
        self.since.get_or_insert_with(Instant::now);
        let from = publication.published_at.clamp(now.saturating_sub(BEFORE_MS), now);
        let fresh = || Loss { from, rooms: Some(HashSet::new()) };
        let loss = self.namespaces.entry(publication.namespace.clone()).or_insert_with(fresh);
        loss.from = loss.from.min(from);
        let rooms = &publication.audience.rooms;
        match &mut loss.rooms {
            Some(known) if !rooms.is_empty() && known.len() + rooms.len() <= GAP_ROOMS_MAX => {
                known.extend(rooms.iter().cloned());
            }
            known => *known = None,
        }
    }

    /// When they are to be told; `None`: there are none.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + GATHERED)
    }

    /// The gaps, if it is time to tell them.
    pub(crate) fn take(&mut self, now: UnixMillis) -> Vec<Gap> {
        if self.due().is_none_or(|due| Instant::now() < due) {
            return Vec::new();
        }
        self.since = None;
        let gap = |(namespace, loss): (Namespace, Loss)| Gap {
            namespace: Some(namespace),
            rooms: loss.rooms.into_iter().flatten().collect(),
            from: loss.from,
            until: now,
        };
        self.namespaces.drain().map(gap).collect()
    }
}

#[cfg(test)]
mod tests {
    use roomcast_core::publication::{Audience, Payload};

    use super::*;

    fn publication(rooms: &[&str], at: UnixMillis) -> Publication {
        let rooms = rooms.iter().map(|name| Room::new(name).expect("a name")).collect();
        let payload = Payload::from_data("[\"x\"]", Vec::new()).expect("a payload");
        Publication::new("1".into(), Namespace::root(), Audience { rooms, except: Vec::new() }, payload, at)
    }

    fn taken(losses: &mut Losses) -> Gap {
        losses.since = losses.since.map(|since| since.checked_sub(GATHERED).unwrap_or(since));
        let mut gaps = losses.take(9000);
        assert_eq!((gaps.len(), losses.due()), (1, None));
        gaps.remove(0)
    }

    #[test]
    fn losses_are_gathered_and_told_once() {
        let mut losses = Losses::default();
        assert!(losses.take(1).is_empty() && losses.due().is_none());
        losses.note(&publication(&["a"], 5000), 5100);
        losses.note(&publication(&["b", "a"], 1), 5200);
        assert!(losses.take(5300).is_empty(), "not yet");
        let gap = taken(&mut losses);
        assert_eq!((gap.from, gap.until, gap.rooms.len()), (4200, 9000, 2), "a clock that is wrong is not believed");
        // Beyond the bound, or to everybody: all rooms.
        let many: Vec<String> = (0..=GAP_ROOMS_MAX).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        losses.note(&publication(&many, 5000), 5000);
        losses.note(&publication(&["a"], 5000), 5000);
        assert!(taken(&mut losses).rooms.is_empty());
        losses.note(&publication(&["a"], 5000), 5000);
        losses.note(&publication(&[], 5000), 5000);
        assert!(taken(&mut losses).rooms.is_empty());
    }
}
