//! A `redis-server` of a test's own, for tests of other crates.

#![allow(
    dead_code,
    unused_imports,
    clippy::panic,
    reason = "each test program uses its own part of it; all of it is tests"
)]

#[path = "ports.rs"]
mod ports;
#[path = "server.rs"]
mod server;
#[path = "wait.rs"]
mod wait;

pub(crate) use server::Server;
pub(crate) use wait::until;
