//! The sharded adapter (`createShardedAdapter`): SPUBLISH, one kind of message for everything,
//! JSON unless it holds binary values.
//!
//! Source: `@socket.io/redis-adapter` 8.3 (`dist/sharded-adapter.js`) and `socket.io-adapter` 2.5
//! (`dist/cluster-adapter.js`).

use roomcast_core::cluster::Request;
use roomcast_core::publication::{Audience, Origin, Publication, UnixMillis};
use roomcast_core::room::{Namespace, Room};

use super::item::{self, Fields, Item};
use super::messages::{self, MARK, Packet, select};
use super::part::Part;
use super::{Answered, Form, Incoming, Outgoing, Reply, ReplyTo, Unreadable, Wire, names, opts, sockets};
use crate::options::Mode;

/// Messages by their numbers.
mod kind {
    pub(super) const INITIAL_HEARTBEAT: u64 = 1;
    pub(super) const HEARTBEAT: u64 = 2;
    pub(super) const BROADCAST: u64 = 3;
    pub(super) const SOCKETS_JOIN: u64 = 4;
    pub(super) const SOCKETS_LEAVE: u64 = 5;
    pub(super) const DISCONNECT_SOCKETS: u64 = 6;
    pub(super) const FETCH_SOCKETS: u64 = 7;
    pub(super) const FETCH_SOCKETS_RESPONSE: u64 = 8;
    pub(super) const SERVER_SIDE_EMIT: u64 = 9;
    pub(super) const SERVER_SIDE_EMIT_RESPONSE: u64 = 10;
    pub(super) const BROADCAST_CLIENT_COUNT: u64 = 11;
    pub(super) const BROADCAST_ACK: u64 = 12;
    pub(super) const ADAPTER_CLOSE: u64 = 13;
}

/// Whether a room has a channel of its own.
pub(super) fn has_channel(mode: Mode, room: &Room) -> bool {
    match mode {
        Mode::Dynamic => !names::is_like_an_id(room),
        Mode::DynamicPrivate => true,
        Mode::Static => false,
    }
}

/// `{type, data, uid, nsp}`
fn message(wire: &Wire, kind: u64, data: Part<'_>, namespace: &Namespace, channel: String) -> Outgoing {
    let may_be_binary = matches!(
        kind,
        kind::BROADCAST
            | kind::FETCH_SOCKETS_RESPONSE
            | kind::SERVER_SIDE_EMIT
            | kind::SERVER_SIDE_EMIT_RESPONSE
            | kind::BROADCAST_ACK
    );
    let binary = may_be_binary && data.has_binary();
    let message = Part::Map(vec![
        ("type", Part::Number(kind)),
        ("data", data),
        ("uid", Part::Text(&wire.uid)),
        ("nsp", Part::Text(namespace.as_str())),
    ]);
    Outgoing { channel, payload: if binary { message.to_msgpack() } else { message.to_json() } }
}

/// A broadcast, on the channel of the room, if it is exactly one and has one, or of the namespace.
pub(super) fn publication(wire: &Wire, mode: Mode, publication: &Publication) -> Outgoing {
    let namespace = &publication.namespace;
    let channel = match publication.audience.single_room().filter(|room| has_channel(mode, room)) {
        Some(room) => names::below(&wire.prefix, namespace, room.as_str()),
        None => names::namespace(&wire.prefix, namespace),
    };
    let packet = messages::packet_of(publication);
    let data = Part::Map(vec![("packet", packet), ("opts", opts::of_publication(publication))]);
    message(wire, kind::BROADCAST, data, namespace, channel)
}

/// A request to all servers of the namespace.
pub(super) fn request(wire: &Wire, request: &Request, id: &str, marked: bool) -> Outgoing {
    let flagged = |audience| opts::of(audience).with("flags", Part::Map(Vec::new()));
    let id = ("requestId", Part::Text(id));
    let everybody = Audience::everybody();
    let (kind, mut data) = match request {
        Request::BroadcastWithAcks { publication, timeout } => {
            let packet = ("packet", messages::packet_of(publication));
            (kind::BROADCAST, vec![packet, id, ("opts", opts::with_timeout(publication, *timeout))])
        }
        Request::Join(select, rooms) => {
            (kind::SOCKETS_JOIN, vec![("opts", flagged(&select.audience)), ("rooms", Part::rooms(rooms))])
        }
        Request::Leave(select, rooms) => {
            (kind::SOCKETS_LEAVE, vec![("opts", flagged(&select.audience)), ("rooms", Part::rooms(rooms))])
        }
        Request::Disconnect { select, reconnect } => {
            let close = ("close", Part::Bool(*reconnect));
            (kind::DISCONNECT_SOCKETS, vec![("opts", flagged(&select.audience)), close])
        }
        Request::FetchSockets { select, .. } => (kind::FETCH_SOCKETS, vec![("opts", flagged(&select.audience)), id]),
        // Rooms cannot be asked for; the sockets tell theirs.
        Request::ListRooms { .. } => (kind::FETCH_SOCKETS, vec![("opts", flagged(&everybody)), id]),
        Request::ServerSideEmit { data, ack, .. } => {
            let packet = ("packet", Part::json(data, &[]));
            (kind::SERVER_SIDE_EMIT, if *ack { vec![id, packet] } else { vec![packet] })
        }
    };
    if marked {
        data.push((MARK, Part::Number(1)));
    }
    let namespace = request.namespace();
    message(wire, kind, Part::Map(data), namespace, names::namespace(&wire.prefix, namespace))
}

/// An answer, on the channel of the server that asked.
pub(super) fn reply(wire: &Wire, to: &ReplyTo, reply: &Reply<'_>) -> Outgoing {
    let id = ("requestId", Part::Text(&to.request_id));
    let (kind, data) = match reply {
        Reply::Sockets(list) | Reply::Ids(list) => {
            (kind::FETCH_SOCKETS_RESPONSE, vec![id, ("sockets", sockets::describe(list, to.form))])
        }
        // Never asked for in this format; an answer that any server can read.
        Reply::Rooms(_) | Reply::Done => (kind::FETCH_SOCKETS_RESPONSE, vec![id, ("sockets", Part::List(Vec::new()))]),
        Reply::ClientCount(count) => {
            let count = u64::try_from(*count).unwrap_or(u64::MAX);
            (kind::BROADCAST_CLIENT_COUNT, vec![id, ("clientCount", Part::Number(count))])
        }
        Reply::Ack(ack) => {
            let argument = messages::first_argument(ack).map(|argument| ("packet", argument));
            (kind::BROADCAST_ACK, std::iter::once(id).chain(argument).collect())
        }
        Reply::Emitted(text) => (kind::SERVER_SIDE_EMIT_RESPONSE, vec![id, ("packet", Part::json(text, &[]))]),
    };
    message(wire, kind, Part::Map(data), &to.namespace, to.channel.clone())
}

/// Reads what came on one of the format's channels.
pub(super) fn read(wire: &Wire, channel: &str, payload: &[u8], now: UnixMillis) -> Result<Incoming, Unreadable> {
    item::read(payload, |item| {
        let mut fields = item.fields().ok_or(Unreadable::Malformed)?;
        let uid = fields.text("uid");
        if uid.as_ref() == Some(&wire.uid) {
            return Ok(Incoming::Own);
        }
        let kind = fields.integer("type").ok_or(Unreadable::Malformed)?;
        if matches!(kind, kind::INITIAL_HEARTBEAT | kind::HEARTBEAT | kind::ADAPTER_CLOSE) {
            return Ok(Incoming::Nobody);
        }
        let outer = fields.text("nsp");
        let data = fields.take("data").and_then(Item::fields).ok_or(Unreadable::Malformed)?;
        Message { wire, channel, kind, uid, outer, now }.read(data)
    })
}

/// A message whose data is yet to be read.
struct Message<'a> {
    wire: &'a Wire,
    channel: &'a str,
    kind: u64,
    uid: Option<String>,
    /// Its namespace.
    outer: Option<String>,
    now: UnixMillis,
}

impl Message<'_> {
    fn read(mut self, mut data: Fields<'_>) -> Result<Incoming, Unreadable> {
        if data.take(MARK).is_some() {
            return Ok(Incoming::Own);
        }
        let id = data.text("requestId");
        if self.kind == kind::BROADCAST && id.is_none() {
            return self.broadcast(data);
        }
        let name = self.outer.take().ok_or(Unreadable::Malformed)?;
        let Some(namespace) = self.namespace(&name) else {
            return Ok(Incoming::Nobody);
        };
        let to = match (&self.uid, &id) {
            (Some(uid), Some(id)) => Some(ReplyTo {
                channel: names::below(&self.wire.prefix, &namespace, uid),
                request_id: id.clone(),
                namespace: namespace.clone(),
                form: Form::Full,
            }),
            _ => None,
        };
        match self.kind {
            kind::FETCH_SOCKETS_RESPONSE
            | kind::SERVER_SIDE_EMIT_RESPONSE
            | kind::BROADCAST_CLIENT_COUNT
            | kind::BROADCAST_ACK => {
                let answer = self.answered(&namespace, data)?;
                Ok(Incoming::Answered(id.ok_or(Unreadable::Malformed)?, answer))
            }
            _ => self.asked(&namespace, data, to),
        }
    }

    /// The namespace, if the channel is one of it.
    fn namespace(&self, name: &str) -> Option<Namespace> {
        let within = names::is_within(&self.wire.prefix, name, self.channel);
        Namespace::new(name).ok().filter(|_| within)
    }

    fn broadcast(mut self, mut data: Fields<'_>) -> Result<Incoming, Unreadable> {
        let packet = Packet::read(data.take("packet"))?;
        // Emitters may say it in the packet.
        let name = self.outer.take().or_else(|| packet.nsp.clone()).ok_or(Unreadable::Malformed)?;
        let opts = opts::read(data.take("opts"))?;
        let (Some(namespace), Some(audience)) = (self.namespace(&name), opts.audience) else {
            return Ok(Incoming::Nobody);
        };
        let mut publication = Publication::new("".into(), namespace, audience, packet.payload()?, self.now);
        publication.origin = Origin::Cluster;
        opts.flags.apply(&mut publication);
        Ok(Incoming::Publication(publication))
    }

    fn asked(self, namespace: &Namespace, mut data: Fields<'_>, to: Option<ReplyTo>) -> Result<Incoming, Unreadable> {
        let wire = self.wire;
        match self.kind {
            kind::BROADCAST => {
                let asked = messages::broadcast_with_acks(namespace, &mut data, self.now);
                wire.asked(asked, to, &Reply::ClientCount(0), |(publication, timeout)| Request::BroadcastWithAcks {
                    publication,
                    timeout,
                })
            }
            kind::FETCH_SOCKETS => {
                let audience = opts::read(data.take("opts")).map(|opts| opts.audience);
                let to = to.ok_or(Unreadable::Malformed)?;
                wire.asked(audience, Some(to), &Reply::Sockets(&[]), |audience| Request::FetchSockets {
                    select: select(namespace, audience),
                    servers: false,
                })
            }
            kind::SERVER_SIDE_EMIT => {
                let ack = to.is_some();
                let emitted = messages::emitted(data.take("packet"));
                wire.asked(emitted.map(Some), to, &Reply::Emitted("null"), |data| Request::ServerSideEmit {
                    namespace: namespace.clone(),
                    data,
                    ack,
                })
            }
            kind::SOCKETS_JOIN | kind::SOCKETS_LEAVE | kind::DISCONNECT_SOCKETS => ordered(self.kind, namespace, data),
            _ => Err(Unreadable::Unsupported),
        }
    }

    fn answered(&self, namespace: &Namespace, mut data: Fields<'_>) -> Result<Answered, Unreadable> {
        match self.kind {
            kind::FETCH_SOCKETS_RESPONSE => {
                let list = data.take("sockets").ok_or(Unreadable::Malformed)?;
                Ok(Answered::Sockets(sockets::read(list, namespace, self.now)))
            }
            kind::BROADCAST_CLIENT_COUNT => messages::client_count(&mut data),
            kind::BROADCAST_ACK => messages::acknowledged(data.take("packet")),
            _ => Ok(Answered::Emitted(messages::value_or_null(data.take("packet"))?)),
        }
    }
}

fn ordered(kind: u64, namespace: &Namespace, mut data: Fields<'_>) -> Result<Incoming, Unreadable> {
    let Some(audience) = opts::read(data.take("opts"))?.audience else {
        return Ok(Incoming::Nobody);
    };
    let select = select(namespace, audience);
    if kind == kind::DISCONNECT_SOCKETS {
        let reconnect = data.take("close").is_some_and(|close| close.is_true());
        return Ok(Incoming::Asked(Request::Disconnect { select, reconnect }, None));
    }
    let Some(rooms) = opts::rooms(data.take("rooms"))? else {
        return Ok(Incoming::Nobody);
    };
    let request = if kind == kind::SOCKETS_JOIN { Request::Join(select, rooms) } else { Request::Leave(select, rooms) };
    Ok(Incoming::Asked(request, None))
}
