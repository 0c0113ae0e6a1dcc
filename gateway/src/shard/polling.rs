//! The long-polling transport of a session: one pending GET, one POST in progress.
//!
//! Rules of protocol: packets go out in the answer of the one pending GET; a second GET
//! or POST beside one kills the session; an aborted GET kills it too, since what it was
//! answered may be lost. A session that the server closed is remembered for the next GET.

use bytes::Bytes;
use roomcast_core::close::CloseReason;
use roomcast_core::engine_io::{self, RECORD_SEPARATOR};
use roomcast_core::id::Sid;
use roomcast_core::session::Millis;
use tokio::sync::oneshot;

use super::connection::{ConnKey, Speech, Transport};
use super::outbox::Packet;
use super::polled::Closed;
use super::state::State;
use crate::limits::{LINGER_MS, POLL_PACKETS_MAX};
use crate::mail::{Answer, Poll};
use crate::metrics::Counter;

/// How long a closed session waits for its GET on a node that is going away.
const LINGER_DRAINING_MS: Millis = 1_000;

impl State {
    /// Carries out one polling request of the session `sid`.
    pub(crate) fn poll(&mut self, sid: &Sid, poll: Poll, reply: oneshot::Sender<Answer>) {
        let Some(conn) = self.sids.get(sid).copied() else {
            let _ = reply.send(Answer::Unknown);
            return;
        };
        let (now, key) = (self.now(), self.key(conn));
        let overdue = self.conns.get(conn as usize).is_some_and(|connection| connection.is_overdue(now));
        if let (true, Some(key)) = (overdue, key) {
            self.close(key, CloseReason::PingTimeout);
            let _ = reply.send(Answer::Unknown);
            return;
        }
        let Some(Transport::Polling(polling)) = self.conns.get_mut(conn as usize).map(|c| &mut c.transport) else {
            let _ = reply.send(Answer::Upgraded);
            return;
        };
        match poll {
            Poll::Offer => {
                let free = !polling.probing && polling.closed.is_none();
                let _ = reply.send(if free { Answer::Ok } else { Answer::Upgraded });
            }
            Poll::Get if polling.get.is_some() => {
                let _ = reply.send(Answer::Duplicate);
                self.drop_polling(conn, "1", CloseReason::DuplicateRequest);
            }
            Poll::Get => {
                polling.get = Some(reply);
                self.answer_poll(conn);
            }
            Poll::PostBegin if polling.posting => {
                let _ = reply.send(Answer::Duplicate);
                self.drop_polling(conn, "1", CloseReason::DuplicateRequest);
            }
            Poll::PostBegin => {
                polling.posting = true;
                let _ = reply.send(Answer::Ok);
            }
            Poll::Post(body) => {
                polling.posting = false;
                let answer = self.post(conn, &body);
                if let Some(key) = key {
                    self.look(key);
                }
                let _ = reply.send(answer);
            }
            Poll::PostFailed { fatal } => {
                polling.posting = false;
                let _ = reply.send(Answer::Ok);
                if fatal {
                    self.drop_polling(conn, "1", CloseReason::ProtocolError);
                }
            }
            Poll::GetAborted => self.drop_polling(conn, "", CloseReason::TransportError),
            Poll::Release => {
                if let Some(key) = key {
                    self.release_poll(key);
                }
                let _ = reply.send(Answer::Ok);
            }
        }
    }

    /// Takes the packets of a POST. Those before a bad one are delivered.
    fn post(&mut self, conn: u32, body: &[u8]) -> Answer {
        let Some(key) = self.key(conn) else {
            return Answer::Unknown;
        };
        if let Some(connection) = self.conns.get(conn as usize) {
            self.cells.add(Counter::ReceivedBytes(connection.protocol()), body.len() as u64);
        }
        let Ok(text) = std::str::from_utf8(body) else {
            self.drop_polling(conn, "1", CloseReason::InvalidText);
            return Answer::Garbage;
        };
        for packet in engine_io::decode_payload(text) {
            let Ok(packet) = packet else {
                self.drop_polling(conn, "1", CloseReason::ProtocolError);
                return Answer::Garbage;
            };
            let client_ping = matches!(packet, engine_io::Packet::Ping(_));
            match self.engine_packet(key, packet) {
                Ok(()) => {}
                Err(CloseReason::Normal) => {
                    self.drop_polling(conn, "6", CloseReason::Normal);
                    return Answer::Ok;
                }
                Err(reason) if client_ping => {
                    self.drop_polling(conn, "1", reason);
                    return Answer::Garbage;
                }
                Err(reason) => {
                    self.close(key, reason);
                    return Answer::Ok;
                }
            }
            if self.get(key).is_none_or(|connection| matches!(connection.speech, Speech::Silent)) {
                break;
            }
        }
        Answer::Ok
    }

    /// Answers the pending GET if there is anything to say.
    pub(crate) fn answer_poll(&mut self, conn: u32) {
        let bytes_max = self.rules.frames.message_bytes_max;
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        let Transport::Polling(polling) = &mut connection.transport else {
            return;
        };
        if polling.get.is_none() {
            return;
        }
        let closed = polling.closed.as_ref().map(|closed| closed.farewell);
        let mut body = Vec::new();
        let (mut sent, mut delivered) = (0, 0);
        if let Some(outbox) = &mut connection.outbox {
            let before = outbox.bytes();
            let front = outbox.front(connection.variant, POLL_PACKETS_MAX);
            for part in &front {
                if !body.is_empty() && body.len() + 1 + part.len() > bytes_max {
                    break;
                }
                append(&mut body, part);
                sent += 1;
            }
            let taken: usize = front.iter().take(sent).map(Bytes::len).sum();
            delivered = outbox.advance(&front, taken);
            let (after, done) = (outbox.bytes(), outbox.is_empty());
            if done {
                connection.outbox = None;
            }
            self.outbox_bytes_changed(before, after);
        }
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        let over = closed.filter(|_| connection.outbox.is_none());
        if over.is_some() {
            // Before the answer: whoever has it may come back at once.
            connection.permit = None;
        }
        match over {
            Some(true) => append(&mut body, b"1"),
            Some(false) if body.is_empty() => {
                if let Transport::Polling(polling) = &mut connection.transport {
                    let get = polling.get.take();
                    let _ = get.map(|get| get.send(Answer::Unknown));
                }
                return self.forget_polling(conn);
            }
            _ => {}
        }
        if !body.is_empty() {
            self.cells.add(Counter::MessagesDelivered(crate::metrics::Protocol::SocketIo), delivered);
            self.reply(conn, body);
            if over.is_some() {
                self.forget_polling(conn);
            }
        }
    }

    fn reply(&mut self, conn: u32, body: Vec<u8>) {
        self.cells.add(Counter::SentBytes(crate::metrics::Protocol::SocketIo), body.len() as u64);
        let Some(Transport::Polling(polling)) = self.conns.get_mut(conn as usize).map(|c| &mut c.transport) else {
            return;
        };
        // If the client hung up meanwhile, the aborted GET closes the session.
        if let Some(get) = polling.get.take() {
            let _ = get.send(Answer::Packets(body.into()));
        }
    }

    /// Lets a pending GET go with a noop, so that the client can pause polling.
    pub(crate) fn release_poll(&mut self, key: ConnKey) {
        let waiting = matches!(self.get(key).map(|c| &c.transport),
            Some(Transport::Polling(polling)) if polling.is_waiting());
        if waiting {
            self.reply(key.index, b"6".to_vec());
        }
    }

    /// The server closed: a pending GET learns of it now, else the next one does.
    pub(crate) fn close_polling(&mut self, conn: u32, sid: Sid, reason: CloseReason) {
        let linger = if self.node.is_draining() { LINGER_DRAINING_MS } else { LINGER_MS };
        let until = self.now() + linger;
        // Where nothing went wrong the next GET fetches what waits. Nobody waits for a bound or a
        // fault to be over.
        let orderly = matches!(
            reason,
            CloseReason::Normal
                | CloseReason::Drain
                | CloseReason::DrainForced
                | CloseReason::Reconnect
                | CloseReason::Kicked
        );
        if !orderly {
            self.discard_outbox(conn);
        }
        let Some(connection) = self.conns.get_mut(conn as usize) else {
            return;
        };
        if let Transport::Polling(polling) = &mut connection.transport {
            // The id stays known until then, though nothing is spoken any more.
            let farewell = !matches!(
                reason,
                CloseReason::Drain | CloseReason::DrainForced | CloseReason::Reconnect | CloseReason::SlowConsumer
            );
            polling.closed = Some(Closed { sid, until, farewell });
        }
        if matches!(reason, CloseReason::TransportError | CloseReason::PingTimeout) {
            self.forget_polling(conn);
            return;
        }
        if let Some(key) = self.key(conn) {
            self.wheel_insert(key, until);
        }
        self.answer_poll(conn);
    }

    /// The node is going away: a session that was closed before does not hold it up either.
    pub(crate) fn shorten_linger(&mut self, key: ConnKey) {
        let until = self.now() + LINGER_DRAINING_MS;
        if let Some(Transport::Polling(polling)) = self.get_mut(key).map(|c| &mut c.transport)
            && let Some(closed) = &mut polling.closed
            && closed.until > until
        {
            closed.until = until;
            self.wheel_insert(key, until);
        }
    }

    /// Ends a session at once: a pending GET is answered `last`, a later one finds nothing.
    fn drop_polling(&mut self, conn: u32, last: &str, reason: CloseReason) {
        if last.is_empty() {
            if let Some(Transport::Polling(polling)) = self.conns.get_mut(conn as usize).map(|c| &mut c.transport) {
                polling.get = None;
            }
        } else {
            let waiting = matches!(self.conns.get(conn as usize).map(|c| &c.transport),
                Some(Transport::Polling(polling)) if polling.is_waiting());
            if waiting {
                self.reply(conn, last.as_bytes().to_vec());
            }
        }
        self.close_index(conn, reason);
        self.forget_polling(conn);
    }

    /// Forgets a polled session and its id.
    pub(crate) fn forget_polling(&mut self, conn: u32) {
        if let Some(Transport::Polling(polling)) = self.conns.get(conn as usize).map(|c| &c.transport) {
            if let Some(closed) = &polling.closed {
                self.sids.remove(&closed.sid);
            }
            self.remove(conn);
        }
    }

    /// The probing WebSocket is the transport from here on.
    pub(crate) fn take_over(&mut self, key: ConnKey, io: super::io::Io, base64: bool) -> bool {
        use roomcast_core::delivery::Variant;
        use roomcast_core::websocket::{Decoder, Role};
        self.release_poll(key);
        let before = self.get(key).map(super::connection::Connection::transport_label);
        let Some(connection) = self.get_mut(key) else {
            return false;
        };
        if !matches!(connection.transport, Transport::Polling(_)) || matches!(connection.speech, Speech::Silent) {
            return false;
        }
        connection.transport = Transport::WebSocket { io, decoder: Decoder::new(Role::Server) };
        connection.variant = if base64 { Variant::SocketIoWebSocketBase64 } else { Variant::SocketIoWebSocket };
        let (protocol, after) = (connection.protocol(), connection.transport_label());
        if let Some(before) = before {
            self.cells.gauge_sub(crate::metrics::Gauge::Connections(protocol, before), 1);
            self.cells.gauge_add(crate::metrics::Gauge::Connections(protocol, after), 1);
        }
        self.write_outbox(key.index);
        true
    }

    /// Sends one Engine.IO packet, such as `2`.
    pub(crate) fn send_engine(&mut self, conn: u32, text: &'static str) {
        self.send(conn, Packet::Engine(text));
    }
}

fn append(body: &mut Vec<u8>, record: &[u8]) {
    if !body.is_empty() {
        body.push(RECORD_SEPARATOR);
    }
    body.extend_from_slice(record);
}
