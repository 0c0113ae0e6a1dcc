//! Protocols, types and contracts of Roomcast.
//!
//! The contract of this crate: it performs no I/O, reads no clock and draws no
//! random numbers. Bytes, instants and entropy are arguments. Whatever it is fed,
//! it never panics.
//!
//! Where to find what:
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`id`] | node tag, shard, session id, socket id |
//! | [`room`] | names of rooms and namespaces |
//! | [`publication`] | what is published, to whom, and how it is delivered |
//! | [`delivery`] | a publication on its way to sockets, encoded at most once per wire variant |
//! | [`cluster`] | what nodes say to each other |
//! | [`adapter`] | the contract of a backend between nodes; the in-memory one; the conformance suite |
//! | [`close`] | every reason for which a connection ends |
//! | [`websocket`] | RFC 6455 frames |
//! | [`engine_io`] | Engine.IO v4 packets and polling payloads |
//! | [`socket_io`] | Socket.IO v5 packets and attachments |
//! | [`plain`] | the plain JSON protocol of `/ws` |
//! | [`session`] | one connection's state machine |
//! | [`spare`] | when a table that has emptied gives its room back |
//!
//! Deliberately absent: sockets, clocks, Redis, HTTP, Prometheus. tokio is used for
//! its channels alone.

pub mod adapter;
pub mod close;
pub mod cluster;
pub mod delivery;
pub mod engine_io;
pub mod id;
pub mod plain;
pub mod publication;
pub mod room;
pub mod session;
pub mod socket_io;
pub mod spare;
pub mod websocket;
