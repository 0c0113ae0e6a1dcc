//! Broadcasts whose clients are to answer: who was asked, and where the answers go.
//!
//! The same acknowledgement id goes to every client of a broadcast, so that the bytes
//! can be shared; what is kept here is which sockets may still use it.

use std::collections::{HashMap, HashSet};

use roomcast_core::adapter::Responder;
use roomcast_core::cluster::{Answer, ClientAck};
use roomcast_core::session::Millis;
use roomcast_core::spare::is_ample;

#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// By namespace and acknowledgement id.
    waiting: HashMap<(u32, u64), Waiting>,
    owed: usize,
}

#[derive(Debug)]
struct Waiting {
    sockets: HashSet<u32>,
    responder: Responder,
    deadline: Millis,
}

impl Acks {
    /// Answers that are waited for, all broadcasts together.
    pub(crate) fn owed(&self) -> usize {
        self.owed
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
            self.owed += sockets.len();
            self.waiting.insert((namespace, id), Waiting { sockets, responder, deadline });
        }
    }

    /// A client answered. `false`: nobody asked it, or it answered before.
    pub(crate) fn answer(&mut self, namespace: u32, id: u64, socket: u32, ack: ClientAck) -> bool {
        let Some(waiting) = self.waiting.get_mut(&(namespace, id)) else {
            return false;
        };
        if !waiting.sockets.remove(&socket) {
            return false;
        }
        self.owed -= 1;
        if let Err(answer) = waiting.responder.try_send(Answer::Acknowledged(ack)) {
            let responder = waiting.responder.clone();
            tokio::task::spawn_local(async move { responder.send(answer).await });
        }
        if waiting.sockets.is_empty() {
            self.waiting.remove(&(namespace, id));
        }
        true
    }

    /// A socket is gone; returns how many answers it owed.
    pub(crate) fn forget_socket(&mut self, socket: u32) -> u64 {
        let mut gone = 0;
        self.waiting.retain(|_, waiting| {
            gone += u64::from(waiting.sockets.remove(&socket));
            !waiting.sockets.is_empty()
        });
        self.owed -= gone as usize;
        gone
    }

    /// Lets go of those whose time is over; returns how many answers never came.
    pub(crate) fn expire(&mut self, now: Millis) -> u64 {
        let mut missing = 0;
        self.waiting.retain(|_, waiting| {
            let over = now >= waiting.deadline;
            missing += if over { waiting.sockets.len() as u64 } else { 0 };
            !over
        });
        self.owed -= missing as usize;
        missing
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
