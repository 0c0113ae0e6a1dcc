//! What the API asks of one shard: a part of a list, a count, one connection.
//!
//! A part is small and says where the next one begins, so that no question holds a shard up
//! and no answer grows with what lives there. Connections are listed by their place on the
//! shard, which they keep for life: one that stays is in exactly one part, whoever else comes
//! and goes. Rooms are listed by name, for the same reason.
//!
//! Deliberately absent: pages and cursors of the API (`internal`), and how a shard finds what
//! it is asked for ([`crate::shard`]).

use roomcast_core::cluster::{RoomInfo, SocketInfo};
use roomcast_core::id::SocketId;
use roomcast_core::room::Room;
use tokio::sync::oneshot;

/// A question to a shard, with where its answer goes.
#[derive(Debug)]
pub enum Query {
    /// Which connections are here?
    Connections(ConnectionsQuery, oneshot::Sender<ConnectionsPart>),
    /// Which rooms have members here? The gateway's own are left out.
    Rooms(RoomsQuery, oneshot::Sender<RoomsPart>),
    /// How many connections of the namespace are members of the room here?
    Members(u32, Room, oneshot::Sender<usize>),
    /// The connection of that id, if it is here and in the namespace.
    Connection(u32, SocketId, oneshot::Sender<Option<SocketInfo>>),
}

impl Query {
    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        match self {
            Self::Connections(_, reply) => reply.is_closed(),
            Self::Rooms(_, reply) => reply.is_closed(),
            Self::Members(_, _, reply) => reply.is_closed(),
            Self::Connection(_, _, reply) => reply.is_closed(),
        }
    }
}

/// Connections of a namespace, from a place on.
#[derive(Clone, Debug)]
pub struct ConnectionsQuery {
    /// The namespace's index.
    pub namespace: u32,
    /// Its members only; a private room has one.
    pub room: Option<Room>,
    /// The first place that is looked at.
    pub from: u32,
    /// How many are wanted, at least 1.
    pub items_max: usize,
}

/// Rooms of a namespace, in the order of the bytes of their names.
#[derive(Clone, Debug)]
pub struct RoomsQuery {
    /// The namespace's index.
    pub namespace: u32,
    /// Only names behind this one.
    pub after: Option<Room>,
    /// Only names that begin so.
    pub prefix: String,
    /// How many are wanted, at least 1.
    pub items_max: usize,
}

/// Connections with their places.
pub type ConnectionsPart = Part<(u32, SocketInfo), u32>;

/// Rooms with the members that are here; the next part comes after the room that is named.
pub type RoomsPart = Part<RoomInfo, Room>;

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<T, P> {
    /// At most as many as were wanted. None at all does not mean that the list is over.
    pub items: Vec<T>,
    /// Where the next part begins; `None`: the list is over.
    pub next: Option<P>,
}
