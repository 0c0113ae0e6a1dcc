//! The Redis adapter: many nodes as one gateway, on the channels and in the bytes of
//! `@socket.io/redis-adapter`, so that Node servers and emitters share its rooms.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`config`] | what the adapter is told |
//! | `wire` | channels and payloads: the Node formats, and what gateways say to each other |
//!
//! Deliberately absent: sockets of clients, HTTP, metrics' names, the environment.

pub mod config;
mod connection;
mod wishes;
mod wire;

pub use config::{Config, Format, Ingest, Mode, Servers, Tls};
