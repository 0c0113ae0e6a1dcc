//! Which namespaces a Socket.IO session has joined, and what its packets may say there
//! (Socket.IO v5). Every breach of the protocol closes the whole connection, as the
//! reference server does.

use std::borrow::Cow;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{Millis, Request};
use crate::close::CloseReason;
use crate::room::Namespace;
use crate::socket_io::{self, Assembly, Kind, Packet};

/// The namespaces of one session. Owns no heap while it has joined at most one and no
/// attachment is due.
#[derive(Debug)]
pub struct Namespaces<S> {
    slots: SmallVec<[Slot<S>; 1]>,
    joined_once: bool,
    assembly: Option<Box<Unfinished>>,
}

/// A packet whose attachments are on their way.
#[derive(Debug)]
struct Unfinished {
    since: Millis,
    assembly: Assembly,
}

#[derive(Debug)]
struct Slot<S> {
    namespace: Namespace,
    socket: S,
    /// Whether the CONNECT was answered: before that the client may say nothing there.
    joined: bool,
}

impl<S: Copy + PartialEq> Namespaces<S> {
    /// None joined.
    pub(super) fn new() -> Self {
        Self { slots: SmallVec::new(), joined_once: false, assembly: None }
    }

    /// Whether any namespace was ever joined.
    pub fn joined_once(&self) -> bool {
        self.joined_once
    }

    /// Namespaces joined or being joined.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The sockets, joined ones and others.
    pub fn sockets(&self) -> impl Iterator<Item = S> + '_ {
        self.slots.iter().map(|slot| slot.socket)
    }

    /// Bytes held for attachments that are still due.
    pub fn buffered_bytes(&self) -> usize {
        self.assembly.as_ref().map_or(0, |unfinished| unfinished.assembly.bytes())
    }

    /// Since when attachments are due.
    pub(super) fn unfinished_since(&self) -> Option<Millis> {
        self.assembly.as_ref().map(|unfinished| unfinished.since)
    }

    /// Takes `unread` milliseconds before `now` out of the age of what is due.
    pub(super) fn forgive(&mut self, unread: Millis, now: Millis) {
        if let Some(unfinished) = &mut self.assembly {
            unfinished.since = unfinished.since.saturating_add(unread).min(now);
        }
    }

    /// Remembers a socket whose CONNECT is being decided.
    pub fn begin(&mut self, namespace: Namespace, socket: S) {
        self.slots.push(Slot { namespace, socket, joined: false });
    }

    /// The CONNECT was granted: the client may speak there from now on. `false` if the socket is unknown.
    pub fn accept(&mut self, socket: S) -> bool {
        let slot = self.slots.iter_mut().find(|slot| slot.socket == socket);
        if let Some(slot) = slot {
            slot.joined = true;
            self.joined_once = true;
            return true;
        }
        false
    }

    /// The socket is gone: refused, or disconnected by the server.
    pub fn remove(&mut self, socket: S) {
        self.slots.retain(|slot| slot.socket != socket);
    }

    fn joined(&self, namespace: &str) -> Result<S, CloseReason> {
        let slot = self.slots.iter().find(|slot| slot.namespace.as_str() == namespace && slot.joined);
        slot.map(|slot| slot.socket).ok_or(CloseReason::ProtocolError)
    }

    pub(super) fn text<'a>(&mut self, text: &'a str, now: Millis) -> Result<Option<Request<'a, S>>, CloseReason> {
        if self.assembly.is_some() {
            return Err(CloseReason::ProtocolError);
        }
        let packet = socket_io::decode(text).map_err(|_| CloseReason::ProtocolError)?;
        let assembly = Assembly::begin(&packet);
        self.assembly = assembly.map(|assembly| Box::new(Unfinished { since: now, assembly }));
        match packet {
            Packet::Connect { namespace, auth } => {
                if self.slots.iter().any(|slot| slot.namespace.as_str() == namespace) {
                    return Err(CloseReason::ProtocolError);
                }
                Ok(Some(Request::Connect { namespace, auth }))
            }
            Packet::Disconnect { namespace } => {
                let socket = self.joined(namespace)?;
                self.remove(socket);
                Ok(Some(Request::Leave(socket)))
            }
            Packet::Event { namespace, ack, data, .. } => {
                let socket = self.joined(namespace)?;
                let (data, attachments) = (Cow::Borrowed(data), Vec::new());
                Ok(self.whole(Request::Event { socket, ack, data, attachments }))
            }
            Packet::Ack { namespace, id, data, .. } => {
                let socket = self.joined(namespace)?;
                let (data, attachments) = (Cow::Borrowed(data), Vec::new());
                Ok(self.whole(Request::Ack { socket, id, data, attachments }))
            }
            Packet::ConnectError { .. } => Err(CloseReason::ProtocolError),
        }
    }

    /// The request, unless its attachments are still due.
    fn whole<'a>(&self, request: Request<'a, S>) -> Option<Request<'a, S>> {
        self.assembly.is_none().then_some(request)
    }

    pub(super) fn binary<'a>(&mut self, bytes: &[u8], bytes_max: usize) -> Result<Option<Request<'a, S>>, CloseReason> {
        let unfinished = self.assembly.as_mut().ok_or(CloseReason::ProtocolError)?;
        let complete = unfinished.assembly.push(Bytes::copy_from_slice(bytes), bytes_max).map_err(reason)?;
        if !complete {
            return Ok(None);
        }
        let Some(unfinished) = self.assembly.take() else {
            return Ok(None);
        };
        let whole = unfinished.assembly.finish().map_err(reason)?;
        let socket = self.joined(&whole.namespace)?;
        let (data, attachments) = (Cow::Owned(whole.data), whole.attachments);
        Ok(Some(match whole.kind {
            Kind::Event { ack } => Request::Event { socket, ack, data, attachments },
            Kind::Ack { id } => Request::Ack { socket, id, data, attachments },
        }))
    }
}

fn reason(error: socket_io::DecodeError) -> CloseReason {
    match error {
        socket_io::DecodeError::TooLarge => CloseReason::TooLarge,
        _ => CloseReason::ProtocolError,
    }
}
