//! What comes in over a WebSocket: bytes to frames, frames to packets, packets to requests.

use std::task::{Context, Poll};

use roomcast_core::close::CloseReason;
use roomcast_core::session::Request;
use roomcast_core::websocket::{self, Message, Opcode};
use roomcast_core::{engine_io, plain};

use super::connection::{ConnKey, Speech, Transport};
use super::outbox::Packet;
use super::state::State;
use crate::metrics::{Counter, MessageKind};

/// Reads of one connection in a row; then it is the others' turn.
const READS_MAX: usize = 4;
/// Bytes of one read while much waits to be written: the answers should not be much more.
const READ_BYTES_FILLING: usize = 4096;

impl State {
    /// One step of a read task. Ready: the connection is gone.
    pub(crate) fn poll_connection(&mut self, key: ConnKey, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = std::mem::take(&mut self.scratch);
        let step = self.poll_reads(key, cx, &mut scratch);
        self.scratch = scratch;
        step
    }

    /// Reads until there is nothing more, for a few reads at a time: others want to be served
    /// too. A client that does not read its answers is not read from either, so that what
    /// waits for it stays within its bound, and its age is what closes it. One that reads
    /// slowly is heard a little each time it has read: its pongs are among what it says. The time
    /// between does not count against it: see [`super::deadlines`].
    fn poll_reads(&mut self, key: ConnKey, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<()> {
        let bounds = self.rules.outbox;
        let (mut reads, mut has_read) = (0, false);
        self.resume_reading(key);
        loop {
            let Some(connection) = self.get_mut(key) else {
                return Poll::Ready(());
            };
            if connection.waker.as_ref().is_none_or(|waker| !waker.will_wake(cx.waker())) {
                connection.waker = Some(cx.waker().clone());
            }
            let outbox = connection.outbox.as_ref();
            let blocked = outbox.is_some_and(|outbox| outbox.blocked_since().is_some());
            let filling = outbox.is_some_and(|outbox| outbox.is_filling(bounds));
            let (io, blocked) = match &mut connection.transport {
                Transport::WebSocket { io, .. } => (io, blocked),
                Transport::Closing { io, last, .. } => (io, last.is_some()),
                Transport::Polling(_) => return Poll::Ready(()),
            };
            if blocked && io.poll_writable(cx).is_ready() {
                self.writable(key.index);
                has_read = true;
                continue;
            }
            if blocked && filling && !has_read {
                self.pause_reading(key);
                return Poll::Pending;
            }
            if reads == READS_MAX {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            reads += 1;
            has_read = false;
            let room = if filling { READ_BYTES_FILLING } else { scratch.len() };
            match std::task::ready!(io.poll_read(cx, scratch.get_mut(..room).unwrap_or_default())) {
                Ok(read) if read > 0 => self.received(key, scratch.get_mut(..read).unwrap_or_default()),
                Ok(_) | Err(_) => self.hung_up(key),
            }
        }
    }

    /// The other side closed the TCP connection, or it broke.
    fn hung_up(&mut self, key: ConnKey) {
        self.close(key, CloseReason::TransportError);
        if self.get(key).is_some() {
            self.remove(key.index);
        }
    }

    /// Takes bytes of the client, in place.
    pub(crate) fn received(&mut self, key: ConnKey, mut input: &mut [u8]) {
        let (limits, now) = (self.rules.frames, self.now());
        let Some(connection) = self.get_mut(key) else {
            return;
        };
        let protocol = connection.protocol();
        let Transport::WebSocket { decoder, .. } = &mut connection.transport else {
            return;
        };
        let mut decoder = std::mem::replace(decoder, websocket::Decoder::new(websocket::Role::Server));
        self.cells.add(Counter::ReceivedBytes(protocol), input.len() as u64);
        loop {
            let (consumed, outcome) = match decoder.next(input, &limits) {
                Ok(step) => match step.message {
                    Some(message) => (step.consumed, self.message(key, message)),
                    None => break,
                },
                Err(error) => (0, Err(error.reason())),
            };
            if let Err(reason) = outcome {
                self.close(key, reason);
                return;
            }
            input = input.get_mut(consumed..).unwrap_or_default();
            self.relieve(key);
        }
        let rules = self.rules.plain;
        let Some(connection) = self.get_mut(key) else {
            return;
        };
        if let Transport::WebSocket { decoder: place, .. } = &mut connection.transport {
            decoder.note(now);
            *place = decoder;
        }
        if connection.message_deadline(&rules).is_some() {
            self.look(key);
        }
    }

    /// Writes answers that pile up while one read is taken, before they reach the outbox's bound.
    fn relieve(&mut self, key: ConnKey) {
        let bounds = self.rules.outbox;
        let outbox = self.get(key).and_then(|connection| connection.outbox.as_ref());
        if outbox.is_some_and(|outbox| outbox.is_filling(bounds)) {
            self.write_outbox(key.index);
        }
    }

    fn message(&mut self, key: ConnKey, message: Message<'_>) -> Result<(), CloseReason> {
        let now = self.now();
        let rules = self.rules.plain;
        match message {
            Message::Ping(bytes) => {
                self.send_frame(key.index, Opcode::Pong, bytes);
                Ok(())
            }
            Message::Pong(_) => {
                if let Some(Speech::Plain { heartbeat, .. } | Speech::Echo { heartbeat }) =
                    self.get_mut(key).map(|connection| &mut connection.speech)
                {
                    heartbeat.pong(now, &rules);
                }
                Ok(())
            }
            Message::Close(_) => Err(CloseReason::Normal),
            Message::Text(text) => self.text(key, text),
            Message::Binary(bytes) => self.binary(key, bytes),
        }
    }

    fn text(&mut self, key: ConnKey, text: &str) -> Result<(), CloseReason> {
        let (now, rules) = (self.now(), self.rules.plain);
        let Some(connection) = self.get_mut(key) else {
            return Ok(());
        };
        match &mut connection.speech {
            Speech::SocketIo { .. } => {
                let packet = engine_io::decode(text).map_err(|_| CloseReason::ProtocolError)?;
                self.engine_packet(key, packet)
            }
            Speech::Plain { heartbeat, socket } => {
                heartbeat.other(now, &rules);
                let socket = *socket;
                match plain::decode(text) {
                    Ok(command) => self.command(socket, command),
                    Err(plain::DecodeError::NotAnObject) => return Err(CloseReason::PolicyViolation),
                    Err(plain::DecodeError::Refused { id, code, message }) => {
                        self.cells.inc(Counter::ClientErrors(crate::metrics::ClientErrorCode::of(code)));
                        self.send_plain(key.index, &plain::error(id.as_deref(), code, &message, None));
                    }
                }
                Ok(())
            }
            Speech::Echo { heartbeat } => {
                heartbeat.other(now, &rules);
                self.send_frame(key.index, Opcode::Text, text.as_bytes());
                Ok(())
            }
            Speech::Silent => Ok(()),
        }
    }

    fn binary(&mut self, key: ConnKey, bytes: &[u8]) -> Result<(), CloseReason> {
        let Some(connection) = self.get_mut(key) else {
            return Ok(());
        };
        match &connection.speech {
            Speech::SocketIo { .. } => {
                self.engine_packet(key, engine_io::Packet::Binary(std::borrow::Cow::Borrowed(bytes)))
            }
            Speech::Plain { .. } => Err(CloseReason::UnsupportedData),
            Speech::Echo { .. } => {
                self.send_frame(key.index, Opcode::Binary, bytes);
                Ok(())
            }
            Speech::Silent => Ok(()),
        }
    }

    /// Takes one Engine.IO packet, whatever brought it.
    pub(crate) fn engine_packet(&mut self, key: ConnKey, packet: engine_io::Packet<'_>) -> Result<(), CloseReason> {
        let (now, rules) = (self.now(), self.rules.socket_io);
        let Some(Speech::SocketIo { session, .. }) = self.get_mut(key).map(|c| &mut c.speech) else {
            return Ok(());
        };
        let Some(request) = session.packet(packet, now, &rules)? else {
            return Ok(());
        };
        if let Some(kind) = kind_of(&request) {
            let protocol = crate::metrics::Protocol::SocketIo;
            self.cells.inc(Counter::MessagesReceived(protocol, kind));
        }
        self.request(key, request);
        Ok(())
    }

    /// Sends one WebSocket frame.
    pub(crate) fn send_frame(&mut self, conn: u32, opcode: Opcode, payload: &[u8]) {
        let mut frame = Vec::with_capacity(payload.len() + 10);
        websocket::encode(opcode, payload, &mut frame);
        self.send(conn, Packet::Frames(frame.into()));
    }

    /// Sends the open packet of a session.
    pub(crate) fn send_open(&mut self, conn: u32, open: &str) {
        self.send_frame(conn, Opcode::Text, open.as_bytes());
    }

    /// Opens the socket of a plain connection and says hello.
    pub(crate) fn greet(&mut self, key: ConnKey, namespace: u32) {
        let socket = self.open_socket(key.index, namespace);
        if let Some(Speech::Plain { socket: place, .. }) = self.get_mut(key).map(|c| &mut c.speech) {
            *place = socket;
        }
        self.join_everybody(socket);
        let Some(id) = self.sockets.get(socket as usize).map(|s| s.id.clone()) else {
            return;
        };
        let hello = plain::hello(id.as_str(), self.rules.plain.ping_interval, self.rules.frames.message_bytes_max);
        self.send_plain(key.index, &hello);
        self.tell(socket, |events, client| events.connected(client, ""));
    }

    /// Sends one message of the plain protocol.
    pub(crate) fn send_plain(&mut self, conn: u32, text: &str) {
        self.send_frame(conn, Opcode::Text, text.as_bytes());
    }
}

/// `None`: it depends on the event's name, and is counted where that is read.
fn kind_of<S>(request: &Request<'_, S>) -> Option<MessageKind> {
    match request {
        Request::Connect { .. } => Some(MessageKind::Connect),
        Request::Leave(_) => Some(MessageKind::Disconnect),
        Request::Event { .. } => None,
        Request::Ack { .. } => Some(MessageKind::Ack),
    }
}
