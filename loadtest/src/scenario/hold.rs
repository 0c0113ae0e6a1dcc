//! Does a gateway hold what it promises? Many connections in one room, a slow stream of
//! publications: none closed, every publication at every member once and in order.

use std::path::PathBuf;
use std::time::Duration;

use super::idle::{self, Report};
use crate::error::Error;
use crate::protocol::Protocol;
use crate::report;
use crate::swarm::Crowd;
use crate::target::{Target, check_gateway};

/// How long the gateway may tidy up after the handshakes.
const SETTLE: Duration = Duration::from_secs(2);

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The gateway's program.
    pub gateway: PathBuf,
    /// Members of the one room.
    pub clients: usize,
    /// How long.
    pub length: Duration,
    /// Publications a second.
    pub rate: f64,
}

/// Starts a gateway, holds, and stops it.
pub fn run(options: &Options) -> Result<Report, Error> {
    check_gateway(&options.gateway)?;
    let gateway = Target::gateway(&options.gateway, None)?;
    report::progress(&format!(
        "{} connections in one room, {} publications a second, for {} s",
        options.clients,
        options.rate,
        options.length.as_secs()
    ));
    let crowd = Crowd { address: gateway.public, protocol: Protocol::SocketIo, clients: options.clients, rooms: 1 };
    idle::run(&idle::Options {
        crowd,
        internal: gateway.internal,
        settle: SETTLE,
        hold: options.length,
        rate: options.rate,
        payload_bytes: 128,
        server_pid: gateway.pid(),
    })
}
