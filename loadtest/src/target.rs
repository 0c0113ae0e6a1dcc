//! Servers as child processes: start, find the address, stop.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::error::Error;

/// A server says where it listens within this time.
const START_MAX: Duration = Duration::from_secs(15);

/// Lines of its standard error that are kept for an error message.
const TAIL_LINES: usize = 20;

/// The core of the server and the core of the generator.
#[derive(Clone, Copy, Debug)]
pub struct Pin(pub usize);

/// The core that servers run on.
pub const SERVER: Pin = Pin(0);
/// The core that generators run on.
pub const GENERATOR: Pin = Pin(1);

/// Whether processes can be pinned to cores: two cores, and `taskset` of util-linux.
/// Otherwise the reason why not, and what to do.
pub fn pinning() -> Result<(), String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        return Err("there is only one core: server and generator share it".to_owned());
    }
    let found = Command::new("taskset").arg("--version").stdout(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        Ok(())
    } else {
        Err("`taskset` is missing (package util-linux): the scheduler moves processes between cores".to_owned())
    }
}

/// Whether there is a gateway to start.
pub fn check_gateway(program: &Path) -> Result<(), Error> {
    if program.is_file() {
        return Ok(());
    }
    Err(Error::Target(format!(
        "no gateway at {}: build it with `cargo build --release`, or name it with ROOMCAST_BIN",
        program.display()
    )))
}

/// A command on one core, if that is wanted.
pub fn command(program: impl AsRef<OsStr>, pin: Option<Pin>) -> Command {
    match pin {
        None => Command::new(program),
        Some(Pin(core)) => {
            let mut command = Command::new("taskset");
            command.arg("-c").arg(core.to_string()).arg(program);
            command
        }
    }
}

/// Runs this program once more as the generator, a process of its own: fresh memory, its own
/// core. Gives its report.
pub fn generate<T: DeserializeOwned>(program: &Path, pinned: bool, arguments: &[String]) -> Result<T, Error> {
    let mut command = command(program, pinned.then_some(GENERATOR));
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(Error::io("start the generator"))?;
    // Its exit code only repeats what the report says of faults; without a report it failed.
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Target(format!("the generator gave no report ({error})")))
}

/// A running server. Ends with its owner.
#[derive(Debug)]
pub struct Target {
    child: Child,
    /// Where clients connect.
    pub public: SocketAddr,
    /// Where backends publish.
    pub internal: Option<SocketAddr>,
}

impl Target {
    /// This program as the limit.
    pub fn limit(program: &Path, pin: Option<Pin>) -> Result<Self, Error> {
        let mut command = command(program, pin);
        command.arg("limit");
        Self::start(command, "the limit", false)
    }

    /// The gateway with one shard, on ports that the system chooses.
    pub fn gateway(program: &Path, pin: Option<Pin>) -> Result<Self, Error> {
        Self::gateway_with(program, pin, &[])
    }

    /// The same with more settings, as variables.
    pub fn gateway_with(program: &Path, pin: Option<Pin>, settings: &[(&str, &str)]) -> Result<Self, Error> {
        let mut command = command(program, pin);
        command
            .envs(settings.iter().copied())
            .env("ROOMCAST__PUBLIC__ADDRESS", "127.0.0.1:0")
            .env("ROOMCAST__INTERNAL__ADDRESS", "127.0.0.1:0")
            .env("ROOMCAST__NODE__SHARDS", "1");
        Self::start(command, "the gateway", true)
    }

    fn start(mut command: Command, name: &str, wants_internal: bool) -> Result<Self, Error> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Error::io(format!("start {name}")))?;
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let (found, addresses) = mpsc::sync_channel(16);
        if let Some(stdout) = child.stdout.take() {
            lines(stdout, move |line| {
                if let Some(address) = address(&line) {
                    // Nobody listens any more after the start: the lines are read and dropped.
                    let _ = found.try_send(address);
                }
            });
        }
        if let Some(stderr) = child.stderr.take() {
            let tail = Arc::clone(&tail);
            lines(stderr, move |line| {
                if let Ok(mut tail) = tail.lock() {
                    if tail.len() == TAIL_LINES {
                        tail.pop_front();
                    }
                    tail.push_back(line);
                }
            });
        }
        let mut target = Self { child, public: SocketAddr::from(([127, 0, 0, 1], 0)), internal: None };
        let start = Instant::now();
        while target.public.port() == 0 || (wants_internal && target.internal.is_none()) {
            let left = START_MAX.saturating_sub(start.elapsed());
            match addresses.recv_timeout(left) {
                Ok((Listener::Public, address)) => target.public = address,
                Ok((Listener::Internal, address)) => target.internal = Some(address),
                Err(_) => {
                    let told: Vec<String> = tail.lock().map(|tail| tail.iter().cloned().collect()).unwrap_or_default();
                    return Err(Error::Target(format!(
                        "{name} did not say where it listens (lines `public    http://ADDRESS`{}); it said:\n{}",
                        if wants_internal { " and `internal  http://ADDRESS`" } else { "" },
                        told.join("\n")
                    )));
                }
            }
        }
        Ok(target)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe to its end on a thread of its own, so that the writer never blocks.
pub(crate) fn lines(pipe: impl Read + Send + 'static, mut on: impl FnMut(String) + Send + 'static) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            on(line);
        }
    });
}

/// Which listener a start-up line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    Public,
    Internal,
}

/// `public    http://127.0.0.1:8080`
fn address(line: &str) -> Option<(Listener, SocketAddr)> {
    let mut words = line.split_whitespace();
    let listener = match words.next()? {
        "public" => Listener::Public,
        "internal" => Listener::Internal,
        _ => return None,
    };
    let address = words.next()?.strip_prefix("http://")?.trim_end_matches('/');
    Some((listener, address.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_up_lines() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(address("public    http://127.0.0.1:8080"), Some((Listener::Public, at(8_080))));
        assert_eq!(address("  internal  http://127.0.0.1:9090/  (open)"), Some((Listener::Internal, at(9_090))));
        assert_eq!(address("publish   http://127.0.0.1:1"), None);
        assert_eq!(address("public"), None);
    }

    #[test]
    fn a_server_that_says_nothing_is_told_with_what_it_did_say() {
        let mut command = Command::new("sh");
        command.arg("-c").arg("echo broken >&2");
        let error = Target::start(command, "the test", false).expect_err("no address");
        assert!(error.to_string().contains("did not say where it listens"));
    }
}
