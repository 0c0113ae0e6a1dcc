//! What nodes say to each other: a closed set of messages, the same for every adapter.
//!
//! Deliberately absent: bytes. How a message travels is the adapter's business.

use core::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::id::{NodeTag, SocketId};
use crate::publication::{Audience, Publication, UnixMillis};
use crate::room::{Namespace, Room};

/// A message between nodes.
#[derive(Clone, Debug)]
pub enum ClusterMessage {
    /// Deliver to every member of the audience.
    Broadcast(Publication),
    /// Ask, and expect [`Answer`]s.
    Request(Request),
    /// What was published in this span may not have arrived.
    Gap(Gap),
}

/// A question or an order to every node, the asking one included.
#[derive(Clone, Debug)]
pub enum Request {
    /// Deliver, and report how many clients were asked and what each answered.
    BroadcastWithAcks {
        /// What to deliver; its `ack` is filled in by each node.
        publication: Publication,
        /// How long clients may take.
        timeout: Duration,
    },
    /// Sockets of the audience join rooms.
    Join(Select, Vec<Room>),
    /// Sockets of the audience leave rooms.
    Leave(Select, Vec<Room>),
    /// Sockets of the audience are disconnected.
    Disconnect {
        /// Whom.
        select: Select,
        /// Close the transport (the client comes back) instead of sending a DISCONNECT packet (it stays away).
        reconnect: bool,
    },
    /// Describe the sockets of the audience.
    FetchSockets {
        /// Whom.
        select: Select,
        /// Whether servers that are no Roomcast nodes are asked too.
        servers: bool,
    },
    /// List rooms and their sizes.
    ListRooms {
        /// Where.
        namespace: Namespace,
        /// Whether servers that are no Roomcast nodes are asked too: they tell names and no sizes.
        servers: bool,
    },
    /// An event from server to servers.
    ServerSideEmit {
        /// Where.
        namespace: Namespace,
        /// JSON text of the array `["event",arg,…]`.
        data: String,
        /// Whether each node answers.
        ack: bool,
    },
}

impl Request {
    /// The namespace it is about: nodes that take no part in it are not asked.
    pub fn namespace(&self) -> &Namespace {
        match self {
            Self::BroadcastWithAcks { publication, .. } => &publication.namespace,
            Self::Join(select, _)
            | Self::Leave(select, _)
            | Self::Disconnect { select, .. }
            | Self::FetchSockets { select, .. } => &select.namespace,
            Self::ListRooms { namespace, .. } | Self::ServerSideEmit { namespace, .. } => namespace,
        }
    }
}

/// Sockets of one namespace.
#[derive(Clone, Debug)]
pub struct Select {
    /// Where.
    pub namespace: Namespace,
    /// Who.
    pub audience: Audience,
}

/// What one node answers to a [`Request`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// To an order: how many sockets it concerned here.
    Matched(usize),
    /// To [`Request::Join`], beside `Matched`: how many of those sockets may not have all of the
    /// rooms, and joined none. To [`Request::BroadcastWithAcks`], beside `Asked`: how many parts of the node
    /// had no room for the publication, or for the answers: some members did not get it, or are not asked.
    Refused(usize),
    /// To [`Request::Join`], beside `Matched`: how many of the rooms do not get yet what is published on
    /// other nodes. The memberships stand.
    Degraded(usize),
    /// To [`Request::BroadcastWithAcks`], first: how many clients were asked here.
    Asked(usize),
    /// To [`Request::BroadcastWithAcks`], then: what one client answered.
    Acknowledged(ClientAck),
    /// To [`Request::FetchSockets`]: part of the list.
    Sockets(Vec<SocketInfo>),
    /// To [`Request::ListRooms`]: part of the list.
    Rooms(Vec<RoomInfo>),
    /// To [`Request::ServerSideEmit`]: JSON text of the answer, `null` where nobody handles it.
    Emitted(String),
}

/// What one client answered to an acknowledged event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAck {
    /// Which client.
    pub connection: SocketId,
    /// JSON text of the array of its arguments, in placeholder form.
    pub args: String,
    /// The binary values of the placeholders.
    pub attachments: Vec<Bytes>,
}

/// One socket, as the API shows it. Never tokens, cookies or the session id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketInfo {
    /// The socket's id.
    pub id: SocketId,
    /// Its namespace.
    pub namespace: Namespace,
    /// Rooms it is a member of, its private room left out.
    pub rooms: Vec<Room>,
    /// `socketio` or `plain`.
    pub protocol: &'static str,
    /// `websocket` or `polling`.
    pub transport: &'static str,
    /// The peer's address as text.
    pub address: String,
    /// When it connected.
    pub connected_at: UnixMillis,
    /// Shard of its node.
    pub shard: usize,
    /// What of its handshake other servers may know.
    pub handshake: Option<Arc<Handshake>>,
}

/// What a client's handshake said, as far as the settings let other servers know. Never tokens, cookies
/// or the Authorization header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// The request's path, without its query.
    pub path: String,
    /// Headers that the settings list, in lower case.
    pub headers: Vec<(String, String)>,
    /// Query parameters that the settings list.
    pub query: Vec<(String, String)>,
    /// Members of the auth object that the settings list: name and JSON text.
    pub auth: Vec<(String, String)>,
}

/// A node of this gateway, as the others know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its name in ids; another one after each start.
    pub tag: NodeTag,
    /// A label that its operator gave it; may be empty.
    pub name: String,
    /// Where its internal listener is, for other nodes.
    pub internal: SocketAddr,
    /// The version that it runs.
    pub version: String,
    /// Whether it is going away.
    pub draining: bool,
    /// When it started.
    pub started_at: UnixMillis,
    /// When it was last heard of.
    pub heard_at: UnixMillis,
}

/// One room, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomInfo {
    /// Its name.
    pub room: Room,
    /// Sockets that are members of it on the answering shard.
    pub members: usize,
}

/// A span of time in which publications may have been lost, told to those concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Namespace concerned; `None`: all of them.
    pub namespace: Option<Namespace>,
    /// Rooms concerned; empty: all of them.
    pub rooms: Vec<Room>,
    /// The last instant up to which nothing is missing.
    pub from: UnixMillis,
    /// The first instant from which nothing is missing again.
    pub until: UnixMillis,
}
