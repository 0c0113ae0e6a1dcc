//! A shard: one thread, one single-threaded runtime, its own listener, its own
//! connections. A session never leaves its shard.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `state` | what a shard owns; connections found by their keys |
//! | `connection`, `io` | one connection, and the socket under it |
//! | `handshake` | what other servers may know of a client's handshake |
//! | `rules` | what a shard needs of the settings, in its own units |
//! | `item`, `turn`, `polled` | a publication here, the turn that is collected, the transport that is polled |
//! | `sockets`, `writing`, `closing` | sockets made and closed, bytes going out, connections ending |
//! | `flush` | the write path: one write a connection and turn |
//! | `rooms`, `outbox`, `latest`, `wheel`, `acks` | the tables, each by itself |
//! | `reading`, `deadlines` | bytes to packets, what has to come in time |
//! | `requests`, `commands`, `subscribing`, `publishing` | what clients ask for |
//! | `refusal` | what a client is told that does not get what it asked for |
//! | `orders` | what backends and other nodes ask for |
//! | `listing` | what the API asks about who is here |
//! | `polling` | the long-polling transport |
//! | `tasks` | the tasks that drive all of this |
//! | `upkeep` | room that tables no longer need is given back |
//!
//! Deliberately absent: HTTP (see [`crate::public`]), Redis, settings in their raw form.

mod acks;
mod closing;
mod commands;
pub(crate) mod connection;
mod deadlines;
mod flush;
pub(crate) mod handshake;
pub(crate) mod io;
mod item;
mod latest;
mod listing;
mod orders;
mod outbox;
mod polled;
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
mod turn;
mod upkeep;
mod wheel;
mod writing;

pub use connection::ConnKey;
pub(crate) use state::Shard;
pub(crate) use tasks::{spawn_reader, start};
