//! One room or many, publications to all members: CPU and latency of a delivery.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::drive::{Drive, Pace};
use crate::error::Error;
use crate::ledger::Faults;
use crate::proc::{Memory, Process};
use crate::stats::Summary;
use crate::swarm::Crowd;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Who connects where.
    pub crowd: Crowd,
    /// Where to publish by HTTP; by a client connection without it.
    pub internal: Option<SocketAddr>,
    /// How often to publish.
    pub pace: Pace,
    /// How long to measure.
    pub length: Duration,
    /// How long to publish before that.
    pub warmup: Duration,
    /// Bytes of a publication's argument.
    pub payload_bytes: usize,
    /// The server's process, to read its CPU time and memory.
    pub server_pid: Option<u32>,
}

/// What was found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// Members.
    pub clients: usize,
    /// Rooms.
    pub rooms: u32,
    /// Publications wanted a second (open loop).
    pub rate: Option<f64>,
    /// Publications under way at once (closed loop).
    pub in_flight: Option<usize>,
    /// Bytes of a publication's argument.
    pub payload_bytes: usize,
    /// From the first publication to the last delivery.
    pub seconds: f64,
    /// Sent while measuring.
    pub publications: u64,
    /// Received, each counted once.
    pub deliveries: u64,
    /// Of the whole time measured.
    pub deliveries_per_second: f64,
    /// The server's CPU time, if its process is known.
    pub server: Option<ServerCpu>,
    /// The server's memory at the end, all clients connected.
    pub server_memory: Option<Memory>,
    /// Share of a core that the generator used. Near 1 it is the bottleneck, not the server.
    pub generator_core_share: f64,
    /// Share of the time in which something else had the generator's core.
    pub generator_waiting_share: f64,
    /// From intended send time to delivery, all deliveries.
    pub latency: Summary,
    /// From intended send time to the last receiver, one value a publication.
    pub last_receiver: Summary,
    /// What went wrong.
    pub faults: Faults,
    /// Why the first connection was lost, if any was.
    pub first_loss: Option<String>,
}

/// Microseconds of CPU time a delivery.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ServerCpu {
    /// User and system.
    pub total_us: f64,
    /// In user mode.
    pub user_us: f64,
    /// In the kernel.
    pub system_us: f64,
    /// Share of the time measured in which the server was ready to run, but something else
    /// had its core. Much of it: the run was disturbed.
    pub waiting_share: f64,
}

/// Runs it.
pub fn run(options: &Options) -> Result<Report, Error> {
    let mut drive = Drive::join(&options.crowd)?;
    drive.swarm.join_publisher(&options.crowd, options.internal, options.payload_bytes)?;
    if !options.warmup.is_zero() {
        drive.phase(options.pace, options.warmup)?;
    }
    let server = options.server_pid.map(Process::new);
    let own = Process::own();
    let server_before = server.as_ref().map(Process::cpu).transpose()?;
    let own_before = own.cpu()?;
    let seconds = drive.phase(options.pace, options.length)?;
    let own_used = own.cpu()?.since(&own_before);
    let server_after = server.as_ref().map(Process::cpu).transpose()?;
    let server_memory = server.as_ref().map(Process::memory).transpose()?;
    let faults = drive.ledger.close();
    let tally = &drive.ledger.tally;
    let measured_seconds = seconds.max(1e-9);
    let used = server_before.zip(server_after).map(|(before, after)| {
        let used = after.since(&before);
        let (total_us, user_us, system_us) = used.microseconds_each(tally.deliveries);
        ServerCpu {
            total_us,
            user_us,
            system_us,
            waiting_share: Duration::from_nanos(used.waiting_ns).as_secs_f64() / measured_seconds,
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "counts of minutes")]
    let (deliveries, own_ns) = (tally.deliveries as f64, own_used.total_ns as f64);
    let (rate, in_flight) = match options.pace {
        Pace::Rate(rate) => (Some(rate), None),
        Pace::InFlight(count) => (None, Some(count)),
    };
    Ok(Report {
        clients: options.crowd.clients,
        rooms: options.crowd.rooms,
        rate,
        in_flight,
        payload_bytes: options.payload_bytes,
        seconds,
        publications: tally.publications,
        deliveries: tally.deliveries,
        deliveries_per_second: deliveries / measured_seconds,
        server: used,
        server_memory,
        generator_core_share: own_ns / 1e9 / measured_seconds,
        generator_waiting_share: Duration::from_nanos(own_used.waiting_ns).as_secs_f64() / measured_seconds,
        latency: tally.latencies().summary(),
        last_receiver: tally.last_receiver.summary(),
        faults,
        first_loss: drive.first_loss.take(),
    })
}
