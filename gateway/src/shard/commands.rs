//! What a client of the plain protocol asks for.

use roomcast_core::plain::{self, Command, Kind};
use roomcast_core::room::Room;

use super::publishing::Reply;
use super::refusal::Refused;
use super::requests::DEGRADED;
use super::state::State;
use super::subscribing::{Subscribed, live_in_time};
use crate::metrics::{ClientErrorCode, Counter, MessageKind, Protocol};

impl State {
    /// Carries out one command of a plain socket.
    pub(crate) fn command(&mut self, socket: u32, command: Command<'_>) {
        let id = command.id.map(|id| id.get().to_owned());
        let kind = match &command.kind {
            Kind::Subscribe(_) => MessageKind::Subscribe,
            Kind::Unsubscribe(_) => MessageKind::Unsubscribe,
            Kind::Publish { .. } => MessageKind::Publish,
            Kind::Emit(_) => MessageKind::Event,
            Kind::Auth(_) => MessageKind::Auth,
        };
        self.cells.inc(Counter::MessagesReceived(Protocol::Plain, kind));
        let id = id.as_deref();
        match command.kind {
            Kind::Subscribe(names) => match self.subscribe(socket, rooms(&names)) {
                Ok(subscribed) => self.when_live_plain(socket, id, subscribed),
                Err(refused) => self.refuse_plain(socket, id, &refused),
            },
            Kind::Unsubscribe(names) => match rooms(&names).and_then(|rooms| self.unsubscribe(socket, &rooms)) {
                Ok(rooms) => self.answer_plain(socket, id, &members(&rooms)),
                Err(refused) => self.refuse_plain(socket, id, &refused),
            },
            Kind::Publish { room, payload } => {
                self.publish_from(socket, &room, payload, Reply::Plain(id.map(str::to_owned)));
            }
            Kind::Emit(_) if self.node.events.is_none() => self.refuse_plain(socket, id, &Refused::no_backend()),
            Kind::Emit(payload) => {
                self.tell(socket, |events, client| events.event(client, payload, None));
                self.answer_plain(socket, id, "");
            }
            Kind::Auth(_) => {
                let message = "this gateway knows no tokens: every client is anonymous";
                self.refuse_plain(socket, id, &Refused::new(ClientErrorCode::AuthUnavailable, message));
            }
        }
    }

    fn when_live_plain(&mut self, socket: u32, id: Option<&str>, subscribed: Subscribed) {
        let Subscribed { rooms, soon } = subscribed;
        if soon.is_empty() {
            return self.answer_plain(socket, id, &members(&rooms));
        }
        let id = id.map(str::to_owned);
        self.later(socket, live_in_time(soon), move |state, live| {
            state.count_degraded(live);
            let degraded = if live { "" } else { DEGRADED };
            state.answer_plain(socket, id.as_deref(), &format!("{}{degraded}", members(&rooms)));
        });
    }

    /// Answers a command that was carried out; without an id nobody waits for the answer.
    pub(crate) fn answer_plain(&mut self, socket: u32, id: Option<&str>, members: &str) {
        let Some(conn) = self.sockets.get(socket as usize).map(|s| s.conn) else {
            return;
        };
        if id.is_some() {
            self.send_plain(conn, &plain::ok(id, members));
        }
    }

    /// Answers a command that was refused.
    pub(crate) fn refuse_plain(&mut self, socket: u32, id: Option<&str>, refused: &Refused) {
        self.cells.inc(Counter::ClientErrors(refused.code));
        let Some(conn) = self.sockets.get(socket as usize).map(|s| s.conn) else {
            return;
        };
        let text = plain::error(id, refused.code.label(), &refused.message, refused.room.as_deref());
        self.send_plain(conn, &text);
    }
}

fn rooms(names: &[std::borrow::Cow<'_, str>]) -> Result<Vec<Room>, Refused> {
    names.iter().map(|name| Room::new(name).map_err(|error| Refused::room(name, error))).collect()
}

fn members(rooms: &[Room]) -> String {
    let names: Vec<&str> = rooms.iter().map(Room::as_str).collect();
    format!("\"rooms\":{}", serde_json::Value::from(names))
}
