//! The Redis adapter: many nodes as one gateway, on the channels and in the bytes of
//! `@socket.io/redis-adapter`, so that Node servers and emitters share its rooms.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `adapter` | the adapter as core wants it |
//! | [`options`] | what the adapter is told |
//! | `connection` | one connection to a Redis server |
//! | `link` | two of them to one master: publishing, subscribing, proving, connecting again |
//! | `links` | which link a channel belongs to |
//! | `locate`, `slots` | finding masters, and the slots of a Cluster |
//! | `proof` | whether a link is sound, and which span of time is in doubt |
//! | `wishes` | which channels are wanted, and what Redis has confirmed |
//! | `untold` | gaps that others are to be told of |
//! | `inbox` | what comes, and where it goes |
//! | `asking`, `requests`, `answering` | asking others, who has answered, and answering them |
//! | `peers`, `registry` | the other nodes, as they are heard and as they have left word |
//! | `shared`, `counts` | what all of this shares, and what it counts |
//! | `wire` | channels and payloads: the Node formats, and what gateways say to each other |
//!
//! Deliberately absent: sockets of clients, HTTP, metrics' names, the environment.

mod adapter;
mod answering;
mod asking;
mod connection;
mod counts;
mod inbox;
mod link;
mod links;
mod locate;
pub mod options;
mod peers;
mod proof;
mod registry;
mod requests;
mod shared;
mod slots;
mod untold;
mod wire;
mod wishes;

pub use adapter::RedisAdapter;
pub use options::{Config, Format, Ingest, Mode, Probe, Servers, Tls};
