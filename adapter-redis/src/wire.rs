//! Channels and payloads: the wire formats of the Node adapters, and what gateways say to
//! each other on channels of their own. Pure: bytes in, bytes out.
//!
//! Encoded exactly as the Node packages do; decoded tolerantly, because third-party emitters
//! differ (and never on trust: whatever a payload holds, it is read or refused).

use bytes::Bytes;
use roomcast_core::cluster::{ClientAck, Request, SocketInfo};
use roomcast_core::id::NodeTag;
use roomcast_core::publication::{Publication, UnixMillis};
use roomcast_core::room::{Namespace, Room};

use crate::config::Format;

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
    /// To be delivered.
    Publication(Publication),
    /// To be answered, if there is a `reply` to send.
    Asked(Request, Option<ReplyTo>),
    /// An answer to a request of ours.
    Answered(String, Answered),
}

/// Where the answer to a request of a Node server goes, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplyTo {
    pub(crate) channel: String,
    pub(crate) request_id: String,
    pub(crate) namespace: Namespace,
}

/// What is answered to a Node server.
#[derive(Debug)]
pub(crate) enum Reply<'a> {
    /// `fetchSockets`.
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
    /// An order in the form of adapters before version 7: done.
    Done,
}

/// What a Node server answered.
#[derive(Debug)]
pub(crate) enum Answered {
    Sockets(Vec<SocketInfo>),
    Rooms(Vec<Room>),
    ClientCount(usize),
    Ack(ClientAck),
    /// JSON text.
    Emitted(String),
}

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
        let _ = (format, prefix, entropy);
        todo!()
    }

    /// The channels that a node hears for as long as it takes part in a namespace.
    pub(crate) fn channels(&self, namespace: &Namespace) -> Vec<String> {
        let _ = (&self.format, &self.prefix, &self.uid, namespace);
        todo!()
    }

    /// The one of them whose subscribers are counted.
    pub(crate) fn counted(&self, namespace: &Namespace) -> String {
        let _ = namespace;
        todo!()
    }

    /// The channel of a room with members here; `None` where another subscription covers it.
    pub(crate) fn room(&self, namespace: &Namespace, room: &Room, tag: NodeTag) -> Option<String> {
        let _ = (namespace, room, tag);
        todo!()
    }

    /// The pattern that covers the private rooms of sockets born on node `tag`, if this format has it.
    pub(crate) fn private_rooms(&self, tag: NodeTag) -> Option<String> {
        let _ = tag;
        todo!()
    }

    /// A publication.
    pub(crate) fn publication(&self, publication: &Publication) -> Outgoing {
        let _ = publication;
        todo!()
    }

    /// A request, marked so that gateways know it for the copy of one that they got on their own channel.
    pub(crate) fn request(&self, request: &Request, id: &str) -> Outgoing {
        let _ = (request, id);
        todo!()
    }

    /// An answer to a Node server.
    pub(crate) fn reply(&self, to: &ReplyTo, reply: &Reply<'_>) -> Outgoing {
        let _ = (to, reply);
        todo!()
    }

    /// Reads what came on a channel.
    pub(crate) fn read(&self, channel: &[u8], payload: &[u8], now: UnixMillis) -> Result<Incoming, Unreadable> {
        let _ = (channel, payload, now);
        todo!()
    }
}
