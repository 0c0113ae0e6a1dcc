//! What threads ask of a shard: the messages of its mailbox, and what each is charged.
//!
//! Deliberately absent: what is done about them (see [`crate::shard`]).

use std::sync::Arc;

use bytes::Bytes;
use roomcast_core::adapter::Responder;
use roomcast_core::cluster::{Request, Select};
use roomcast_core::delivery::Delivery;
use roomcast_core::id::Sid;
use roomcast_core::publication::Payload;
use tokio::sync::oneshot;

use crate::lists::Query;

/// Charged for a mail that carries no publication.
pub const MAIL_BYTES: usize = 512;

/// Names one socket of a shard, and no later one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketKey {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// What other threads ask of a shard.
#[derive(Debug)]
pub enum Mail {
    /// Deliver to the members here; charged that many bytes.
    Deliver(Arc<Delivery>, usize),
    /// Carry out and answer; with the publication of a broadcast with acknowledgements, charged as such.
    Order(Arc<Request>, Option<Arc<Delivery>>, Responder),
    /// Close the connections of these sockets, so that they come back: they may have missed something.
    StartAfresh(Arc<Select>),
    /// Look something up and answer.
    Query(Query),
    /// A polling request that another shard parsed.
    Poll(Sid, Poll, oneshot::Sender<Answer>),
    /// A WebSocket, upgraded elsewhere, that offers to take over a session here.
    Adopt(Adopted),
    /// What an embedding program does to a socket.
    ToSocket(SocketKey, ToSocket),
    /// The settings have changed: read them again.
    Reload,
    /// Stop accepting, and close all connections within so many milliseconds.
    Drain(u64),
    /// End the thread.
    Stop,
}

impl Mail {
    /// What it is charged in a mailbox, and gives back when it is dealt with.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Deliver(_, bytes) => *bytes,
            Self::Order(_, Some(delivery), _) => MAIL_BYTES + delivery.publication.payload.bytes(),
            Self::Poll(_, Poll::Post(body), _) => MAIL_BYTES + body.len(),
            Self::ToSocket(_, what) => MAIL_BYTES + what.bytes(),
            _ => MAIL_BYTES,
        }
    }
}

/// A socket on its way to the shard that owns its session.
#[derive(Debug)]
pub struct Adopted {
    pub(crate) sid: Sid,
    pub(crate) stream: Carrier,
    /// What was read beyond the request.
    pub(crate) rest: Bytes,
    /// Whether the client cannot take binary frames.
    pub(crate) base64: bool,
}

/// What carries a socket's bytes.
#[derive(Debug)]
pub(crate) enum Carrier {
    /// The client's own connection.
    Tcp(std::net::TcpStream),
    /// One end of a pair; the client is on another node, and a task here carries its bytes.
    Tunnel(std::os::unix::net::UnixStream),
}

/// What an embedding program does to a socket.
#[derive(Debug)]
pub enum ToSocket {
    /// Send an event.
    Emit(Payload),
    /// Answer an event.
    Ack {
        /// The id that the client waits for.
        id: u64,
        /// JSON array.
        args: String,
        /// Binary values of the placeholders.
        attachments: Vec<Bytes>,
    },
    /// Disconnect it.
    Disconnect {
        /// Whether it is to come back.
        reconnect: bool,
    },
}

impl ToSocket {
    fn bytes(&self) -> usize {
        match self {
            Self::Emit(payload) => payload.bytes(),
            Self::Ack { args, attachments, .. } => args.len() + attachments.iter().map(Bytes::len).sum::<usize>(),
            Self::Disconnect { .. } => 0,
        }
    }
}

/// What a polling request asks of the session's shard.
#[derive(Debug)]
pub enum Poll {
    /// A GET: answered when there is something to say.
    Get,
    /// A WebSocket wants to take the session over: may it offer to?
    Offer,
    /// A POST has begun; its body is still to come.
    PostBegin,
    /// The POST's body is here.
    Post(Bytes),
    /// The POST is over without a usable body; `fatal`: and so is the session.
    PostFailed {
        /// Whether the session ends.
        fatal: bool,
    },
    /// The client hung up on its GET.
    GetAborted,
    /// The node that carries a GET goes away: it is let go, and the client polls again elsewhere.
    Release,
}

/// What the request is answered with.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200 with a payload of packets.
    Packets(Bytes),
    /// 200 `ok`.
    Ok,
    /// There is no such session here.
    Unknown,
    /// The session is no longer polled.
    Upgraded,
    /// 400 without a body: a second request beside the first.
    Duplicate,
    /// 400: not a payload.
    Garbage,
}
