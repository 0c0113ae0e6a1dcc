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
    /// Whether a request is in progress.
    busy: Cell<bool>,
    served_any: Cell<bool>,
    given_up: Rc<Notify>,
}

impl Wait {
    /// A new connection waits for its first request.
    pub(super) fn begin(shard: &Rc<Shard>) -> Self {
        let given_up = Rc::new(Notify::new());
        let (busy, served_any) = (Cell::new(false), Cell::new(false));
        let wait = Self { shard: Rc::clone(shard), turn: Cell::new(0), busy, served_any, given_up };
        wait.enter();
        wait
    }

    /// A request has come: it waits for none until that has its `answer`. If it dies before,
    /// and the future with it, it waits for none ever.
    pub(super) fn during<T>(self: Rc<Self>, answer: impl Future<Output = T>) -> impl Future<Output = T> {
        self.served_any.set(true);
        self.busy.set(true);
        self.leave();
        async move {
            let answer = answer.await;
            self.busy.set(false);
            self.enter();
            answer
        }
    }

    /// Whether any request has come.
    pub(super) fn served_any(&self) -> bool {
        self.served_any.get()
    }

    /// Resolves when it has to make room. That it had to is void once a request has come.
    pub(super) async fn given_up(&self) {
        loop {
            self.given_up.notified().await;
            if !self.busy.get() && !self.is_waiting() {
                return self.shard.state.borrow().cells.inc(Counter::HttpConnectionsGivenUp);
            }
        }
    }

    fn is_waiting(&self) -> bool {
        self.shard.waiting.borrow().by_turn.contains_key(&self.turn.get())
    }

    fn enter(&self) {
        let (turn, longest) = self.shard.waiting.borrow_mut().add(Rc::clone(&self.given_up));
        self.turn.set(turn);
        let state = self.shard.state.borrow();
        match longest {
            Some(longest) => longest.notify_one(),
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

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::pin::pin;

    use std::task::{Context, Waker};

    use roomcast_core::id::ShardIndex;
    use tokio::sync::oneshot;

    use super::*;

    use crate::node::{Node, Parts};

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

    /// A shard where one connection may wait.
    fn shard() -> Rc<Shard> {
        let node = Node::new(Parts::small());
        Shard::new(ShardIndex::new(0).expect("an index"), node)
    }

    /// Whether it is ready at once.
    fn is_ready(future: impl Future) -> bool {
        pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_request_that_has_come_makes_void_that_its_connection_had_to_go() {
        let shard = shard();
        let given_up = || shard.node.metrics.counter(Counter::HttpConnectionsGivenUp);
        let first = Rc::new(Wait::begin(&shard));
        let _second = Wait::begin(&shard);
        let (answer, answered) = oneshot::channel::<()>();
        let mut request = pin!(Rc::clone(&first).during(answered));
        assert!(!is_ready(request.as_mut()) && !is_ready(first.given_up()), "it is asked something");
        drop(answer);
        assert!(is_ready(request) && !is_ready(first.given_up()), "it waits for the next, in a turn of its own");
        let third = Wait::begin(&shard);
        assert!(is_ready(Rc::clone(&first).during(async {})));
        assert!(!is_ready(first.given_up()), "it was asked meanwhile");
        assert!(is_ready(third.given_up()) && given_up() == 1);
    }

    #[test]
    fn one_that_dies_at_its_request_pushes_nobody_out() {
        let shard = shard();
        let dying = Rc::new(Wait::begin(&shard));
        let mut request = Box::pin(Rc::clone(&dying).during(pending::<()>()));
        assert!(!is_ready(request.as_mut()));
        let waits = Wait::begin(&shard);
        drop((request, dying));
        assert!(waits.is_waiting() && !is_ready(waits.given_up()));
        assert_eq!(shard.node.metrics.gauge(Gauge::HttpConnectionsWaiting), 1);
    }
}
