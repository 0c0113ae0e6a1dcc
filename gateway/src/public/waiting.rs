//! Connections of a shard that wait for a request: new ones, and idle ones between two.
//!
//! They are nobody's yet, so nothing else bounds them. Beyond the bound the one that has
//! waited longest is closed: peers that connect and say nothing push out each other, and
//! whoever speaks at once does not notice.
//!
//! Deliberately absent: a bound for each address, which would count everybody behind one
//! proxy as one; and requests in progress, which belong to a session or end at once.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::Notify;

use crate::metrics::{Counter, Gauge};
use crate::shard::Shard;

/// The waiting connections of one shard, the longest waiting first.
pub(crate) struct Waiting {
    max: usize,
    turns: u64,
    by_turn: BTreeMap<u64, Rc<Notify>>,
}

impl Waiting {
    /// None waits; `max` may.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, turns: 0, by_turn: BTreeMap::new() }
    }

    /// One more waits. Returns its turn, and the one that has to go.
    fn add(&mut self, who: Rc<Notify>) -> (u64, Option<Rc<Notify>>) {
        let full = self.by_turn.len() >= self.max;
        let longest = if full { self.by_turn.pop_first() } else { None };
        self.turns += 1;
        self.by_turn.insert(self.turns, who);
        (self.turns, longest.map(|(_, who)| who))
    }
}

/// One connection: whether it waits, and since when.
pub(super) struct Wait {
    shard: Rc<Shard>,
    turn: Cell<u64>,
    served_any: Cell<bool>,
    given_up: Rc<Notify>,
}

impl Wait {
    /// A new connection waits for its first request.
    pub(super) fn begin(shard: &Rc<Shard>) -> Self {
        let given_up = Rc::new(Notify::new());
        let wait = Self { shard: Rc::clone(shard), turn: Cell::new(0), served_any: Cell::new(false), given_up };
        wait.resume();
        wait
    }

    /// A request has come: it waits for none until what is returned goes.
    pub(super) fn pause(self: Rc<Self>) -> Busy {
        self.served_any.set(true);
        self.leave();
        Busy(self)
    }

    /// Whether any request has come.
    pub(super) fn served_any(&self) -> bool {
        self.served_any.get()
    }

    /// Resolves when it has to make room.
    pub(super) async fn given_up(&self) {
        self.given_up.notified().await;
    }

    fn resume(&self) {
        let (turn, longest) = self.shard.waiting.borrow_mut().add(Rc::clone(&self.given_up));
        self.turn.set(turn);
        let state = self.shard.state.borrow();
        match longest {
            Some(longest) => {
                longest.notify_one();
                state.cells.inc(Counter::HttpConnectionsGivenUp);
            }
            None => state.cells.gauge_add(Gauge::HttpConnectionsWaiting, 1),
        }
    }

    fn leave(&self) {
        if self.shard.waiting.borrow_mut().by_turn.remove(&self.turn.get()).is_some() {
            self.shard.state.borrow().cells.gauge_sub(Gauge::HttpConnectionsWaiting, 1);
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A request is in progress.
pub(super) struct Busy(Rc<Wait>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.resume();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waiting_makes_room() {
        let mut waiting = Waiting::new(2);
        let [a, b, c] = [(); 3].map(|()| Rc::new(Notify::new()));
        let (first, none) = waiting.add(Rc::clone(&a));
        assert!(none.is_none());
        let (second, none) = waiting.add(Rc::clone(&b));
        assert!(none.is_none() && second > first);
        let (_, gone) = waiting.add(c);
        assert!(gone.is_some_and(|gone| Rc::ptr_eq(&gone, &a)));
        waiting.by_turn.remove(&second);
        assert!(waiting.add(b).1.is_none(), "there was room again");
        assert_eq!(waiting.by_turn.len(), 2);
    }
}
