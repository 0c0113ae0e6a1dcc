//! One connection of a shard: its transport, what is spoken over it, what waits for it.
//!
//! An idle one owns no buffer: reads go to the shard's scratch, the decoder keeps bytes
//! only of an unfinished frame, the outbox exists only while something is in it.

use std::net::SocketAddr;
use std::task::Waker;

use bytes::Bytes;
use roomcast_core::delivery::Variant;
use roomcast_core::id::Sid;
use roomcast_core::session::heartbeat::Heartbeat;
use roomcast_core::session::{Millis, Rules, Session};
use roomcast_core::websocket::Decoder;

use super::handshake::Kept;
use super::io::Io;
use super::outbox::Outbox;
use super::polled::Polling;
use crate::metrics;
use crate::node::Permit;

/// Names one connection of a shard, and no later one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnKey {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// Who connected.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) permit: Permit,
    /// What other servers may know of the handshake.
    pub(crate) kept: Option<Box<Kept>>,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) generation: u32,
    pub(crate) transport: Transport,
    pub(crate) speech: Speech,
    pub(crate) variant: Variant,
    pub(crate) outbox: Option<Box<Outbox>>,
    /// Publications of the shard up to this number are dealt with for this connection.
    pub(crate) settled: u64,
    /// Whether it is in the flusher's list.
    pub(crate) dirty: bool,
    /// When its heartbeat is due: one entry in the wheel.
    pub(crate) timer_at: Millis,
    /// When it is looked at besides, for its message or its outbox; none pending: `Millis::MAX`.
    pub(crate) look_at: Millis,
    /// Wakes the read task: to close, or to wait for writability.
    pub(crate) waker: Option<Waker>,
    pub(crate) address: SocketAddr,
    /// Counts it among the node's connections until it is closed; one that polls, until it is forgotten.
    pub(crate) permit: Option<Permit>,
    /// What other servers may know of its handshake, besides the path.
    pub(crate) kept: Option<Box<Kept>>,
}

#[derive(Debug)]
pub(crate) enum Transport {
    WebSocket {
        io: Io,
        decoder: Decoder,
    },
    Polling(Box<Polling>),
    /// A close frame is out, or the last thing to go out; until the peer has closed too, or the
    /// deadline, it is only read.
    Closing {
        io: Io,
        until: Millis,
        /// What the socket would not take yet: the rest of what it had begun to take, and a
        /// close frame.
        last: Option<Box<[Bytes; 2]>>,
    },
}

#[derive(Debug)]
pub(crate) enum Speech {
    SocketIo {
        sid: Sid,
        session: Session<u32>,
    },
    Plain {
        heartbeat: Heartbeat,
        socket: u32,
    },
    /// Messages come back as they are.
    Echo {
        heartbeat: Heartbeat,
    },
    /// Nothing any more.
    Silent,
}

impl Connection {
    pub(crate) fn protocol(&self) -> metrics::Protocol {
        match self.speech {
            Speech::SocketIo { .. } => metrics::Protocol::SocketIo,
            Speech::Plain { .. } => metrics::Protocol::Plain,
            Speech::Echo { .. } | Speech::Silent => metrics::Protocol::Raw,
        }
    }

    pub(crate) fn transport_label(&self) -> metrics::Transport {
        match self.transport {
            Transport::Polling(_) => metrics::Transport::Polling,
            Transport::WebSocket { .. } | Transport::Closing { .. } => metrics::Transport::WebSocket,
        }
    }

    /// The sockets that live on this connection.
    pub(crate) fn sockets(&self) -> smallvec::SmallVec<[u32; 4]> {
        match &self.speech {
            Speech::SocketIo { session, .. } => session.namespaces.sockets().collect(),
            Speech::Plain { socket, .. } => smallvec::smallvec![*socket],
            Speech::Echo { .. } | Speech::Silent => smallvec::SmallVec::new(),
        }
    }

    /// Whether the peer should have shown a sign of life by now.
    pub(crate) fn is_overdue(&self, now: Millis) -> bool {
        match &self.speech {
            Speech::SocketIo { session, .. } => session.heartbeat.is_overdue(now),
            Speech::Plain { heartbeat, .. } | Speech::Echo { heartbeat } => heartbeat.is_overdue(now),
            Speech::Silent => false,
        }
    }

    /// Until when the message that is on its way, attachments included, has to be whole.
    pub(crate) fn message_deadline(&self, rules: &Rules) -> Option<Millis> {
        let since = match &self.transport {
            Transport::WebSocket { decoder, .. } => decoder.unfinished_since(),
            Transport::Polling(_) | Transport::Closing { .. } => None,
        };
        let frames = since.map(|since| since.saturating_add(rules.message_timeout));
        let attachments = match &self.speech {
            Speech::SocketIo { session, .. } => session.message_deadline(rules),
            Speech::Plain { .. } | Speech::Echo { .. } | Speech::Silent => None,
        };
        frames.into_iter().chain(attachments).min()
    }

    /// Whether nothing can be handed to the transport at the moment.
    pub(crate) fn is_behind(&self) -> bool {
        match &self.transport {
            Transport::Polling(polling) => !polling.is_waiting(),
            _ => self.outbox.as_ref().is_some_and(|outbox| outbox.blocked_since().is_some()),
        }
    }

    /// A connection that is about to be taken in.
    pub(crate) fn new(transport: Transport, speech: Speech, variant: Variant, from: Peer) -> Self {
        Self {
            generation: 0,
            transport,
            speech,
            variant,
            outbox: None,
            settled: 0,
            dirty: false,
            timer_at: 0,
            look_at: Millis::MAX,
            waker: None,
            address: from.address,
            permit: Some(from.permit),
            kept: from.kept,
        }
    }

    /// Has the read task look again.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn outbox(&mut self) -> &mut Outbox {
        self.outbox.get_or_insert_with(|| Box::new(Outbox::new()))
    }
}
