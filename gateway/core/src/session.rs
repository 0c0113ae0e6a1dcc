//! One connection as a state machine: fed with packets, asked for requests.
//!
//! [`heartbeat`] decides when to ping and when a peer is dead; [`namespaces`] holds
//! the Socket.IO side: which namespaces are joined and what may be said there;
//! [`probe`] is the WebSocket that offers to take over a polling session. Time is an
//! argument, in milliseconds of any monotonic clock.
//!
//! Deliberately absent: sockets, timers, rooms, permission. What a request asks for
//! is carried out, or refused, by whoever holds the session.

pub mod heartbeat;
pub mod namespaces;
pub mod probe;

use std::borrow::Cow;

use bytes::Bytes;

use crate::close::CloseReason;
use crate::engine_io::Packet;
use heartbeat::Heartbeat;
use namespaces::Namespaces;

/// Milliseconds of a monotonic clock.
pub type Millis = u64;

/// Fixed rules of all sessions of a protocol.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Between a pong and the next ping.
    pub ping_interval: Millis,
    /// Until a pong is overdue.
    pub ping_timeout: Millis,
    /// Until a first namespace must have been joined (Socket.IO only).
    pub connect_timeout: Millis,
    /// Bytes of one message, attachments included.
    pub message_bytes_max: usize,
    /// From the beginning of a message to its end, attachments included.
    pub message_timeout: Millis,
}

/// What a Socket.IO client asks for. `S` is whatever the holder calls a socket.
#[derive(Debug, PartialEq, Eq)]
pub enum Request<'a, S> {
    /// To join a namespace: answer by [`Namespaces::accept`] or [`Namespaces::refuse`].
    Connect {
        /// Its name, as the client wrote it: not checked to exist.
        namespace: &'a str,
        /// JSON object, or empty.
        auth: &'a str,
    },
    /// It left a namespace.
    Leave(S),
    /// An event, with its attachments.
    Event {
        /// On which socket.
        socket: S,
        /// The id to answer with, if it wants an answer.
        ack: Option<u64>,
        /// JSON array `["event",arg,…]`.
        data: Cow<'a, str>,
        /// The binary values.
        attachments: Vec<Bytes>,
    },
    /// An answer to an event of ours.
    Ack {
        /// On which socket.
        socket: S,
        /// The id that is answered.
        id: u64,
        /// JSON array of the arguments.
        data: Cow<'a, str>,
        /// The binary values.
        attachments: Vec<Bytes>,
    },
}

/// What is due when a session's deadline has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing: the deadline moved meanwhile.
    Nothing,
    /// Send a ping.
    Ping,
    /// Close.
    Close(CloseReason),
}

/// A Socket.IO session over Engine.IO 4, whatever its transport.
#[derive(Debug)]
pub struct Session<S> {
    /// Pings and pongs.
    pub heartbeat: Heartbeat,
    /// What is joined.
    pub namespaces: Namespaces<S>,
    connect_deadline: Millis,
}

impl<S: Copy + PartialEq> Session<S> {
    /// A session that opened at `now`.
    pub fn new(now: Millis, rules: &Rules) -> Self {
        Self {
            heartbeat: Heartbeat::new(now, rules),
            namespaces: Namespaces::new(),
            connect_deadline: now.saturating_add(rules.connect_timeout),
        }
    }

    /// Takes one packet of the client. An error closes the connection.
    ///
    /// `Close`, and a `Ping` (in revision 4 the server pings), end the session.
    /// `Open`, `Upgrade` and `Noop` mean nothing in this direction and are ignored.
    pub fn packet<'a>(
        &mut self,
        packet: Packet<'a>,
        now: Millis,
        rules: &Rules,
    ) -> Result<Option<Request<'a, S>>, CloseReason> {
        if self.heartbeat.is_overdue(now) {
            return Err(CloseReason::PingTimeout);
        }
        if self.is_message_overdue(now, rules) {
            return Err(CloseReason::MessageTimeout);
        }
        match packet {
            Packet::Pong(_) => {
                self.heartbeat.pong(now, rules);
                Ok(None)
            }
            Packet::Message(text) => {
                self.heartbeat.other(now, rules);
                self.namespaces.text(text, now)
            }
            Packet::Binary(bytes) => {
                self.heartbeat.other(now, rules);
                self.namespaces.binary(&bytes, rules.message_bytes_max)
            }
            Packet::Close => Err(CloseReason::Normal),
            Packet::Ping(_) => Err(CloseReason::ProtocolError),
            Packet::Open | Packet::Upgrade | Packet::Noop => Ok(None),
        }
    }

    /// Whether attachments that were announced have not come in time: pongs do not stand in for them.
    fn is_message_overdue(&self, now: Millis, rules: &Rules) -> bool {
        self.message_deadline(rules).is_some_and(|deadline| now >= deadline)
    }

    /// Until when attachments that were announced have to be there.
    pub fn message_deadline(&self, rules: &Rules) -> Option<Millis> {
        self.namespaces.unfinished_since().map(|since| since.saturating_add(rules.message_timeout))
    }

    /// The client was not read from for the `unread` milliseconds before `now`, for reasons of ours:
    /// neither its pong nor its attachments are any later for that.
    pub fn forgive(&mut self, unread: Millis, now: Millis, rules: &Rules) {
        self.heartbeat.forgive(unread, now, rules);
        self.namespaces.forgive(unread, now);
    }

    /// When [`Session::due`] wants to be asked next.
    pub fn deadline(&self, rules: &Rules) -> Millis {
        let message = self.message_deadline(rules).unwrap_or(Millis::MAX);
        let connect = if self.namespaces.joined_once() { Millis::MAX } else { self.connect_deadline };
        self.heartbeat.deadline().min(connect).min(message)
    }

    /// What is due at `now`.
    pub fn due(&mut self, now: Millis, rules: &Rules) -> Due {
        if !self.namespaces.joined_once() && now >= self.connect_deadline {
            return Due::Close(CloseReason::ConnectTimeout);
        }
        if self.is_message_overdue(now, rules) {
            return Due::Close(CloseReason::MessageTimeout);
        }
        self.heartbeat.due(now, rules)
    }
}
