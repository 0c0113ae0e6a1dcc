//! The servers of a run: a node in memory, and two nodes over a Redis.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::server::Server;
use crate::error::Error;
use crate::http;
use crate::target::Target;
use crate::walk::socket::Socket;

/// A node is ready within this time of its start.
const READY_MAX: Duration = Duration::from_secs(15);

/// Between two looks at whether it is.
const LOOK: Duration = Duration::from_millis(20);

/// What the two nodes prove to each other that they belong together with.
const SECRET: &str = "a secret of measurements, which is long enough";

/// All of them; they end with it, the nodes before their Redis.
#[derive(Debug)]
pub(super) struct Cluster {
    /// In memory.
    pub(super) alone: Target,
    /// Over Redis: the publisher's, and the other.
    pub(super) pair: [Target; 2],
    pub(super) server: Server,
}

impl Cluster {
    /// Starts all, and waits until the nodes over Redis have proven their links.
    pub(super) fn start(program: &Path) -> Result<Self, Error> {
        let server = Server::start()?;
        let alone = Target::gateway(program, None)?;
        let pair = [over(program, &server)?, over(program, &server)?];
        for node in &pair {
            ready(internal(node)?)?;
        }
        Ok(Self { alone, pair, server })
    }
}

/// A node over this Redis.
fn over(program: &Path, server: &Server) -> Result<Target, Error> {
    let address = server.address.to_string();
    let settings = [
        ("ROOMCAST__ADAPTER__KIND", "redis"),
        ("ROOMCAST__REDIS__ADDRESSES", &address),
        ("ROOMCAST__CLUSTER__SECRET", SECRET),
    ];
    Target::gateway_with(program, None, &settings)
}

/// Where backends publish.
pub(super) fn internal(node: &Target) -> Result<SocketAddr, Error> {
    node.internal.ok_or_else(|| Error::Target("the gateway has no internal address".to_owned()))
}

/// Waits until the node says that it is ready.
fn ready(internal: SocketAddr) -> Result<(), Error> {
    let start = Instant::now();
    let mut request = Vec::new();
    http::get(&internal.to_string(), "/readyz", &mut request);
    loop {
        let mut socket = Socket::connect(internal)?;
        socket.write(&request)?;
        match socket.answer(200) {
            Ok(_) => return Ok(()),
            Err(error) if start.elapsed() > READY_MAX => {
                return Err(Error::Timeout(format!("a node over Redis becomes ready: {error}")));
            }
            Err(_) => std::thread::sleep(LOOK),
        }
    }
}
