//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::drive::Pace;
use crate::error::Error;
use crate::protocol::Protocol;
use crate::scenario::{fanout, handshake, hold, idle};
use crate::swarm::Crowd;
use crate::walk::Way;
use crate::{bench, nodes, protocols};

/// Measures servers that speak Socket.IO or Roomcast's plain protocol, beside the limit.
#[derive(Debug, Parser)]
#[command(name = "roomcast-loadtest", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve as the limit: one `send` of a ready frame per receiver, nothing else.
    Limit(LimitArguments),
    /// Publish to rooms full of clients; JSON on standard output.
    Fanout(FanoutArguments),
    /// Open connections and hold them; JSON on standard output.
    Idle(IdleArguments),
    /// Connect clients one after another and count what each takes; JSON on standard output.
    Handshake(HandshakeArguments),
    /// Start a gateway, fill one room, publish slowly: nothing may be closed, lost or reordered.
    Hold(HoldArguments),
    /// Run the gateway and the limit in interleaved pairs and print the ratios.
    Bench(BenchArguments),
    /// Run plain, Socket.IO and polling clients in interleaved rounds and print what each costs.
    Protocols(ProtocolsArguments),
    /// Start a Redis, one node in memory and two over that Redis; print what the way over Redis adds.
    Nodes(NodesArguments),
}

/// Options of `limit`.
#[derive(Debug, Args)]
pub struct LimitArguments {
    /// Where to listen; port 0 lets the system choose.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub address: SocketAddr,
}

/// Which server is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TargetKind {
    /// The limit.
    Limit,
    /// Roomcast, or any server that speaks the protocol.
    Roomcast,
}

/// Where the clients go.
#[derive(Debug, Args)]
pub struct CrowdArguments {
    /// Which server this is.
    #[arg(long, value_enum, default_value = "roomcast")]
    target: TargetKind,
    /// What the clients speak to roomcast.
    #[arg(long, value_enum, default_value = "socket-io")]
    protocol: Protocol,
    /// The public address.
    #[arg(long)]
    address: SocketAddr,
    /// Publish by `POST /v1/publish` here; without it a client connection publishes.
    #[arg(long)]
    internal: Option<SocketAddr>,
    /// How many clients.
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// Bytes of a publication's argument.
    #[arg(long, default_value_t = 128)]
    payload_bytes: usize,
}

impl CrowdArguments {
    fn crowd(&self, rooms: u32) -> Crowd {
        let protocol = match self.target {
            TargetKind::Limit => Protocol::Limit,
            TargetKind::Roomcast => self.protocol,
        };
        Crowd { address: self.address, protocol, clients: self.clients, rooms }
    }
}

/// Options of `fanout`.
#[derive(Debug, Args)]
pub struct FanoutArguments {
    #[command(flatten)]
    crowd: CrowdArguments,
    /// In how many rooms, evenly.
    #[arg(long, default_value_t = 1)]
    rooms: u32,
    #[command(flatten)]
    pace: PaceArguments,
    /// Measure this long.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Publish this long before, in seconds.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// The server's process, to read its CPU time and memory.
    #[arg(long)]
    server_pid: Option<u32>,
}

/// One of the three.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct PaceArguments {
    /// Open loop: publications a second.
    #[arg(long)]
    rate: Option<f64>,
    /// The next publication when the last receiver has this one.
    #[arg(long)]
    one_at_a_time: bool,
    /// So many publications under way at any time.
    #[arg(long)]
    in_flight: Option<usize>,
}

impl FanoutArguments {
    /// Checked and typed.
    pub fn options(&self) -> Result<fanout::Options, Error> {
        Ok(fanout::Options {
            crowd: self.crowd.crowd(self.rooms),
            internal: self.crowd.internal,
            pace: match (self.pace.rate, self.pace.in_flight) {
                (Some(rate), _) => Pace::Rate(rate),
                (None, count) => Pace::InFlight(count.unwrap_or(1)),
            },
            length: seconds(self.seconds)?,
            warmup: seconds(self.warmup)?,
            payload_bytes: self.crowd.payload_bytes,
            server_pid: self.server_pid,
        })
    }
}

/// Options of `idle`.
#[derive(Debug, Args)]
pub struct IdleArguments {
    #[command(flatten)]
    crowd: CrowdArguments,
    /// The server's process.
    #[arg(long)]
    server_pid: u32,
    /// Wait this long before memory is read, in seconds.
    #[arg(long, default_value_t = 2.0)]
    settle: f64,
    /// Then hold all connections this long, in seconds.
    #[arg(long, default_value_t = 0.0)]
    hold: f64,
    /// Publications a second to their one room while holding.
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
}

impl IdleArguments {
    /// Checked and typed.
    pub fn options(&self) -> Result<idle::Options, Error> {
        Ok(idle::Options {
            crowd: self.crowd.crowd(1),
            internal: self.crowd.internal,
            settle: seconds(self.settle)?,
            hold: seconds(self.hold)?,
            rate: self.rate,
            payload_bytes: self.crowd.payload_bytes,
            server_pid: self.server_pid,
        })
    }
}

/// Options of `hold`.
#[derive(Debug, Args)]
pub struct HoldArguments {
    /// The gateway's program.
    #[arg(long, env = "ROOMCAST_BIN", default_value = "target/release/roomcast")]
    gateway: PathBuf,
    /// Members of the one room.
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// How long, in seconds.
    #[arg(long, default_value_t = 75.0)]
    seconds: f64,
    /// Publications a second.
    #[arg(long, default_value_t = 5.0)]
    rate: f64,
}

impl HoldArguments {
    /// Checked and typed.
    pub fn options(&self) -> Result<hold::Options, Error> {
        Ok(hold::Options {
            gateway: self.gateway.clone(),
            clients: self.clients,
            length: seconds(self.seconds)?,
            rate: self.rate,
        })
    }
}

/// Options of `bench`.
#[derive(Debug, Args)]
pub struct BenchArguments {
    /// Pairs of runs (limit, roomcast) a measurement; nine judge a budget.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// One short pair of each, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Publish to roomcast by HTTP or by a client connection.
    #[arg(long, value_enum, default_value = "http")]
    publish: bench::PublishBy,
    /// Write everything as JSON here.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The gateway's program.
    #[arg(long, env = "ROOMCAST_BIN", default_value = "target/release/roomcast")]
    gateway: PathBuf,
    /// Another program in place of the gateway's: the limit against itself shows the noise.
    #[arg(long)]
    noise: bool,
}

impl BenchArguments {
    /// Typed.
    pub fn options(&self) -> bench::Options {
        bench::Options {
            pairs: if self.quick { 1 } else { self.pairs.max(1) },
            quick: self.quick,
            publish: self.publish,
            out: self.out.clone(),
            gateway: self.gateway.clone(),
            noise: self.noise,
        }
    }
}

/// Options of `handshake`.
#[derive(Debug, Args)]
pub struct HandshakeArguments {
    /// How the clients come.
    #[arg(long, value_enum)]
    way: Way,
    /// The public address.
    #[arg(long)]
    address: SocketAddr,
    /// How many clients, one after another.
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// The server's process.
    #[arg(long)]
    server_pid: u32,
}

impl HandshakeArguments {
    /// Typed.
    pub fn options(&self) -> handshake::Options {
        let Self { way, address, clients, server_pid } = *self;
        handshake::Options { address, way, clients, server_pid }
    }
}

/// Options of `protocols`.
#[derive(Debug, Args)]
pub struct ProtocolsArguments {
    /// Rounds; each runs everything once.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// One small and short round, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Write everything as JSON here.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The gateway's program.
    #[arg(long, env = "ROOMCAST_BIN", default_value = "target/release/roomcast")]
    gateway: PathBuf,
}

impl ProtocolsArguments {
    /// Typed.
    pub fn options(&self) -> protocols::Options {
        protocols::Options {
            rounds: if self.quick { 1 } else { self.rounds.max(1) },
            quick: self.quick,
            out: self.out.clone(),
            gateway: self.gateway.clone(),
        }
    }
}

/// Options of `nodes`.
#[derive(Debug, Args)]
pub struct NodesArguments {
    /// Rounds; each publishes to the node in memory once, and to the nodes over Redis once.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each of the two takes, in seconds.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// One short round, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Write everything as JSON here.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The gateway's program.
    #[arg(long, env = "ROOMCAST_BIN", default_value = "target/release/roomcast")]
    gateway: PathBuf,
}

impl NodesArguments {
    /// Checked and typed.
    pub fn options(&self) -> Result<nodes::Options, Error> {
        Ok(nodes::Options {
            rounds: if self.quick { 1 } else { self.rounds.max(1) },
            length: if self.quick { nodes::QUICK } else { seconds(self.seconds)? },
            out: self.out.clone(),
            gateway: self.gateway.clone(),
        })
    }
}

fn seconds(value: f64) -> Result<Duration, Error> {
    Duration::try_from_secs_f64(value).map_err(|_| Error::Options(format!("{value} is not a number of seconds")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_fanout_needs_exactly_one_pace() {
        let parse = |more: &[&str]| {
            let base = ["x", "fanout", "--address", "127.0.0.1:1"];
            Cli::try_parse_from(base.iter().chain(more))
        };
        assert!(parse(&[]).is_err());
        assert!(parse(&["--rate", "5", "--one-at-a-time"]).is_err());
        let cli = parse(&["--in-flight", "16", "--target", "limit"]).expect("valid");
        let Command::Fanout(arguments) = cli.command else { panic!("fanout") };
        let options = arguments.options().expect("valid");
        assert!(matches!(options.pace, Pace::InFlight(16)));
        assert_eq!(options.crowd.protocol, Protocol::Limit);
    }
}
