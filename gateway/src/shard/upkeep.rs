//! What a shard's tables no longer need is given back: they grow with the crowd, and a
//! crowd that has gone must not be paid for until the node stops.
//!
//! Looked at now and then, never where something is delivered. A room's members and a
//! socket's places look after themselves when one leaves (see [`super::rooms`]).

use roomcast_core::spare::is_ample;

use super::state::State;

impl State {
    /// Gives back what the tables have far more of than they need. A slab keeps what lies
    /// before its last entry: its indices are names.
    pub(crate) fn give_back(&mut self) {
        if is_ample(self.conns.len(), self.conns.capacity()) {
            self.conns.shrink_to_fit();
        }
        if is_ample(self.sockets.len(), self.sockets.capacity()) {
            self.sockets.shrink_to_fit();
        }
        if is_ample(self.ids.len(), self.ids.capacity()) {
            self.ids.shrink_to(self.ids.len() * 2);
        }
        if is_ample(self.sids.len(), self.sids.capacity()) {
            self.sids.shrink_to(self.sids.len() * 2);
        }
        self.rooms.give_back();
        self.acks.give_back();
        if is_ample(self.turn.rooms.len(), self.turn.rooms.capacity()) {
            self.turn.rooms.shrink_to(self.turn.rooms.len() * 2);
        }
        if is_ample(self.turn.conns.len(), self.turn.conns.capacity()) {
            self.turn.conns.shrink_to(self.turn.conns.len() * 2);
        }
    }
}
