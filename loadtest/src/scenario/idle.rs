//! Connections that are in one room and quiet: memory, and whether they hold.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::drive::{Drive, Pace};
use crate::error::Error;
use crate::ledger::Faults;
use crate::proc::{Memory, Process};
use crate::swarm::Crowd;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Who connects where.
    pub crowd: Crowd,
    /// Where to publish by HTTP; by a client connection without it.
    pub internal: Option<SocketAddr>,
    /// How long the server may tidy up after the handshakes before memory is read.
    pub settle: Duration,
    /// How long to hold all connections afterwards, publishing.
    pub hold: Duration,
    /// Publications a second while holding; none at 0.
    pub rate: f64,
    /// Bytes of a publication's argument.
    pub payload_bytes: usize,
    /// The server's process.
    pub server_pid: u32,
}

/// What was found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// Members.
    pub clients: usize,
    /// Before the first connection.
    pub before: Memory,
    /// With all of them, after settling.
    pub after: Memory,
    /// Growth of resident memory, bytes a connection.
    pub rss_bytes_each: f64,
    /// Growth of user memory (anonymous pages), bytes a connection.
    pub anonymous_bytes_each: f64,
    /// Time to connect and join all.
    pub connect_seconds: f64,
    /// The server's CPU time for a connection: handshake, connect, subscribe.
    pub connect_cpu_us_each: f64,
    /// How long they were held.
    pub hold_seconds: f64,
    /// Sent while holding.
    pub publications: u64,
    /// Received while holding.
    pub deliveries: u64,
    /// What went wrong.
    pub faults: Faults,
    /// Why the first connection was lost, if any was.
    pub first_loss: Option<String>,
}

/// Runs it.
pub fn run(options: &Options) -> Result<Report, Error> {
    let crowd = &options.crowd;
    let server = Process::new(options.server_pid);
    let before = server.memory()?;
    let cpu_before = server.cpu()?;
    let start = Instant::now();
    let mut drive = Drive::join(crowd)?;
    let connect_seconds = start.elapsed().as_secs_f64();
    drive.wait(options.settle)?;
    let connect_cpu = server.cpu()?.since(&cpu_before);
    let after = server.memory()?;
    let hold = Instant::now();
    if options.rate > 0.0 && !options.hold.is_zero() {
        drive.swarm.join_publisher(crowd, options.internal, options.payload_bytes)?;
        drive.phase(Pace::Rate(options.rate), options.hold)?;
    } else {
        drive.wait(options.hold)?;
    }
    let faults = drive.ledger.close();
    Ok(Report {
        clients: crowd.clients,
        before,
        after,
        rss_bytes_each: after.rss_growth_each(&before, crowd.clients),
        anonymous_bytes_each: after.anonymous_growth_each(&before, crowd.clients),
        connect_seconds,
        connect_cpu_us_each: connect_cpu.microseconds_each(crowd.clients as u64).0,
        hold_seconds: hold.elapsed().as_secs_f64(),
        publications: drive.ledger.tally.publications,
        deliveries: drive.ledger.tally.deliveries,
        faults,
        first_loss: drive.first_loss.take(),
    })
}
