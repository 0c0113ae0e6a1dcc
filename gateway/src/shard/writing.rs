//! What goes out to one connection: packets of our own, and what waits in its outbox.

use std::io::IoSlice;

use bytes::Bytes;
use roomcast_core::close::CloseReason;

use super::connection::Transport;
use super::outbox::Packet;
use super::state::State;
use crate::metrics::{Counter, DropReason, Gauge};

/// Slices of one `writev`.
pub(super) const SLICES_MAX: usize = 64;
/// Entries up to this many bytes in all are joined and written as one slice.
const JOIN_BYTES_MAX: usize = 16 * 1024;

impl State {
    /// Queues a packet of our own behind all that is pending, to be flushed this turn.
    pub(crate) fn send(&mut self, conn: u32, packet: Packet) {
        self.settle(conn);
        let Err(packet) = self.put_own(conn, packet) else {
            return;
        };
        // One that keeps up may be owed more than an outbox holds in one turn.
        self.write_if_keeping_up(conn);
        if self.put_own(conn, packet).is_err() {
            self.close_index(conn, CloseReason::SlowConsumer);
        }
    }

    /// Queues a packet of our own. It comes back if the bound is reached.
    fn put_own(&mut self, conn: u32, packet: Packet) -> Result<(), Packet> {
        let (bounds, now) = (self.rules.outbox, self.now());
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return Ok(());
        };
        if matches!(connection.transport, Transport::Closing { .. }) {
            return Ok(());
        }
        let outbox = connection.outbox();
        let before = outbox.bytes();
        outbox.put_own(packet, now, bounds)?;
        let after = outbox.bytes();
        self.outbox_bytes_changed(before, after);
        self.mark_dirty(conn);
        Ok(())
    }

    /// Writes what waits for a connection that was not found to be behind.
    pub(crate) fn write_if_keeping_up(&mut self, conn: u32) {
        if self.conns.get(conn as usize).is_some_and(|connection| !connection.is_behind()) {
            self.write_outbox(conn);
        }
    }

    pub(crate) fn mark_dirty(&mut self, conn: u32) {
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        if !connection.dirty {
            connection.dirty = true;
            self.turn.conns.push_back(conn);
            self.wake_flusher();
        }
    }

    pub(crate) fn wake_flusher(&self) {
        if let Some(shard) = self.me.upgrade() {
            shard.flusher.notify_one();
        }
    }

    pub(crate) fn outbox_bytes_changed(&self, before: usize, after: usize) {
        if after >= before {
            self.cells.gauge_add(Gauge::OutboxBytes, (after - before) as u64);
        } else {
            self.cells.gauge_sub(Gauge::OutboxBytes, (before - after) as u64);
        }
    }

    /// A connection became blocked: its read task is to wait for writability too.
    pub(crate) fn backpressured(&mut self, conn: u32) {
        self.cells.gauge_add(Gauge::ConnectionsBackpressured, 1);
        if let Some(connection) = self.conns.get(conn as usize) {
            connection.wake();
        }
        if let Some(key) = self.key(conn) {
            self.look(key);
        }
    }

    /// Hands the transport what waits for it, as far as it takes it.
    pub(crate) fn write_outbox(&mut self, conn: u32) {
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        match &connection.transport {
            Transport::Polling(_) => self.answer_poll(conn),
            Transport::Closing { .. } => {}
            Transport::WebSocket { .. } => self.write_websocket(conn),
        }
    }

    fn write_websocket(&mut self, conn: u32) {
        let now = self.now();
        loop {
            let Some(connection) = self.conns.get_mut(conn as usize) else {
                return;
            };
            let protocol = connection.protocol();
            let (Transport::WebSocket { io, .. }, Some(outbox)) = (&connection.transport, &mut connection.outbox)
            else {
                return;
            };
            if outbox.blocked_since().is_some() {
                return;
            }
            let front = outbox.front(connection.variant, SLICES_MAX);
            let total: usize = front.iter().map(Bytes::len).sum();
            let before = outbox.bytes();
            let result = write_front(io, &front, total);
            let Ok(written) = result else {
                self.close_index(conn, CloseReason::TransportError);
                return;
            };
            let delivered = outbox.advance(&front, written);
            let blocked = written < total;
            let mut dropped = 0;
            if blocked {
                outbox.set_blocked(now);
                dropped = outbox.drop_volatile(connection.variant);
            }
            let (after, done) = (outbox.bytes(), !blocked && outbox.is_empty());
            if done {
                connection.outbox = None;
            }
            self.cells.add(Counter::SentBytes(protocol), written as u64);
            self.cells.add(Counter::MessagesDelivered(protocol), delivered);
            self.cells.add(Counter::MessagesDropped(DropReason::Volatile), dropped);
            self.outbox_bytes_changed(before, after);
            if blocked {
                self.backpressured(conn);
                return;
            }
            if done {
                return;
            }
        }
    }

    /// The socket takes bytes again.
    pub(crate) fn writable(&mut self, conn: u32) {
        self.write_last(conn);
        if let Some(outbox) = self.conns.get_mut(conn as usize).and_then(|c| c.outbox.as_mut())
            && outbox.blocked_since().is_some()
        {
            outbox.set_writable();
            self.cells.gauge_sub(Gauge::ConnectionsBackpressured, 1);
            self.write_outbox(conn);
        }
    }
}

fn write_front(io: &super::io::Io, front: &[Bytes], total: usize) -> std::io::Result<usize> {
    match front {
        [] => Ok(0),
        [one] => io.try_write(one),
        many if total <= JOIN_BYTES_MAX => {
            let mut joined = Vec::with_capacity(total);
            for part in many {
                joined.extend_from_slice(part);
            }
            io.try_write(&joined)
        }
        many => {
            let slices: Vec<IoSlice<'_>> = many.iter().map(|part| IoSlice::new(part)).collect();
            io.try_write_vectored(&slices)
        }
    }
}
