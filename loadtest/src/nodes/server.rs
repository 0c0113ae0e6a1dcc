//! A `redis-server` of the run's own: a free port of loopback, no persistence. Ends with its owner.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::target::lines;

/// It is ready within this time.
const START_MAX: Duration = Duration::from_secs(15);

/// Somebody else may take the free port first; then another one is tried.
const START_ATTEMPTS: usize = 5;

/// What it says when it takes connections.
const READY: &str = "Ready to accept connections";
/// What it says when the port is another one's.
const TAKEN: &str = "already in use";

/// Lines that are kept until it is ready, for an error message; it says about thirty.
const LINES_MAX: usize = 100;

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Server {
    pub(super) fn start() -> Result<Self, Error> {
        let mut told = String::new();
        for _ in 0..START_ATTEMPTS {
            let (server, said) = Self::launch(free()?)?;
            match ready(&said) {
                Ok(()) => return Ok(server),
                Err(text) => told = text,
            }
            if !told.contains(TAKEN) {
                break;
            }
        }
        Err(Error::Target(format!("redis-server did not start; it said:\n{told}")))
    }

    /// A new process, and the lines that it says.
    fn launch(address: SocketAddr) -> Result<(Self, Receiver<String>), Error> {
        let mut command = Command::new("redis-server");
        command.args(["--port", &address.port().to_string(), "--bind", &address.ip().to_string()]);
        // Nothing is written there: there is nothing to save.
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(std::env::temp_dir());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let started = command.spawn();
        let mut child = started.map_err(Error::io("start redis-server, which `make setup` installs"))?;
        let (say, said) = mpsc::sync_channel(LINES_MAX);
        if let Some(stdout) = child.stdout.take() {
            // Nobody listens any more after the start: the lines are read and dropped.
            lines(stdout, move |line| drop(say.send(line)));
        }
        Ok((Self { child, address }, said))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the server says that it is ready; otherwise all that it said.
fn ready(said: &Receiver<String>) -> Result<(), String> {
    let start = Instant::now();
    let mut told = Vec::new();
    while told.len() < LINES_MAX {
        // No more lines: it ended, or says nothing.
        let Ok(line) = said.recv_timeout(START_MAX.saturating_sub(start.elapsed())) else { break };
        if line.contains(READY) {
            return Ok(());
        }
        told.push(line);
    }
    Err(told.join("\n"))
}

/// A port that was free a moment ago.
fn free() -> Result<SocketAddr, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    listener.and_then(|listener| listener.local_addr()).map_err(Error::io("find a free port"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ping::Ping;

    #[test]
    fn it_answers_and_ends_with_its_owner() {
        let server = Server::start().expect("a server");
        let address = server.address;
        let mut ping = Ping::connect(address, 1.0).expect("connect");
        ping.turn(0).expect("an answer");
        drop(server);
        assert!(Ping::connect(address, 1.0).is_err(), "it is still there");
    }

    #[test]
    fn a_port_that_is_taken_is_told() {
        let server = Server::start().expect("a server");
        let (second, said) = Server::launch(server.address).expect("a process");
        let told = ready(&said).expect_err("the port is taken");
        assert!(told.contains(TAKEN), "{told}");
        drop(second);
    }
}
