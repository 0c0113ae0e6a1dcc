//! The timer wheel of a shard: one entry a connection, no timer and no task of its own.
//!
//! A ring of slots, each [`SLOT_MS`] wide. An entry beyond the ring's horizon waits in
//! the last slot and is put in again from there.

use roomcast_core::session::Millis;

use super::ConnKey;

/// Width of a slot: how late a timer may fire.
pub(crate) const SLOT_MS: Millis = 10;
const SLOTS: usize = 4096;

#[derive(Debug)]
pub(crate) struct Wheel {
    slots: Vec<Vec<(ConnKey, Millis)>>,
    /// The slot that is due next, counted from the clock's start.
    next: u64,
    /// No entry comes out before this slot; `u64::MAX` while there are none.
    soonest: u64,
}

impl Wheel {
    pub(crate) fn new(now: Millis) -> Self {
        Self { slots: vec![Vec::new(); SLOTS], next: now / SLOT_MS, soonest: u64::MAX }
    }

    /// Has `key` come out at `at` or up to one slot later.
    pub(crate) fn insert(&mut self, key: ConnKey, at: Millis) {
        let slot = at.div_ceil(SLOT_MS).clamp(self.next, self.next + SLOTS as u64 - 1);
        if let Some(entries) = self.slots.get_mut((slot % SLOTS as u64) as usize) {
            entries.push((key, at));
            self.soonest = self.soonest.min(slot);
        }
    }

    /// Moves everything due at `now` to `due`.
    pub(crate) fn take_due(&mut self, now: Millis, due: &mut Vec<ConnKey>) {
        let end = now / SLOT_MS + 1;
        if self.soonest >= end {
            self.next = self.next.max(end);
            return;
        }
        let mut early = Vec::new();
        for slot in self.soonest.max(self.next)..end.min(self.next + SLOTS as u64) {
            if let Some(entries) = self.slots.get_mut((slot % SLOTS as u64) as usize) {
                // Taken, not drained: a slot that once held many would keep their memory for ever.
                for (key, at) in std::mem::take(entries) {
                    if at <= now {
                        due.push(key);
                    } else {
                        early.push((key, at));
                    }
                }
            }
        }
        self.next = end;
        self.soonest = self.first_used();
        for (key, at) in early {
            self.insert(key, at);
        }
    }

    /// When to look again; `None` while nothing is in the wheel.
    pub(crate) fn next_at(&self) -> Option<Millis> {
        (self.soonest != u64::MAX).then(|| self.soonest * SLOT_MS)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.slots.iter().map(Vec::len).sum()
    }

    fn first_used(&self) -> u64 {
        let mut ahead = self.next..self.next + SLOTS as u64;
        let used = |slot: &u64| self.slots.get((slot % SLOTS as u64) as usize).is_some_and(|s| !s.is_empty());
        ahead.find(used).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(index: u32) -> ConnKey {
        ConnKey { index, generation: 0 }
    }

    #[test]
    fn entries_come_out_when_due_and_not_before() {
        let mut wheel = Wheel::new(1_000);
        wheel.insert(key(1), 1_500);
        wheel.insert(key(2), 1_505);
        let mut due = Vec::new();
        wheel.take_due(1_499, &mut due);
        assert!(due.is_empty());
        assert_eq!(wheel.next_at(), Some(1_500));
        wheel.take_due(1_500, &mut due);
        assert_eq!(due, [key(1)]);
        wheel.take_due(1_510, &mut due);
        assert_eq!(due, [key(1), key(2)]);
        assert_eq!(wheel.next_at(), None);
    }

    #[test]
    fn an_entry_beyond_the_horizon_waits_for_its_time() {
        let mut wheel = Wheel::new(0);
        wheel.insert(key(1), 100_000);
        let mut due = Vec::new();
        let mut now = 0;
        while let Some(next) = wheel.next_at() {
            assert!(due.is_empty());
            now = next;
            wheel.take_due(now, &mut due);
        }
        assert_eq!((now, due), (100_000, vec![key(1)]));
    }

    #[test]
    fn the_past_comes_out_at_once_and_idle_time_costs_nothing() {
        let mut wheel = Wheel::new(0);
        let mut due = Vec::new();
        wheel.take_due(10_000_000, &mut due);
        wheel.insert(key(3), 5);
        wheel.take_due(10_000_010, &mut due);
        assert_eq!(due, [key(3)]);
    }
}
