//! How a connection ends: its sockets leave, what is queued goes out as far as it can, and
//! a close frame or a last poll answer follows.

use bytes::{Buf, Bytes};
use roomcast_core::close::CloseReason;
use roomcast_core::websocket;

use super::connection::{ConnKey, Speech, Transport};
use super::state::State;
use crate::limits::CLOSING_MS;
use crate::metrics::{Counter, DropReason, Gauge};

impl State {
    /// Ends a connection, if it is still there.
    pub(crate) fn close(&mut self, key: ConnKey, reason: CloseReason) {
        if self.get(key).is_some() {
            self.close_index(key.index, reason);
        }
    }

    /// Ends a connection.
    pub(crate) fn close_index(&mut self, conn: u32, reason: CloseReason) {
        let Some(connection) = self.conns.get(conn as usize) else {
            return;
        };
        for socket in connection.sockets() {
            self.close_socket(socket, reason);
        }
        let polled = self.conns.get(conn as usize).is_some_and(|c| matches!(c.transport, Transport::Polling(_)));
        if !polled && reason != CloseReason::TransportError {
            self.write_outbox(conn);
        }
        // Settling and writing may have closed it already, for a reason of their own.
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        let (protocol, transport) = (connection.protocol(), connection.transport_label());
        let speech = match std::mem::replace(&mut connection.speech, Speech::Silent) {
            Speech::Silent => return,
            speech => speech,
        };
        // A polled one keeps its place until it is forgotten: it holds memory until then.
        if !polled {
            connection.permit = None;
        }
        self.cells.gauge_sub(Gauge::Connections(protocol, transport), 1);
        self.cells.inc(Counter::ConnectionsClosed(protocol, reason));
        let sid = match speech {
            Speech::SocketIo { sid, .. } => Some(sid),
            _ => None,
        };
        match sid {
            Some(sid) if polled => return self.close_polling(conn, sid, reason),
            Some(sid) => drop(self.sids.remove(&sid)),
            None => {}
        }
        let line = reason.line();
        let code = (sid.is_none() || line.code_on_socket_io).then_some((line.code, line.text));
        self.farewell(conn, reason, code);
    }

    /// The WebSocket's end: a close frame, if the other side can still read one.
    fn farewell(&mut self, conn: u32, reason: CloseReason, code: Option<(u16, &str)>) {
        let begun = self.discard_outbox(conn);
        let until = self.now() + CLOSING_MS;
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        let transport = std::mem::replace(&mut connection.transport, Transport::Polling(Box::default()));
        let (Transport::WebSocket { io, .. }, false) = (transport, reason == CloseReason::TransportError) else {
            return self.remove(conn);
        };
        let mut frame = Vec::new();
        websocket::encode_close(code, &mut frame);
        connection.transport = Transport::Closing { io, until, last: Some(Box::new([begun, frame.into()])) };
        self.write_last(conn);
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        connection.wake();
        if let Some(key) = self.key(conn) {
            self.wheel_insert(key, until);
        }
    }

    /// Writes the end of a WebSocket, as far as the socket takes it: a slow reader that begins to
    /// read before the deadline learns why it is closed.
    pub(crate) fn write_last(&mut self, conn: u32) {
        let Some(Transport::Closing { io, last, .. }) = self.conns.get_mut(conn as usize).map(|c| &mut c.transport)
        else {
            return;
        };
        for part in last.iter_mut().flat_map(|parts| parts.iter_mut()) {
            // One that is gone takes all there is.
            let written = io.try_write(part).unwrap_or(part.len());
            part.advance(written);
            if !part.is_empty() {
                return;
            }
        }
        *last = None;
        io.shutdown_write();
    }

    /// Drops what is still queued, and counts it. Returns the rest of what was written in part.
    pub(crate) fn discard_outbox(&mut self, conn: u32) -> Bytes {
        let Some(outbox) = self.conns.get_mut(conn as usize).and_then(|c| c.outbox.take()) else {
            return Bytes::new();
        };
        self.outbox_bytes_changed(outbox.bytes(), 0);
        self.cells.add(Counter::MessagesDropped(DropReason::ConnectionClosed), outbox.publications());
        if outbox.blocked_since().is_some() {
            self.cells.gauge_sub(Gauge::ConnectionsBackpressured, 1);
        }
        outbox.begun()
    }

    /// Forgets a connection; its read task ends, the socket closes.
    pub(crate) fn remove(&mut self, conn: u32) {
        self.discard_outbox(conn);
        if let Some(gone) = self.conns.try_remove(conn as usize) {
            self.node.transport_gone();
            gone.wake();
        }
    }
}
