//! Channels and payloads: the wire formats of the Node adapters, and what gateways say to
//! each other on channels of their own. Pure: bytes in, bytes out.
//!
//! Encoded exactly as the Node packages do; decoded tolerantly, because third-party emitters
//! differ (and never on trust: whatever a payload holds, it is read or refused).
//!
//! | module | what it holds |
//! | --- | --- |
//! | `classic` | messages of `createAdapter`, both directions |
//! | `sharded` | messages of `createShardedAdapter`, both directions |
//! | `messages` | what both say in the same words |
//! | `gateways` | what Roomcast nodes say to each other |
//! | `names` | names of channels and of the pattern of private rooms |
//! | `item` | a value that came, in JSON or in msgpack |
//! | `part` | a value that goes, in JSON or in msgpack |
//! | `json`, `msgpack`, `dates` | values of one encoding in the words of the other, as JavaScript would say them |
//! | `opts`, `extras` | to whom and how: `opts`, its flags, and what only gateways read of them |
//! | `sockets` | a socket as `fetchSockets` shows it |
//!
//! Deliberately absent: the streams adapter, and the dead form of `socket.io-redis` 0.x.

mod classic;
mod dates;
mod extras;
pub(crate) mod gateways;
mod item;
mod json;
mod messages;
mod msgpack;
mod names;
mod opts;
mod part;
mod sharded;
mod sockets;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use roomcast_core::cluster::{ClientAck, Request, SocketInfo};
use roomcast_core::id::NodeTag;
use roomcast_core::publication::{Publication, UnixMillis};
use roomcast_core::room::{Namespace, Room};

use crate::options::Format;

/// One format on one prefix, spoken as one server.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    format: Format,
    prefix: String,
    uid: String,
}

/// A payload and the channel that it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) channel: String,
    pub(crate) payload: Bytes,
}

/// What came on a channel of a Node format.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// Something this node sent, or the Node-format copy of a request that its gateway also sent on the
    /// gateways' own channel: nothing to do.
    Own,
    /// Well formed, and for nobody here: another namespace, rooms whose names none can have here, a heartbeat.
    Nobody,
    /// To be delivered.
    Publication(Publication),
    /// To be answered, if there is a `reply` to send.
    Asked(Request, Option<ReplyTo>),
    /// A request of a server that counts answers, which concerns nobody here or could not be read:
    /// this answer is sent at once.
    Refused {
        /// That nobody is concerned here.
        reply: Outgoing,
        /// Why it could not be read, if that was it.
        why: Option<Unreadable>,
    },
    /// An answer to a request of ours.
    Answered(String, Answered),
}

/// Where the answer to a request of a Node server goes, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplyTo {
    pub(crate) channel: String,
    pub(crate) request_id: String,
    pub(crate) namespace: Namespace,
    /// What of a socket is told.
    pub(crate) form: Form,
}

/// How sockets look in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Id, handshake, rooms, data.
    Full,
    /// Ids alone: the request of adapters before version 8.
    Ids,
}

/// What is answered to a Node server.
#[derive(Debug)]
pub(crate) enum Reply<'a> {
    /// `fetchSockets`, or ids alone where [`ReplyTo::form`] says so.
    Sockets(&'a [SocketInfo]),
    /// `sockets` of adapters before version 8: ids alone.
    Ids(&'a [SocketInfo]),
    /// `allRooms`.
    Rooms(&'a [Room]),
    /// A broadcast with acknowledgements: how many clients were asked here.
    ClientCount(usize),
    /// The same: what one client answered.
    Ack(&'a ClientAck),
    /// `serverSideEmit` with an acknowledgement: the JSON text of one value.
    Emitted(&'a str),
    /// An order in the form of adapters before version 7, by the node that has the socket: done.
    Done,
}

/// What a Node server answered.
#[derive(Debug)]
pub(crate) enum Answered {
    Sockets(Vec<SocketInfo>),
    Rooms(Vec<Room>),
    ClientCount(usize),
    /// Node servers do not tell whose it is: its `connection` is [`SOMEONE`].
    Ack(ClientAck),
    /// JSON text.
    Emitted(String),
}

/// In the place of a socket's id where a Node server does not tell it.
pub(crate) const SOMEONE: &str = "unknown";

/// Why a payload was dropped: a label of the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Not of this format at all.
    Malformed,
    /// Of this format, but of a kind that is not carried out here.
    Unsupported,
    /// An event that no client would take: its name, its nesting, its attachments.
    Payload,
}

impl Wire {
    /// Speaks a format on a prefix; the uid is made of `entropy`.
    pub(crate) fn new(format: Format, prefix: &str, entropy: [u8; 8]) -> Self {
        let uid = match format {
            Format::Classic => URL_SAFE_NO_PAD.encode(entropy).chars().take(6).collect(),
            Format::Sharded(_) => format!("{:016x}", u64::from_be_bytes(entropy)),
        };
        Self { format, prefix: prefix.to_owned(), uid }
    }

    /// The same with a uid that a test knows.
    #[cfg(test)]
    pub(crate) fn with_uid(format: Format, prefix: &str, uid: &str) -> Self {
        Self { format, prefix: prefix.to_owned(), uid: uid.to_owned() }
    }

    /// The channels that a node hears for as long as it takes part in a namespace.
    pub(crate) fn channels(&self, namespace: &Namespace) -> Vec<String> {
        let Self { prefix, uid, .. } = self;
        match self.format {
            Format::Classic => vec![
                names::namespace(prefix, namespace),
                names::request(prefix, namespace),
                names::response(prefix, namespace),
                names::response_to(prefix, namespace, uid),
            ],
            Format::Sharded(_) => vec![names::namespace(prefix, namespace), names::below(prefix, namespace, uid)],
        }
    }

    /// The one of them whose subscribers are counted.
    pub(crate) fn counted(&self, namespace: &Namespace) -> String {
        match self.format {
            Format::Classic => names::request(&self.prefix, namespace),
            Format::Sharded(_) => names::namespace(&self.prefix, namespace),
        }
    }

    /// The channel of a room with members here; `None` where another subscription covers it.
    pub(crate) fn room(&self, namespace: &Namespace, room: &Room, tag: NodeTag) -> Option<String> {
        let channel = names::below(&self.prefix, namespace, room.as_str());
        let own = match self.format {
            Format::Classic => !names::is_private(&self.prefix, tag, &channel),
            Format::Sharded(mode) => sharded::has_channel(mode, room),
        };
        own.then_some(channel)
    }

    /// The pattern that covers the private rooms of sockets born on node `tag`, if this format has it.
    pub(crate) fn private_rooms(&self, tag: NodeTag) -> Option<String> {
        (self.format == Format::Classic).then(|| names::private_rooms(&self.prefix, tag))
    }

    /// A publication.
    pub(crate) fn publication(&self, publication: &Publication) -> Outgoing {
        match self.format {
            Format::Classic => classic::publication(self, publication),
            Format::Sharded(mode) => sharded::publication(self, mode, publication),
        }
    }

    /// A request, marked so that gateways know it for the copy of one that they got on their own channel.
    ///
    /// The sharded format cannot ask for rooms: there [`Request::ListRooms`] asks for all sockets,
    /// and the answers are [`Answered::Sockets`].
    pub(crate) fn request(&self, request: &Request, id: &str) -> Outgoing {
        self.request_as(request, id, true)
    }

    /// Not marked, it has the bytes of a Node server's own.
    fn request_as(&self, request: &Request, id: &str, marked: bool) -> Outgoing {
        match self.format {
            Format::Classic => classic::request(self, request, id, marked),
            Format::Sharded(_) => sharded::request(self, request, id, marked),
        }
    }

    /// An answer to a Node server.
    pub(crate) fn reply(&self, to: &ReplyTo, reply: &Reply<'_>) -> Outgoing {
        match self.format {
            Format::Classic => classic::reply(to, reply),
            Format::Sharded(_) => sharded::reply(self, to, reply),
        }
    }

    /// Reads what came on a channel.
    pub(crate) fn read(&self, channel: &[u8], payload: &[u8], now: UnixMillis) -> Result<Incoming, Unreadable> {
        let channel = std::str::from_utf8(channel).map_err(|_| Unreadable::Malformed)?;
        match self.format {
            Format::Classic => classic::read(self, channel, payload, now),
            Format::Sharded(_) => sharded::read(self, channel, payload, now),
        }
    }

    /// What comes of a request: asked, or nobody is concerned, or it could not be read. Whoever waits for
    /// an answer gets one in any case, or its request would fail for all servers.
    fn asked<T>(
        &self,
        read: Result<Option<T>, Unreadable>,
        to: Option<ReplyTo>,
        none: &Reply<'_>,
        request: impl FnOnce(T) -> Request,
    ) -> Result<Incoming, Unreadable> {
        let why = match read {
            Ok(Some(read)) => return Ok(Incoming::Asked(request(read), to)),
            Ok(None) => None,
            Err(why) => Some(why),
        };
        match (to, why) {
            (Some(to), why) => Ok(Incoming::Refused { reply: self.reply(&to, none), why }),
            (None, None) => Ok(Incoming::Nobody),
            (None, Some(why)) => Err(why),
        }
    }
}
