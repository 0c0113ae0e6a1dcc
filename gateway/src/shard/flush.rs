//! The write path: publications of a turn are collected, and each connection concerned is
//! written once.
//!
//! A publication to one room waits with its room. The flusher runs after everything that
//! was runnable and walks each dirty room's members, writing the room's bytes of the turn
//! straight to each socket: one system call a receiver, nothing copied, nobody woken.
//!
//! Order without bookkeeping per receiver: every publication of a shard has a number, and
//! every connection knows up to which number it is *settled*. Whatever must come after or
//! before pending publications (a join, a leave, a packet of our own, another room's
//! bytes) settles the connection first: what waits for it in its rooms moves, in order,
//! to its outbox. So nothing is delivered twice, skipped, or reordered, even when the
//! flusher yields in the middle of a large room.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use roomcast_core::close::CloseReason;
use roomcast_core::delivery::Variant;

use super::connection::{Speech, Transport};
use super::item::Item;
use super::outbox::Put;
use super::rooms::{Member, RoomIndex};
use super::state::State;
use super::turn::Current;
use crate::metrics::{Counter, DeliveryPath, DropReason, Histogram};

/// How long the flusher writes before it lets others run.
const SLICE: Duration = Duration::from_millis(1);
/// Members, and connections, written between two looks at the clock.
const MEMBERS_A_LOOK: usize = 32;

impl State {
    /// Writes what is dirty for at most one slice of time. `true`: there is more.
    pub(crate) fn flush(&mut self) -> bool {
        let started = Instant::now();
        loop {
            if self.turn.current.is_none() {
                let Some(room) = self.turn.rooms.pop_front() else {
                    break;
                };
                self.begin_room(room);
            }
            self.write_members();
            // In turns with the rooms: they may be dirty for as long as publishers outrun us,
            // and an answer or a ping must not wait for the end of that.
            self.write_dirty();
            if started.elapsed() >= SLICE {
                return true;
            }
        }
        while self.write_dirty() {
            if started.elapsed() >= SLICE {
                return true;
            }
        }
        false
    }

    /// Writes the next few connections that are dirty by themselves. `false`: none is left.
    fn write_dirty(&mut self) -> bool {
        for _ in 0..MEMBERS_A_LOOK {
            let Some(conn) = self.turn.conns.pop_front() else {
                return false;
            };
            if let Some(connection) = self.conns.get_mut(conn as usize) {
                connection.dirty = false;
                self.write_outbox(conn);
            }
        }
        !self.turn.conns.is_empty()
    }

    fn begin_room(&mut self, room: RoomIndex) {
        let Some(entry) = self.rooms.get_mut(room) else {
            return;
        };
        let items = std::mem::take(&mut entry.pending);
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            entry.dirty = false;
            self.close_room_if_idle(room);
            return;
        };
        let (first, last, below) = (first.number, last.number, entry.members.len());
        // The items stay with the room too: whoever is settled meanwhile finds them there.
        entry.pending.clone_from(&items);
        let frames = Default::default();
        self.turn.current = Some(Current { room, below, first, last, items, frames, delivered: [0; 2], sent: [0; 2] });
    }

    /// Writes the next few members of the room at hand.
    fn write_members(&mut self) {
        let Some(mut current) = self.turn.current.take() else {
            return;
        };
        for _ in 0..MEMBERS_A_LOOK {
            let members = self.rooms.get(current.room).map_or(&[][..], |entry| &entry.members);
            current.below = current.below.min(members.len());
            let Some(member) = current.below.checked_sub(1).and_then(|at| members.get(at)).copied() else {
                return self.end_room(&current);
            };
            current.below -= 1;
            self.write_member(&mut current, member);
        }
        self.turn.current = Some(current);
    }

    fn write_member(&mut self, current: &mut Current, member: Member) {
        let single = self.turn.rooms.is_empty() || !self.is_pending_elsewhere(member, current.room);
        let Some(conn) = self.conns.get_mut(member.conn as usize) else {
            return;
        };
        if conn.settled >= current.last {
            return;
        }
        let straight = single && conn.settled < current.first && conn.outbox.is_none();
        if let (true, Transport::WebSocket { io, .. }) = (straight, &conn.transport) {
            let variant = conn.variant;
            let bytes = current.frames[variant.index()].get_or_insert_with(|| join(&current.items, variant));
            conn.settled = current.last;
            match io.try_write(bytes) {
                Ok(written) if written == bytes.len() => {
                    let plain = usize::from(variant == Variant::PlainWebSocket);
                    current.delivered[plain] += current.items.len() as u64;
                    current.sent[plain] += bytes.len() as u64;
                }
                Ok(written) => self.keep_rest(member.conn, &current.items, written),
                Err(_) => self.close_index(member.conn, CloseReason::TransportError),
            }
        } else {
            self.settle(member.conn);
            self.write_outbox(member.conn);
        }
    }

    /// Whether the socket's connection is in another room that has something pending.
    fn is_pending_elsewhere(&self, member: Member, room: RoomIndex) -> bool {
        let Some(conn) = self.conns.get(member.conn as usize) else {
            return false;
        };
        let pending = |socket: u32| {
            self.sockets.get(socket as usize).is_some_and(|socket| {
                let mut places = socket.places.iter();
                places.any(|place| place.room != room && self.rooms.get(place.room).is_some_and(|entry| entry.dirty))
            })
        };
        match &conn.speech {
            Speech::SocketIo { session, .. } => session.namespaces.sockets().any(pending),
            _ => pending(member.socket),
        }
    }

    fn end_room(&mut self, current: &Current) {
        for (at, protocol) in
            [crate::metrics::Protocol::SocketIo, crate::metrics::Protocol::Plain].into_iter().enumerate()
        {
            self.cells.add(Counter::MessagesDelivered(protocol), current.delivered[at]);
            self.cells.add(Counter::SentBytes(protocol), current.sent[at]);
        }
        let now = self.node.clock.unix();
        for item in &current.items {
            self.node.mailbox(self.index).release(item.bytes);
            let waited = now.saturating_sub(item.delivery.publication.published_at);
            self.cells.observe(Histogram::DeliveryLatency(DeliveryPath::Local), Duration::from_millis(waited));
        }
        let Some(entry) = self.rooms.get_mut(current.room) else {
            return;
        };
        entry.pending.retain(|item| item.number > current.last);
        if entry.pending.is_empty() {
            entry.pending.shrink_to(4);
            entry.dirty = false;
            self.close_room_if_idle(current.room);
        } else {
            self.turn.rooms.push_back(current.room);
        }
    }

    /// Moves what waits for a connection in its rooms to its outbox, in order.
    pub(crate) fn settle(&mut self, conn: u32) {
        let Some(connection) = self.conns.get(conn as usize) else {
            return;
        };
        let settled = connection.settled;
        if settled == self.turn.number {
            return;
        }
        let mut items: Vec<Rc<Item>> = Vec::new();
        for socket in connection.sockets() {
            let Some(socket) = self.sockets.get(socket as usize) else {
                continue;
            };
            for place in &socket.places {
                let pending = self.rooms.get(place.room).map_or(&[][..], |entry| &entry.pending);
                items.extend(pending.iter().filter(|item| item.number > settled).cloned());
            }
        }
        items.sort_unstable_by_key(|item| item.number);
        // Before the first is put: a put may close the connection, which settles it.
        if let Some(connection) = self.conns.get_mut(conn as usize) {
            connection.settled = self.turn.number;
        }
        if !items.is_empty() {
            self.mark_dirty(conn);
        }
        for item in items {
            self.put(conn, &item);
        }
    }

    /// Queues a publication for one connection. The connection may be closed by it.
    pub(crate) fn put(&mut self, conn: u32, item: &Rc<Item>) {
        let mut put = self.put_in_outbox(conn, item);
        if put == Put::Overflow {
            // One that keeps up may be owed more than an outbox holds in one turn.
            self.write_if_keeping_up(conn);
            put = self.put_in_outbox(conn, item);
        }
        let dropped = match put {
            Put::Queued => return,
            Put::Closed => DropReason::ConnectionClosed,
            Put::Superseded => DropReason::Superseded,
            Put::Dropped => DropReason::Volatile,
            Put::Overflow => DropReason::SlowConsumer,
        };
        self.cells.inc(Counter::MessagesDropped(dropped));
        if put == Put::Overflow {
            self.close_index(conn, CloseReason::SlowConsumer);
        }
    }

    fn put_in_outbox(&mut self, conn: u32, item: &Rc<Item>) -> Put {
        let (bounds, now) = (self.rules.outbox, self.now());
        let connection = self.conns.get_mut(conn as usize);
        let Some(connection) = connection.filter(|connection| !matches!(connection.speech, Speech::Silent)) else {
            return Put::Closed;
        };
        let (variant, behind) = (connection.variant, connection.is_behind());
        let outbox = connection.outbox();
        let before = outbox.bytes();
        let put = outbox.put(item, variant, behind, now, bounds);
        let after = outbox.bytes();
        self.outbox_bytes_changed(before, after);
        put
    }

    /// After a partial write of `items`: what is not written yet goes to the outbox.
    fn keep_rest(&mut self, conn: u32, items: &[Rc<Item>], mut written: usize) {
        let now = self.now();
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        let (protocol, variant) = (connection.protocol(), connection.variant);
        connection.outbox().set_blocked(now);
        // Before the first is put: a put may close the connection, which ends its being behind.
        self.backpressured(conn);
        self.cells.add(Counter::SentBytes(protocol), written as u64);
        let mut delivered = 0;
        for item in items {
            let bytes = item.delivery.encoded(variant);
            if written >= bytes.len() {
                written -= bytes.len();
                delivered += 1;
            } else if written == 0 {
                self.put(conn, item);
            } else if let Some(connection) = self.conns.get_mut(conn as usize) {
                let rest = bytes.slice(written..);
                written = 0;
                let len = rest.len();
                connection.outbox().put_rest(rest, now);
                self.outbox_bytes_changed(0, len);
            }
        }
        self.cells.add(Counter::MessagesDelivered(protocol), delivered);
    }
}

/// One contiguous run of a turn's publications: built once a room and turn.
fn join(items: &[Rc<Item>], variant: Variant) -> Bytes {
    if let [item] = items {
        return item.delivery.encoded(variant).clone();
    }
    let mut out = Vec::with_capacity(items.iter().map(|item| item.delivery.encoded(variant).len()).sum());
    for item in items {
        out.extend_from_slice(item.delivery.encoded(variant));
    }
    out.into()
}

#[cfg(test)]
mod tests;
