//! What a Socket.IO client asks for: namespaces, rooms, events, acknowledgements.

use std::borrow::Cow;

use bytes::Bytes;
use roomcast_core::close::CloseReason;
use roomcast_core::cluster::ClientAck;
use roomcast_core::plain;
use roomcast_core::publication::{Payload, split_event};
use roomcast_core::room::Room;
use roomcast_core::session::Request;
use roomcast_core::socket_io;
use serde_json::value::RawValue;

use super::connection::{ConnKey, Speech};
use super::outbox::Packet;
use super::refusal::Refused;
use super::state::State;
use crate::client_events::{Decision, Refusal};
use crate::metrics::{AckResult, ClientErrorCode, Counter, Gauge, MessageKind, Protocol};

/// What an answer says besides, of what was done on this node only.
pub(super) const DEGRADED: &str = ",\"degraded\":true";

impl State {
    /// Carries out one request of a Socket.IO client.
    pub(crate) fn request(&mut self, key: ConnKey, request: Request<'_, u32>) {
        match request {
            Request::Connect { namespace, auth } => self.connect(key, namespace, auth),
            Request::Leave(socket) => self.close_socket(socket, CloseReason::Normal),
            Request::Event { socket, ack, data, attachments } => self.event(socket, ack, &data, attachments),
            Request::Ack { socket, id, data, attachments } => {
                self.acknowledged(socket, id, data.into_owned(), attachments);
            }
        }
    }

    fn connect(&mut self, key: ConnKey, namespace: &str, auth: &str) {
        let Some(index) = self.node.namespace_index(namespace) else {
            self.cells.inc(Counter::ClientErrors(ClientErrorCode::UnknownNamespace));
            return self.refuse_namespace(key.index, namespace, "Invalid namespace", None);
        };
        let max = self.rules.namespaces_per_connection_max;
        let Some(Speech::SocketIo { session, .. }) = self.get(key).map(|c| &c.speech) else {
            return;
        };
        if session.namespaces.len() >= max {
            self.cells.inc(Counter::ClientErrors(ClientErrorCode::TooManyNamespaces));
            return self.refuse_namespace(key.index, namespace, "too many namespaces on one connection", None);
        }
        let socket = self.open_socket(key.index, index);
        let name = self.namespace(index);
        if let Some(Speech::SocketIo { session, .. }) = self.get_mut(key).map(|c| &mut c.speech) {
            session.namespaces.begin(name, socket);
        }
        if self.node.events.is_none() {
            return self.accept(key, socket, auth);
        }
        let Some(decision) = self.tell(socket, |events, client| events.connect(client, auth)) else { return };
        match decision {
            Decision::Accept => self.accept(key, socket, auth),
            Decision::Refuse(refusal) => self.refuse(key, socket, &refusal),
            Decision::Later(future) => {
                let auth = auth.to_owned();
                self.later(socket, future, move |state, outcome| match outcome {
                    Ok(()) => state.accept(key, socket, &auth),
                    Err(refusal) => state.refuse(key, socket, &refusal),
                });
            }
        }
    }

    /// The socket is reachable before its client is told so: nothing sent at once is lost.
    fn accept(&mut self, key: ConnKey, socket: u32, auth: &str) {
        let Some(Speech::SocketIo { session, .. }) = self.get_mut(key).map(|c| &mut c.speech) else {
            return;
        };
        if !session.namespaces.accept(socket) {
            return;
        }
        if let (Some(handshakes), Some(connection)) = (&self.handshakes, self.conns.get_mut(key.index as usize)) {
            handshakes.keep_auth(&mut connection.kept, socket, auth);
        }
        self.join_everybody(socket);
        let Some((namespace, id)) = self.sockets.get(socket as usize).map(|s| (s.namespace, s.id.clone())) else {
            return;
        };
        let text = socket_io::encode_connect(self.namespace(namespace).as_str(), id.as_str());
        self.send(key.index, Packet::Message(text, Vec::new()));
        self.tell(socket, |events, client| events.connected(client, auth));
    }

    fn refuse(&mut self, key: ConnKey, socket: u32, refusal: &Refusal) {
        let Some(Speech::SocketIo { session, .. }) = self.get_mut(key).map(|c| &mut c.speech) else {
            return;
        };
        session.namespaces.remove(socket);
        let Some(namespace) = self.sockets.get(socket as usize).map(|s| s.namespace) else {
            return;
        };
        let name = self.namespace(namespace);
        self.close_socket(socket, CloseReason::Normal);
        self.refuse_namespace(key.index, name.as_str(), &refusal.message, refusal.data.as_deref());
    }

    fn refuse_namespace(&mut self, conn: u32, namespace: &str, message: &str, data: Option<&str>) {
        let text = socket_io::encode_connect_error(namespace, message, data);
        self.send(conn, Packet::Message(text, Vec::new()));
    }

    fn event(&mut self, socket: u32, ack: Option<u64>, data: &str, attachments: Vec<Bytes>) {
        let (name, args) = split_event(data);
        let names = &self.rules.events;
        let protocol = Protocol::SocketIo;
        if name == names.subscribe {
            self.cells.inc(Counter::MessagesReceived(protocol, MessageKind::Subscribe));
            match self.subscribe(socket, rooms_of(args)) {
                Ok(subscribed) => self.when_live(socket, ack, subscribed),
                Err(refused) => self.answer_refusal(socket, ack, &refused),
            }
        } else if name == names.unsubscribe {
            self.cells.inc(Counter::MessagesReceived(protocol, MessageKind::Unsubscribe));
            match rooms_of(args).and_then(|rooms| self.unsubscribe(socket, &rooms)) {
                Ok(rooms) => self.answer_rooms(socket, ack, &rooms, true),
                Err(refused) => self.answer_refusal(socket, ack, &refused),
            }
        } else if name == names.publish {
            self.cells.inc(Counter::MessagesReceived(protocol, MessageKind::Publish));
            match room_and_payload(split_event(&format!("[{args}]")), attachments) {
                Ok((room, payload)) => {
                    self.publish_from(socket, &room, payload, super::publishing::Reply::Ack(ack));
                }
                Err(refused) => self.answer_refusal(socket, ack, &refused),
            }
        } else {
            self.cells.inc(Counter::MessagesReceived(protocol, MessageKind::Event));
            self.backend_event(socket, ack, data, attachments);
        }
    }

    fn backend_event(&mut self, socket: u32, ack: Option<u64>, data: &str, attachments: Vec<Bytes>) {
        let payload = match Payload::from_data(data, attachments) {
            Ok(payload) => payload,
            Err(error) => return self.answer_refusal(socket, ack, &Refused::invalid(error.to_string())),
        };
        if self.node.events.is_none() {
            return self.answer_refusal(socket, ack, &Refused::no_backend());
        }
        self.tell(socket, |events, client| events.event(client, payload, ack));
    }

    fn acknowledged(&mut self, socket: u32, id: u64, args: String, attachments: Vec<Bytes>) {
        let Some((namespace, connection)) = self.sockets.get(socket as usize).map(|s| (s.namespace, s.id.clone()))
        else {
            return;
        };
        if self.acks.answer(namespace, id, socket, ClientAck { connection, args, attachments }) {
            self.cells.inc(Counter::Acks(AckResult::Answered));
            self.cells.gauge_sub(Gauge::AcksPending, 1);
        }
    }

    /// Answers an event: `args` is a JSON array.
    pub(crate) fn answer(&mut self, socket: u32, id: u64, args: &str, attachments: Vec<Bytes>) {
        let Some((conn, namespace)) = self.sockets.get(socket as usize).map(|s| (s.conn, s.namespace)) else {
            return;
        };
        let text = socket_io::encode_ack(self.namespace(namespace).as_str(), id, args, &attachments);
        self.send(conn, Packet::Message(text, attachments));
    }

    /// `live`: whether what is published on other nodes reaches the rooms already.
    pub(crate) fn answer_rooms(&mut self, socket: u32, ack: Option<u64>, rooms: &[Room], live: bool) {
        let Some(ack) = ack else { return };
        let names: Vec<&str> = rooms.iter().map(Room::as_str).collect();
        let degraded = if live { "" } else { DEGRADED };
        let args = format!(r#"[{{"ok":true,"rooms":{}{degraded}}}]"#, serde_json::Value::from(names));
        self.answer(socket, ack, &args, Vec::new());
    }

    /// Tells a client that its request was refused: in the ack, or as an event if it asked for none.
    pub(crate) fn answer_refusal(&mut self, socket: u32, ack: Option<u64>, refused: &Refused) {
        self.cells.inc(Counter::ClientErrors(refused.code));
        let error = refused.to_json();
        if let Some(ack) = ack {
            let args = format!(r#"[{{"ok":false,"error":{error}}}]"#);
            return self.answer(socket, ack, &args, Vec::new());
        }
        let Ok(args) = RawValue::from_string(serde_json::json!([error]).to_string()) else {
            return;
        };
        if let Ok(payload) = Payload::new(&self.rules.events.error, &args, Vec::new()) {
            self.emit(socket, &payload);
        }
    }

    /// Sends an event to one Socket.IO socket.
    pub(crate) fn emit(&mut self, socket: u32, payload: &Payload) {
        let Some((conn, namespace)) = self.sockets.get(socket as usize).map(|s| (s.conn, s.namespace)) else {
            return;
        };
        let plain = matches!(self.conns.get(conn as usize).map(|c| &c.speech), Some(Speech::Plain { .. }));
        if plain {
            return self.send_plain(conn, &plain::event(None, payload));
        }
        let text = socket_io::encode_event(self.namespace(namespace).as_str(), None, payload);
        self.send(conn, Packet::Message(text, payload.attachments().to_vec()));
    }
}

/// The room names of a subscribe: one string, or one array of strings.
fn rooms_of(args: &str) -> Result<Vec<Room>, Refused> {
    let wrapped = format!("[{args}]");
    let [names]: [&RawValue; 1] = serde_json::from_str(&wrapped).map_err(|_| Refused::names())?;
    let names = match serde_json::from_str::<String>(names.get()) {
        Ok(name) => vec![Cow::Owned(name)],
        Err(_) => plain::names(names).filter(|names| !names.is_empty()).ok_or_else(Refused::names)?,
    };
    names.iter().map(|name| Room::new(name).map_err(|error| Refused::room(name, error))).collect()
}

/// The room's name and the rest as an event.
fn room_and_payload((room, event): (&str, &str), attachments: Vec<Bytes>) -> Result<(String, Payload), Refused> {
    let room: String = serde_json::from_str(room).map_err(|_| Refused::no_room())?;
    let payload = Payload::from_data(&format!("[{event}]"), attachments);
    payload.map(|payload| (room, payload)).map_err(|error| Refused::invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SUBSCRIBE_ROOMS_MAX;

    #[test]
    fn too_many_rooms_are_refused_by_their_bound() {
        let rooms = |count| rooms_of(&format!("[{}]", vec!["\"a\""; count].join(",")));
        assert!(rooms(SUBSCRIBE_ROOMS_MAX).is_ok_and(|rooms| rooms.len() == SUBSCRIBE_ROOMS_MAX));
        for count in [0, SUBSCRIBE_ROOMS_MAX + 1] {
            assert!(rooms(count).is_err_and(|refused| refused.message.contains("1 to 1000 rooms")), "{count}");
        }
    }
}
