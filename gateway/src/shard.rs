//! A shard: one thread, one single-threaded runtime, its own listener, its own
//! connections. A session never leaves its shard.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `state` | what a shard owns; connections found by their keys |
//! | `sockets`, `writing`, `closing` | sockets made and closed, bytes going out, connections ending |
//! | `flush` | the write path: one write a connection and turn |
//! | `rooms`, `outbox`, `wheel`, `acks` | the tables, each by itself |
//! | `reading` | bytes to packets, timers |
//! | `requests`, `commands`, `subscribing`, `publishing` | what clients ask for |
//! | `orders` | what backends and other nodes ask for |
//! | `polling` | the long-polling transport |
//! | `tasks` | the tasks that drive all of this |
//!
//! Deliberately absent: HTTP (see [`crate::public`]), Redis, settings in their raw form.

mod acks;
mod closing;
mod commands;
pub(crate) mod connection;
mod flush;
pub(crate) mod io;
mod orders;
mod outbox;
pub(crate) mod polling;
mod publishing;
mod reading;
mod refusal;
mod requests;
mod rooms;
pub(crate) mod rules;
mod sockets;
pub(crate) mod state;
mod subscribing;
mod tasks;
mod wheel;
mod writing;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use roomcast_core::adapter::Responder;
use roomcast_core::cluster::Request;
use roomcast_core::delivery::Delivery;
use roomcast_core::id::{ShardIndex, Sid};
use roomcast_core::publication::Payload;
use tokio::sync::{Notify, oneshot};

pub use connection::ConnKey;
pub(crate) use tasks::{spawn_reader, start};

use crate::mailbox::{MAIL_BYTES, Mailbox};
use crate::node::Node;
use polling::{Answer, Poll};
use state::State;

/// A shard, shared by the tasks of its thread.
pub(crate) struct Shard {
    pub(crate) index: ShardIndex,
    pub(crate) node: Arc<Node>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) state: RefCell<State>,
    pub(crate) flusher: Notify,
    pub(crate) timer: Notify,
}

impl Shard {
    fn new(index: ShardIndex, node: Arc<Node>) -> Rc<Self> {
        let mailbox = Arc::clone(node.mailbox(index));
        Rc::new_cyclic(|me| Self {
            index,
            mailbox,
            state: RefCell::new(State::new(me.clone(), index, Arc::clone(&node))),
            node,
            flusher: Notify::new(),
            timer: Notify::new(),
        })
    }
}

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
    /// Carry out and answer; with the publication of a broadcast with acknowledgements.
    Order(Arc<Request>, Option<Arc<Delivery>>, Responder),
    /// A polling request that another shard parsed.
    Poll(Sid, Poll, oneshot::Sender<Answer>),
    /// A WebSocket, upgraded elsewhere, that offers to take over a session here.
    Adopt(Adopted),
    /// What an embedding program does to a socket.
    ToSocket(SocketKey, ToSocket),
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
    pub(crate) stream: std::net::TcpStream,
    /// What was read beyond the request.
    pub(crate) rest: Bytes,
    /// Whether the client cannot take binary frames.
    pub(crate) base64: bool,
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
            Self::Ack {
                args, attachments, ..
            } => args.len() + attachments.iter().map(Bytes::len).sum::<usize>(),
            Self::Disconnect { .. } => 0,
        }
    }
}
