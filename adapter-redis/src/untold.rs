//! Gaps that this node has made for others, by publishing where few heard it: kept until Redis has taken the
//! word of them. Bounded: beyond [`UNTOLD_MAX`] they become one, of everything.

use std::sync::Mutex;

use roomcast_core::cluster::Gap;
use tokio::sync::Notify;

use crate::shared::lock;

/// Gaps that are kept apart.
const UNTOLD_MAX: usize = 1000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    gaps: Mutex<Vec<Gap>>,
    /// Told when there is one more.
    pub(crate) changed: Notify,
}

impl Untold {
    pub(crate) fn add(&self, gap: Gap) {
        let mut gaps = lock(&self.gaps);
        gaps.push(gap);
        if gaps.len() > UNTOLD_MAX {
            let from = gaps.iter().map(|gap| gap.from).min().unwrap_or_default();
            let until = gaps.iter().map(|gap| gap.until).max().unwrap_or_default();
            *gaps = vec![Gap { namespace: None, rooms: Vec::new(), from, until }];
        }
        // Every link looks whether it is the one to tell them.
        self.changed.notify_waiters();
    }

    /// One of them.
    pub(crate) fn next(&self) -> Option<Gap> {
        lock(&self.gaps).first().cloned()
    }

    /// The others were told of this one.
    pub(crate) fn told(&self, gap: &Gap) {
        lock(&self.gaps).retain(|known| known != gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from: u64) -> Gap {
        Gap { namespace: None, rooms: Vec::new(), from, until: from + 1 }
    }

    #[test]
    fn gaps_are_kept_until_they_are_told_and_too_many_are_one() {
        let untold = Untold::default();
        assert_eq!(untold.next(), None);
        untold.add(gap(5));
        untold.add(gap(7));
        assert_eq!((untold.next(), untold.next()), (Some(gap(5)), Some(gap(5))));
        untold.told(&gap(5));
        assert_eq!(untold.next(), Some(gap(7)));
        for from in 0..UNTOLD_MAX as u64 {
            untold.add(gap(100 + from));
        }
        let all = Gap { until: 100 + UNTOLD_MAX as u64, ..gap(7) };
        assert_eq!(untold.next(), Some(all.clone()));
        untold.told(&all);
        assert_eq!(untold.next(), None);
    }
}
