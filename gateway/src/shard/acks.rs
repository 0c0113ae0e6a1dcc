//! Broadcasts whose clients are to answer: who was asked, and where the answers go.
//!
//! The same acknowledgement id goes to every client of a broadcast, so that the bytes
//! can be shared; what is kept here is which sockets may still use it.

use std::collections::{BTreeSet, HashMap, HashSet};

use roomcast_core::adapter::Responder;
use roomcast_core::cluster::{Answer, ClientAck};
use roomcast_core::session::Millis;
use roomcast_core::spare::is_ample;

/// A broadcast: its namespace and acknowledgement id.
type Broadcast = (u32, u64);

#[derive(Debug, Default)]
pub(crate) struct Acks {
    waiting: HashMap<Broadcast, Waiting>,
    /// Who still owes an answer to what, ordered so that a socket's are found together: one that
    /// goes costs what it owes, however much the others do.
    owed: BTreeSet<(u32, Broadcast)>,
}

#[derive(Debug)]
struct Waiting {
    /// All that were asked.
    sockets: HashSet<u32>,
    /// How many of them owe an answer.
    owed: usize,
    responder: Responder,
    deadline: Millis,
}

impl Acks {
    /// Answers that are waited for, all broadcasts together.
    pub(crate) fn owed(&self) -> usize {
        self.owed.len()
    }

    /// Waits for answers of `sockets` until `deadline`.
    pub(crate) fn expect(
        &mut self,
        namespace: u32,
        id: u64,
        sockets: HashSet<u32>,
        responder: Responder,
        deadline: Millis,
    ) {
        if !sockets.is_empty() {
            let broadcast = (namespace, id);
            self.owed.extend(sockets.iter().map(|socket| (*socket, broadcast)));
            let owed = sockets.len();
            self.waiting.insert(broadcast, Waiting { sockets, owed, responder, deadline });
        }
    }

    /// A client answered. `false`: nobody asked it, or it answered before.
    pub(crate) fn answer(&mut self, namespace: u32, id: u64, socket: u32, ack: ClientAck) -> bool {
        let broadcast = (namespace, id);
        if !self.owed.remove(&(socket, broadcast)) {
            return false;
        }
        if let Some(waiting) = self.waiting.get(&broadcast)
            && let Err(answer) = waiting.responder.try_send(Answer::Acknowledged(ack))
        {
            let responder = waiting.responder.clone();
            tokio::task::spawn_local(async move { responder.send(answer).await });
        }
        self.settled(broadcast);
        true
    }

    /// A socket is gone; returns how many answers it owed.
    pub(crate) fn forget_socket(&mut self, socket: u32) -> u64 {
        let all = (socket, (0, 0))..=(socket, (u32::MAX, u64::MAX));
        let gone: Vec<(u32, Broadcast)> = self.owed.range(all).copied().collect();
        for owed in &gone {
            self.owed.remove(owed);
            self.settled(owed.1);
        }
        gone.len() as u64
    }

    /// One answer less is owed to a broadcast; with the last one it is over.
    fn settled(&mut self, broadcast: Broadcast) {
        let Some(waiting) = self.waiting.get_mut(&broadcast) else {
            return;
        };
        waiting.owed -= 1;
        if waiting.owed == 0 {
            self.waiting.remove(&broadcast);
        }
    }

    /// Lets go of those whose time is over; returns how many answers never came.
    pub(crate) fn expire(&mut self, now: Millis) -> u64 {
        let before = self.owed.len();
        self.waiting.retain(|broadcast, waiting| {
            let over = now >= waiting.deadline;
            if over {
                for socket in &waiting.sockets {
                    self.owed.remove(&(*socket, *broadcast));
                }
            }
            !over
        });
        (before - self.owed.len()) as u64
    }

    /// Gives back the room of broadcasts that are over.
    pub(crate) fn give_back(&mut self) {
        if is_ample(self.waiting.len(), self.waiting.capacity()) {
            self.waiting.shrink_to(self.waiting.len() * 2);
        }
    }

    /// When the next one is over.
    pub(crate) fn next_at(&self) -> Option<Millis> {
        self.waiting.values().map(|waiting| waiting.deadline).min()
    }
}

#[cfg(test)]
mod tests {
    use roomcast_core::id::SocketId;
    use tokio::sync::mpsc;

    use super::*;

    fn ack() -> ClientAck {
        let connection = SocketId::parse("someone").expect("an id");
        ClientAck { connection, args: "[]".into(), attachments: Vec::new() }
    }

    #[test]
    fn each_owed_answer_is_accounted_for_once() {
        let (sender, mut answers) = mpsc::channel(16);
        let mut acks = Acks::default();
        let expect = |acks: &mut Acks, namespace, id, sockets: &[u32], deadline| {
            acks.expect(namespace, id, sockets.iter().copied().collect(), Responder::new(sender.clone()), deadline);
        };
        expect(&mut acks, 0, 1, &[1, 2, 3], 30);
        expect(&mut acks, 0, 2, &[2], 20);
        expect(&mut acks, 1, 1, &[2, 4], 10);
        expect(&mut acks, 1, 2, &[], 5);
        assert_eq!((acks.owed(), acks.next_at()), (6, Some(10)));
        assert!(acks.answer(0, 1, 1, ack()));
        assert!(!acks.answer(0, 1, 1, ack()), "answered before");
        assert!(!acks.answer(0, 2, 1, ack()), "not asked");
        assert!(answers.try_recv().is_ok() && answers.try_recv().is_err());
        assert_eq!(acks.forget_socket(2), 3);
        assert_eq!((acks.forget_socket(2), acks.owed(), acks.waiting.len()), (0, 2, 2), "nobody is left of one");
        // Another socket in the same place, asked for something else.
        expect(&mut acks, 0, 3, &[2], 40);
        assert_eq!((acks.expire(9), acks.expire(10), acks.next_at()), (0, 1, Some(30)));
        assert_eq!((acks.expire(30), acks.owed(), acks.next_at()), (1, 1, Some(40)));
        assert!(acks.answer(0, 3, 2, ack()));
        assert_eq!((acks.owed(), acks.waiting.len(), acks.next_at()), (0, 0, None));
    }
}
