//! The Node formats against what Node servers and emitters wrote, and against what nobody should write.

mod captures;
mod channels;
mod hostile;
mod marked;
mod own;
mod tolerance;
mod values;

use std::collections::BTreeMap;

use roomcast_core::cluster::Request;
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::{Namespace, Room};
use serde::Deserialize;

use super::{Answered, Incoming, Outgoing, Wire};
use crate::options::{Format, Mode};

/// A file of `tests/data/captures`.
#[derive(Deserialize)]
pub(super) struct Capture {
    #[serde(default)]
    pub(super) sockets: BTreeMap<String, String>,
    pub(super) steps: Vec<Step>,
}

#[derive(Deserialize)]
pub(super) struct Step {
    #[serde(rename = "step")]
    pub(super) name: String,
    #[serde(default)]
    pub(super) result: serde_json::Value,
    pub(super) commands: Vec<Command>,
}

/// A command of MONITOR; without a channel it published nothing.
#[derive(Deserialize)]
pub(super) struct Command {
    pub(super) channel: Option<String>,
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) payload_hex: String,
    #[serde(default)]
    pub(super) payload_decoded: serde_json::Value,
}

impl Command {
    pub(super) fn payload(&self) -> Vec<u8> {
        hex(&self.payload_hex)
    }

    /// The server that sent it; emitters leave it out of orders.
    pub(super) fn uid(&self) -> Option<&str> {
        let decoded = &self.payload_decoded;
        decoded.get(0).or_else(|| decoded.get("uid")).and_then(|uid| uid.as_str())
    }

    pub(super) fn request_id(&self) -> Option<&str> {
        let decoded = &self.payload_decoded;
        let inner = decoded.get("data").and_then(|data| data.get("requestId"));
        decoded.get("requestId").or(inner).and_then(|id| id.as_str())
    }
}

/// The files, with the prefix and format that they are in.
pub(super) const CAPTURES: [(&str, &str, Format, &str); 8] = [
    ("classic", "socket.io", Format::Classic, include_str!("../../tests/data/captures/classic.json")),
    ("classic-specific", "myprefix", Format::Classic, include_str!("../../tests/data/captures/classic-specific.json")),
    (
        "sharded-dynamic",
        "socket.io",
        Format::Sharded(Mode::Dynamic),
        include_str!("../../tests/data/captures/sharded-dynamic.json"),
    ),
    (
        "sharded-dynamic-private",
        "socket.io",
        Format::Sharded(Mode::DynamicPrivate),
        include_str!("../../tests/data/captures/sharded-dynamic-private.json"),
    ),
    (
        "sharded-static",
        "socket.io",
        Format::Sharded(Mode::Static),
        include_str!("../../tests/data/captures/sharded-static.json"),
    ),
    ("redis-emitter", "socket.io", Format::Classic, include_str!("../../tests/data/captures/redis-emitter.json")),
    (
        "redis-emitter-jsonparser",
        "app",
        Format::Classic,
        include_str!("../../tests/data/captures/redis-emitter-jsonparser.json"),
    ),
    (
        "pypi-socket.io-emitter",
        "socket.io",
        Format::Classic,
        include_str!("../../tests/data/captures/pypi-socket.io-emitter.json"),
    ),
];

pub(super) fn capture(text: &str) -> Capture {
    serde_json::from_str(text).expect("a capture")
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits")).collect()
}

/// The digits of [`hex`].
pub(super) fn digits(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

pub(super) fn room(name: &str) -> Room {
    Room::new(name).expect("a name")
}

pub(super) fn namespace(name: &str) -> Namespace {
    Namespace::new(name).expect("a name")
}

/// A publication of which everything optional is left out.
pub(super) fn bare(data: &str, attachments: &[&'static [u8]], rooms: &[&str], except: &[&str]) -> Publication {
    let names = |names: &[&str]| names.iter().map(|name| room(name)).collect();
    let attachments = attachments.iter().map(|bytes| bytes::Bytes::from_static(bytes)).collect();
    let payload = Payload::from_data(data, attachments).expect("an event");
    let audience = Audience { rooms: names(rooms), except: names(except) };
    Publication::new("".into(), Namespace::root(), audience, payload, 0)
}

/// Reads as a server whose uid no capture has.
pub(super) fn reader(format: Format, prefix: &str) -> Wire {
    Wire::with_uid(format, prefix, "reader")
}

/// Reads a payload as another server, at the instant 0.
pub(super) fn read(format: Format, channel: &str, payload: &[u8]) -> Incoming {
    reader(format, "socket.io").read(channel.as_bytes(), payload, 0).expect("readable")
}

pub(super) fn text(outgoing: &Outgoing) -> &str {
    std::str::from_utf8(&outgoing.payload).expect("JSON")
}

/// What a message says, in one line.
pub(super) fn describe(incoming: &Incoming) -> String {
    match incoming {
        Incoming::Publication(publication) => format!("event {}", published(publication)),
        Incoming::Asked(request, None) => asked(request),
        Incoming::Asked(request, Some(to)) => {
            format!("{}; {} to {} in {}", asked(request), to.request_id, to.channel, to.namespace)
        }
        Incoming::Answered(id, answer) => format!("{id}: {}", answered(answer)),
        other => format!("{other:?}"),
    }
}

fn audience(audience: &Audience) -> String {
    let names = |rooms: &[Room]| rooms.iter().map(Room::as_str).collect::<Vec<_>>().join(" ");
    let to = if audience.rooms.is_empty() { "all".to_owned() } else { names(&audience.rooms) };
    if audience.except.is_empty() { to } else { format!("{to} but {}", names(&audience.except)) }
}

fn published(publication: &Publication) -> String {
    let Publication { namespace, payload, class, .. } = publication;
    let binaries: Vec<String> = payload.attachments().iter().map(|bytes| digits(bytes)).collect();
    format!(
        "{class:?} in {namespace} to {}: {} {}",
        audience(&publication.audience),
        payload.data(),
        binaries.join(" ")
    )
    .trim_end()
    .to_owned()
}

fn asked(request: &Request) -> String {
    let names = |rooms: &[Room]| rooms.iter().map(Room::as_str).collect::<Vec<_>>().join(" ");
    match request {
        Request::BroadcastWithAcks { publication, timeout } => format!("acks {timeout:?} {}", published(publication)),
        Request::Join(select, rooms) => {
            format!("join in {} {}: {}", select.namespace, audience(&select.audience), names(rooms))
        }
        Request::Leave(select, rooms) => {
            format!("leave in {} {}: {}", select.namespace, audience(&select.audience), names(rooms))
        }
        Request::Disconnect { select, reconnect } => {
            format!("disconnect in {} {}: {reconnect}", select.namespace, audience(&select.audience))
        }
        Request::FetchSockets { select, servers } => {
            format!("fetch in {} {}: {servers}", select.namespace, audience(&select.audience))
        }
        Request::ListRooms { namespace, servers } => format!("rooms in {namespace}: {servers}"),
        Request::ServerSideEmit { namespace, data, ack } => format!("emit in {namespace} {ack}: {data}"),
    }
}

fn answered(answer: &Answered) -> String {
    match answer {
        Answered::Sockets(sockets) => {
            let one = |socket: &roomcast_core::cluster::SocketInfo| {
                let rooms: Vec<_> = socket.rooms.iter().map(Room::as_str).collect();
                let place = (&socket.address, socket.connected_at / 1_000_000, socket.protocol, socket.transport);
                format!("{} in {} {place:?} {}", socket.id, socket.namespace, rooms.join(" "))
            };
            format!("sockets {}", sockets.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        Answered::Rooms(rooms) => {
            format!("rooms {}", rooms.iter().map(Room::as_str).collect::<Vec<_>>().join(" "))
        }
        Answered::ClientCount(count) => format!("asked {count}"),
        Answered::Ack(ack) => format!("ack {} {:?}", ack.args, ack.attachments),
        Answered::Emitted(text) => format!("emitted {text}"),
    }
}
