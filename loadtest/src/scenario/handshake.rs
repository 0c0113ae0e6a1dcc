//! Clients that become members of a room one after another: what each takes, and the server's CPU time.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::proc::Process;
use crate::walk::{Cost, Walk, Way};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The server's public address.
    pub address: SocketAddr,
    /// How the clients come.
    pub way: Way,
    /// How many; all stay until the last one is there.
    pub clients: usize,
    /// The server's process.
    pub server_pid: u32,
}

/// What was found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// How they came.
    pub way: Way,
    /// How many.
    pub clients: usize,
    /// What the last one took.
    pub cost: Cost,
    /// The server's CPU time for each, microseconds.
    pub cpu_us_each: f64,
    /// Growth of user memory (anonymous pages) while all are there, bytes for each.
    pub anonymous_bytes_each: f64,
}

/// Runs it.
pub fn run(options: &Options) -> Result<Report, Error> {
    let server = Process::new(options.server_pid);
    // The first one pays for what a server does once.
    let first = Walk::join(options.way, options.address, 0)?;
    let (before, memory_before) = (server.cpu()?, server.memory()?);
    let mut walks = vec![first];
    for _ in 0..options.clients {
        walks.push(Walk::join(options.way, options.address, 0)?);
    }
    let (used, memory) = (server.cpu()?.since(&before), server.memory()?);
    Ok(Report {
        way: options.way,
        clients: options.clients,
        cost: walks.last().map(Walk::cost).unwrap_or_default(),
        cpu_us_each: used.microseconds_each(options.clients as u64).0,
        anonymous_bytes_each: memory.anonymous_growth_each(&memory_before, options.clients),
    })
}
