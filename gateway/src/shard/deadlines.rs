//! What a connection has to do in time, and when the wheel has it looked at.
//!
//! Two entries a connection at most: its heartbeat, which is always there, and one look more
//! while a message is unfinished or something waits, if the heartbeat would come too late.
//! Time in which the gateway itself does not read is not counted against a client: while its
//! outbox fills, the outbox's age alone is what closes it.

use roomcast_core::close::CloseReason;
use roomcast_core::session::{Due, Millis};
use roomcast_core::websocket::Opcode;

use super::connection::{ConnKey, Speech, Transport};
use super::state::State;

/// Between two looks at one connection, at least.
const LOOK_MS: Millis = 100;

impl State {
    /// What is due on a connection whose timer came out of the wheel.
    pub(crate) fn timer(&mut self, key: ConnKey) {
        let now = self.now();
        let (socket_io, plain, bounds) = (self.rules.socket_io, self.rules.plain, self.rules.outbox);
        if self.resume_reading(key) {
            self.pause_reading(key);
        }
        let Some(connection) = self.get_mut(key) else {
            return;
        };
        if now >= connection.look_at {
            connection.look_at = Millis::MAX;
        }
        let too_old = connection.outbox.as_ref().is_some_and(|outbox| outbox.is_too_old(now, bounds));
        match &connection.transport {
            Transport::Closing { until, .. } if now >= *until => return self.remove(key.index),
            Transport::Polling(polling) if polling.closed_until().is_some_and(|until| now >= until) => {
                return self.forget_polling(key.index);
            }
            _ if too_old => return self.close(key, CloseReason::SlowConsumer),
            _ if connection.message_deadline(&plain).is_some_and(|deadline| now >= deadline) => {
                return self.close(key, CloseReason::MessageTimeout);
            }
            _ => {}
        }
        let due = match &mut connection.speech {
            Speech::SocketIo { session, .. } => session.due(now, &socket_io),
            Speech::Plain { heartbeat, .. } | Speech::Echo { heartbeat } => heartbeat.due(now, &plain),
            Speech::Silent => return,
        };
        let websocket_ping = !matches!(connection.speech, Speech::SocketIo { .. });
        match due {
            Due::Ping if websocket_ping => self.send_frame(key.index, Opcode::Ping, &[]),
            Due::Ping => self.send_engine(key.index, "2"),
            Due::Close(reason) => self.close(key, reason),
            Due::Nothing => {}
        }
        if self.get(key).is_some_and(|connection| now >= connection.timer_at) {
            self.schedule(key);
        }
        self.look(key);
    }

    /// Puts a connection's heartbeat into the wheel: at most one interval from now, since
    /// a pong may bring the next ping forward.
    pub(crate) fn schedule(&mut self, key: ConnKey) {
        let now = self.now();
        let (socket_io, plain) = (self.rules.socket_io, self.rules.plain);
        let Some(connection) = self.get_mut(key) else {
            return;
        };
        let (deadline, interval) = match &connection.speech {
            Speech::SocketIo { session, .. } => (session.deadline(&socket_io), socket_io.ping_interval),
            Speech::Plain { heartbeat, .. } | Speech::Echo { heartbeat } => (heartbeat.deadline(), plain.ping_interval),
            Speech::Silent => return,
        };
        // While it is not read from, its pong's deadline moves along.
        let unread = connection.outbox.as_ref().is_some_and(|outbox| outbox.unread_since.is_some());
        let soonest = if unread { now + LOOK_MS } else { now };
        let at = deadline.max(soonest).min(now.saturating_add(interval));
        connection.timer_at = at;
        self.wheel_insert(key, at);
    }

    /// Has a connection looked at when its message or its outbox is due, if its heartbeat comes later.
    ///
    /// At most one such look waits in the wheel. That is enough: none is further ahead than the
    /// shorter of both times, so one that waits comes before whatever begins later is due; and
    /// each asks for the next. Only settings that change meanwhile bring another in.
    pub(crate) fn look(&mut self, key: ConnKey) {
        let now = self.now();
        let (plain, bounds) = (self.rules.plain, self.rules.outbox);
        let Some(connection) = self.get_mut(key) else {
            return;
        };
        let message = connection.message_deadline(&plain);
        let outbox = connection.outbox.as_ref().map(|outbox| outbox.deadline(now, bounds));
        let Some(deadline) = message.into_iter().chain(outbox).min() else {
            return;
        };
        let latest = now.saturating_add(plain.message_timeout.min(bounds.age_max));
        let at = deadline.min(latest).max(now + LOOK_MS);
        if at < connection.look_at.min(connection.timer_at) {
            connection.look_at = at;
            self.wheel_insert(key, at);
        }
    }

    /// From now on the client is not read from: its outbox is filling, and only that one's age counts.
    pub(super) fn pause_reading(&mut self, key: ConnKey) {
        let now = self.now();
        if let Some(outbox) = self.get_mut(key).and_then(|connection| connection.outbox.as_mut()) {
            outbox.unread_since = Some(now);
        }
    }

    /// The client is read from again: its clocks go on where they stood. Returns whether it was not.
    pub(super) fn resume_reading(&mut self, key: ConnKey) -> bool {
        let (now, socket_io, plain) = (self.now(), self.rules.socket_io, self.rules.plain);
        let Some(connection) = self.get_mut(key) else {
            return false;
        };
        let Some(since) = connection.outbox.as_mut().and_then(|outbox| outbox.unread_since.take()) else {
            return false;
        };
        let unread = now.saturating_sub(since);
        if let Transport::WebSocket { decoder, .. } = &mut connection.transport {
            decoder.forgive(unread, now);
        }
        match &mut connection.speech {
            Speech::SocketIo { session, .. } => session.forgive(unread, now, &socket_io),
            Speech::Plain { heartbeat, .. } | Speech::Echo { heartbeat } => heartbeat.forgive(unread, now, &plain),
            Speech::Silent => {}
        }
        true
    }

    /// Has a connection come out of the wheel at `at`.
    pub(crate) fn wheel_insert(&mut self, key: ConnKey, at: Millis) {
        let before = self.wheel.next_at();
        self.wheel.insert(key, at);
        if before.is_none_or(|before| at < before)
            && let Some(shard) = self.shard()
        {
            shard.timer.notify_one();
        }
    }
}
