//! A socket as `fetchSockets` of Node servers shows it.
//!
//! Deliberately absent: `data`, which is a Node server's own; the handshakes of Node servers, in which
//! there are cookies and tokens.

use roomcast_core::cluster::{Handshake, SocketInfo};
use roomcast_core::id::SocketId;
use roomcast_core::publication::UnixMillis;
use roomcast_core::room::{Namespace, Room};

use super::item::Item;
use super::part::Part;
use super::{Form, dates};

/// Sockets of this node, for others.
pub(super) fn describe(sockets: &[SocketInfo], form: Form) -> Part<'_> {
    let one = |socket| match form {
        Form::Full => full(socket),
        Form::Ids => Part::Text(socket.id.as_str()),
    };
    Part::List(sockets.iter().map(one).collect())
}

fn full(socket: &SocketInfo) -> Part<'_> {
    let rooms = socket.rooms.iter().map(Room::as_str);
    let rooms = std::iter::once(socket.id.as_str()).chain(rooms).map(Part::Text);
    Part::Map(vec![
        ("id", Part::Text(socket.id.as_str())),
        ("handshake", handshake(socket)),
        ("rooms", Part::List(rooms.collect())),
        ("data", Part::Map(Vec::new())),
    ])
}

fn handshake(socket: &SocketInfo) -> Part<'_> {
    static NONE: Handshake =
        Handshake { path: String::new(), headers: Vec::new(), query: Vec::new(), auth: Vec::new() };
    fn texts(members: &[(String, String)]) -> Part<'_> {
        Part::Map(members.iter().map(|(name, value)| (name.as_str(), Part::Text(value))).collect())
    }
    let known = socket.handshake.as_deref().unwrap_or(&NONE);
    let auth = known.auth.iter().map(|(name, text)| (name.as_str(), Part::json(text, &[])));
    Part::Map(vec![
        ("headers", texts(&known.headers)),
        ("time", Part::Owned(dates::text(socket.connected_at))),
        ("address", Part::Text(&socket.address)),
        ("xdomain", Part::Bool(false)),
        ("secure", Part::Bool(false)),
        ("issued", Part::Number(socket.connected_at)),
        ("url", Part::Text(&known.path)),
        ("query", texts(&known.query)),
        ("auth", Part::Map(auth.collect())),
    ])
}

/// Sockets of a Node server; those without a proper id are left out.
pub(super) fn read(item: Item<'_>, namespace: &Namespace, now: UnixMillis) -> Vec<SocketInfo> {
    item.list().unwrap_or_default().into_iter().filter_map(|item| one(item, namespace, now)).collect()
}

fn one(item: Item<'_>, namespace: &Namespace, now: UnixMillis) -> Option<SocketInfo> {
    // Adapters before version 8 tell the id alone.
    let bare = item.text();
    let mut fields = item.fields();
    let id = match bare {
        Some(id) => id,
        None => fields.as_mut()?.text("id")?,
    };
    let mut socket = SocketInfo {
        id: SocketId::parse(&id)?,
        namespace: namespace.clone(),
        rooms: Vec::new(),
        protocol: "socketio",
        transport: "websocket",
        address: String::new(),
        connected_at: now,
        shard: 0,
        handshake: None,
    };
    if let Some(mut fields) = fields {
        let rooms = fields.take("rooms").and_then(Item::list).unwrap_or_default();
        let names = rooms.iter().filter_map(Item::name).filter(|name| *name != id);
        socket.rooms = names.filter_map(|name| Room::new(&name).ok()).collect();
        let mut handshake = fields.fields("handshake");
        socket.address = handshake.text("address").unwrap_or_default();
        socket.connected_at = handshake.integer("issued").unwrap_or(now);
        if handshake.fields("query").text("transport").as_deref() == Some("polling") {
            // What it began with; an upgrade is not told.
            socket.transport = "polling";
        }
    }
    Some(socket)
}
