//! The classic adapter (`createAdapter`): PUBLISH, broadcasts as msgpack arrays, requests and
//! responses on channels of their own.
//!
//! Source: `@socket.io/redis-adapter` 8.3 (`dist/index.js`), and emitters as they are.

use roomcast_core::cluster::Request;
use roomcast_core::id::SocketId;
use roomcast_core::publication::{Audience, Class, Origin, Publication, UnixMillis};
use roomcast_core::room::{Namespace, Room};

use super::item::{self, Fields, Item};
use super::messages::{self, MARK, Packet, select};
use super::part::Part;
use super::{Answered, Form, Incoming, Outgoing, Reply, ReplyTo, Unreadable, Wire, names, opts, sockets};

/// Requests and responses by their numbers.
mod kind {
    pub(super) const SOCKETS: u64 = 0;
    pub(super) const ALL_ROOMS: u64 = 1;
    pub(super) const REMOTE_JOIN: u64 = 2;
    pub(super) const REMOTE_LEAVE: u64 = 3;
    pub(super) const REMOTE_DISCONNECT: u64 = 4;
    pub(super) const REMOTE_FETCH: u64 = 5;
    pub(super) const SERVER_SIDE_EMIT: u64 = 6;
    pub(super) const BROADCAST: u64 = 7;
    pub(super) const BROADCAST_CLIENT_COUNT: u64 = 8;
    pub(super) const BROADCAST_ACK: u64 = 9;
}

/// `[uid, packet, opts]` on the channel of the room, if it is exactly one, or of the namespace.
pub(super) fn publication(wire: &Wire, publication: &Publication) -> Outgoing {
    let channel = match publication.audience.single_room() {
        Some(room) => names::below(&wire.prefix, &publication.namespace, room.as_str()),
        None => names::namespace(&wire.prefix, &publication.namespace),
    };
    let message = vec![Part::Text(&wire.uid), packet_of(publication), opts::of_publication(publication)];
    Outgoing { channel, payload: Part::List(message).to_msgpack() }
}

fn packet_of(publication: &Publication) -> Part<'_> {
    messages::packet_of(publication).with("nsp", Part::Text(publication.namespace.as_str()))
}

/// A request to all servers of the namespace.
pub(super) fn request(wire: &Wire, request: &Request, id: &str, marked: bool) -> Outgoing {
    let mut message = Part::Map(vec![("uid", Part::Text(&wire.uid))]);
    let kind = |kind| Part::Number(kind);
    let id = Part::Text(id);
    message = match request {
        Request::BroadcastWithAcks { publication, timeout } => message
            .with("requestId", id)
            .with("type", kind(kind::BROADCAST))
            .with("packet", packet_of(publication))
            .with("opts", opts::with_timeout(publication, *timeout)),
        Request::Join(select, rooms) => message
            .with("type", kind(kind::REMOTE_JOIN))
            .with("opts", opts::of(&select.audience))
            .with("rooms", Part::rooms(rooms)),
        Request::Leave(select, rooms) => message
            .with("type", kind(kind::REMOTE_LEAVE))
            .with("opts", opts::of(&select.audience))
            .with("rooms", Part::rooms(rooms)),
        Request::Disconnect { select, reconnect } => message
            .with("type", kind(kind::REMOTE_DISCONNECT))
            .with("opts", opts::of(&select.audience))
            .with("close", Part::Bool(*reconnect)),
        Request::FetchSockets { select, .. } => message
            .with("requestId", id)
            .with("type", kind(kind::REMOTE_FETCH))
            .with("opts", opts::of(&select.audience)),
        Request::ListRooms { .. } => message.with("requestId", id).with("type", kind(kind::ALL_ROOMS)),
        Request::ServerSideEmit { data, ack, .. } => {
            let message = if *ack { message.with("requestId", id) } else { message };
            message.with("type", kind(kind::SERVER_SIDE_EMIT)).with("data", Part::json(data, &[]))
        }
    };
    if marked {
        message = message.with(MARK, Part::Number(1));
    }
    let binary = matches!(request, Request::BroadcastWithAcks { .. });
    let payload = if binary { message.to_msgpack() } else { message.to_json() };
    Outgoing { channel: names::request(&wire.prefix, request.namespace()), payload }
}

/// An answer.
pub(super) fn reply(to: &ReplyTo, reply: &Reply<'_>) -> Outgoing {
    let id = ("requestId", Part::Text(&to.request_id));
    let kind = |kind| ("type", Part::Number(kind));
    let mut binary = false;
    let message = match reply {
        Reply::Sockets(list) => vec![id, ("sockets", sockets::describe(list, to.form))],
        Reply::Ids(list) => vec![id, ("sockets", sockets::describe(list, Form::Ids))],
        Reply::Rooms(rooms) => vec![id, ("rooms", Part::rooms(rooms))],
        Reply::ClientCount(count) => {
            let count = u64::try_from(*count).unwrap_or(u64::MAX);
            vec![kind(kind::BROADCAST_CLIENT_COUNT), id, ("clientCount", Part::Number(count))]
        }
        Reply::Ack(ack) => {
            binary = true;
            let mut message = vec![kind(kind::BROADCAST_ACK), id];
            message.extend(messages::first_argument(ack).map(|argument| ("packet", argument)));
            message
        }
        Reply::Emitted(text) => vec![kind(kind::SERVER_SIDE_EMIT), id, ("data", Part::json(text, &[]))],
        Reply::Done => vec![id],
    };
    let message = Part::Map(message);
    let payload = if binary { message.to_msgpack() } else { message.to_json() };
    Outgoing { channel: to.channel.clone(), payload }
}

/// Reads what came on one of the format's channels.
pub(super) fn read(wire: &Wire, channel: &str, payload: &[u8], now: UnixMillis) -> Result<Incoming, Unreadable> {
    let rest = channel.strip_prefix(wire.prefix.as_str()).ok_or(Unreadable::Malformed)?;
    let namespace = |name: &str| Namespace::new(name).map_err(|_| Unreadable::Malformed);
    if let Some(name) = rest.strip_prefix("-request#").and_then(|rest| rest.strip_suffix('#')) {
        let namespace = namespace(name)?;
        return item::read(payload, |item| asked(wire, &namespace, item, now));
    }
    if let Some(rest) = rest.strip_prefix("-response#").and_then(|rest| rest.strip_suffix('#')) {
        let to_us = rest.strip_suffix(wire.uid.as_str()).and_then(|rest| rest.strip_suffix('#'));
        let namespace = namespace(to_us.unwrap_or(rest))?;
        return item::read(payload, |item| answered(&namespace, item, now));
    }
    // Our own come back whenever a room has members here: not read to the end.
    let own = payload.strip_prefix(&[0x93, 0xa6]).is_some_and(|rest| rest.starts_with(wire.uid.as_bytes()));
    if own && wire.uid.len() == 6 {
        return Ok(Incoming::Own);
    }
    item::read(payload, |item| broadcast(wire, channel, item, now))
}

fn broadcast(wire: &Wire, channel: &str, item: Item<'_>, now: UnixMillis) -> Result<Incoming, Unreadable> {
    let parts: [Item<'_>; 3] = item.list().and_then(|parts| parts.try_into().ok()).ok_or(Unreadable::Malformed)?;
    let [uid, packet, opts] = parts;
    if uid.text().as_ref() == Some(&wire.uid) {
        return Ok(Incoming::Own);
    }
    let packet = Packet::read(Some(packet))?;
    let name = packet.nsp.as_deref().unwrap_or("/");
    let opts = opts::read(Some(opts))?;
    let within = names::is_within(&wire.prefix, name, channel);
    let (Some(namespace), Some(audience)) = (Namespace::new(name).ok().filter(|_| within), opts.audience) else {
        return Ok(Incoming::Nobody);
    };
    let mut publication = Publication::new("".into(), namespace, audience, packet.payload()?, now);
    publication.origin = Origin::Cluster;
    opts.flags.apply(&mut publication);
    Ok(Incoming::Publication(publication))
}

fn asked(wire: &Wire, namespace: &Namespace, item: Item<'_>, now: UnixMillis) -> Result<Incoming, Unreadable> {
    let mut fields = item.fields().ok_or(Unreadable::Malformed)?;
    let uid = fields.text("uid");
    if uid.as_ref() == Some(&wire.uid) || fields.take(MARK).is_some() {
        return Ok(Incoming::Own);
    }
    let kind = fields.integer("type").ok_or(Unreadable::Malformed)?;
    let own_channel = uid.filter(|_| kind != kind::SERVER_SIDE_EMIT);
    let to = fields.text("requestId").map(|request_id| ReplyTo {
        channel: match own_channel {
            Some(uid) => names::response_to(&wire.prefix, namespace, &uid),
            None => names::response(&wire.prefix, namespace),
        },
        request_id,
        namespace: namespace.clone(),
        form: if kind == kind::SOCKETS { Form::Ids } else { Form::Full },
    });
    match kind {
        kind::REMOTE_JOIN | kind::REMOTE_LEAVE | kind::REMOTE_DISCONNECT => ordered(kind, namespace, fields, to),
        kind::SERVER_SIDE_EMIT => {
            let ack = to.is_some();
            let data = messages::emitted(fields.take("data"));
            wire.asked(data.map(Some), to, &Reply::Emitted("null"), |data| Request::ServerSideEmit {
                namespace: namespace.clone(),
                data,
                ack,
            })
        }
        // All others are questions: without a way back they are none.
        _ => questioned(wire, kind, namespace, fields, to.ok_or(Unreadable::Malformed)?, now),
    }
}

fn questioned(
    wire: &Wire,
    kind: u64,
    namespace: &Namespace,
    mut fields: Fields<'_>,
    to: ReplyTo,
    now: UnixMillis,
) -> Result<Incoming, Unreadable> {
    let fetch = |audience| Request::FetchSockets { select: select(namespace, audience), servers: false };
    match kind {
        kind::SOCKETS => {
            let audience = opts::audience(&mut fields);
            wire.asked(audience, Some(to), &Reply::Ids(&[]), fetch)
        }
        kind::REMOTE_FETCH => {
            let audience = opts::read(fields.take("opts")).map(|opts| opts.audience);
            wire.asked(audience, Some(to), &Reply::Sockets(&[]), fetch)
        }
        kind::ALL_ROOMS => {
            Ok(Incoming::Asked(Request::ListRooms { namespace: namespace.clone(), servers: false }, Some(to)))
        }
        kind::BROADCAST => {
            let asked = messages::broadcast_with_acks(namespace, &mut fields, now).map(|asked| {
                asked.map(|(mut publication, timeout)| {
                    // Stock leaves the flags of these out.
                    publication.class = Class::Reliable;
                    (publication, timeout)
                })
            });
            wire.asked(asked, Some(to), &Reply::ClientCount(0), |(publication, timeout)| Request::BroadcastWithAcks {
                publication,
                timeout,
            })
        }
        _ => Err(Unreadable::Unsupported),
    }
}

fn ordered(
    kind: u64,
    namespace: &Namespace,
    mut fields: Fields<'_>,
    to: Option<ReplyTo>,
) -> Result<Incoming, Unreadable> {
    let old = fields.text("sid");
    let (audience, rooms, to) = match (fields.take("opts"), old) {
        (Some(opts), _) => (opts::read(Some(opts))?.audience, opts::rooms(fields.take("rooms"))?, None),
        // Before version 7: one socket, and the server that has it answers.
        (None, Some(sid)) => {
            let rooms = opts::rooms(fields.take("room"))?;
            (SocketId::parse(&sid).map(|id| Audience::room(Room::of_socket(&id))), rooms, to)
        }
        (None, None) => return Err(Unreadable::Malformed),
    };
    let Some(audience) = audience else {
        return Ok(Incoming::Nobody);
    };
    let select = select(namespace, audience);
    let request = match (kind, rooms) {
        (kind::REMOTE_DISCONNECT, _) => {
            let reconnect = fields.take("close").is_some_and(|close| close.is_true());
            Request::Disconnect { select, reconnect }
        }
        (_, None) => return Ok(Incoming::Nobody),
        (kind::REMOTE_JOIN, Some(rooms)) => Request::Join(select, rooms),
        (_, Some(rooms)) => Request::Leave(select, rooms),
    };
    Ok(Incoming::Asked(request, to))
}

fn answered(namespace: &Namespace, item: Item<'_>, now: UnixMillis) -> Result<Incoming, Unreadable> {
    let mut fields = item.fields().ok_or(Unreadable::Malformed)?;
    let id = fields.text("requestId").ok_or(Unreadable::Malformed)?;
    let answer = match fields.integer("type") {
        Some(kind::BROADCAST_CLIENT_COUNT) => messages::client_count(&mut fields)?,
        Some(kind::BROADCAST_ACK) => messages::acknowledged(fields.take("packet"))?,
        Some(kind::SERVER_SIDE_EMIT) => Answered::Emitted(messages::value_or_null(fields.take("data"))?),
        Some(_) => return Err(Unreadable::Unsupported),
        None => match (fields.take("sockets"), fields.take("rooms")) {
            (Some(list), _) => Answered::Sockets(sockets::read(list, namespace, now)),
            (None, Some(list)) => Answered::Rooms(opts::rooms(Some(list))?.unwrap_or_default()),
            // To an order before version 7, which is never sent from here.
            (None, None) => return Ok(Incoming::Nobody),
        },
    };
    Ok(Incoming::Answered(id, answer))
}
