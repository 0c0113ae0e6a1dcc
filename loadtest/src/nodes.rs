//! One node in memory and two nodes over one Redis, each a process: what the way over Redis adds to
//! a delivery, in round trips of that Redis. Figures of `docs/benchmarks.md`.
//!
//! Nothing is pinned here: a publication goes through up to four processes, and on one core they
//! would wait for each other.

mod cluster;
mod server;
mod tables;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::drive::{Drive, Pace};
use crate::error::Error;
use crate::ledger::Faults;
use crate::ping::Ping;
use crate::proc::Process;
use crate::protocol::Protocol;
use crate::report;
use crate::stats::{Latencies, Summary};
use crate::swarm::Crowd;
use crate::target::{self, Target};
use cluster::{Cluster, internal};

/// Members of the one room at each node.
const CLIENTS: usize = 10;

/// Publications a second, and round trips to Redis in between.
const RATE: f64 = 100.0;

/// Bytes of a publication's argument.
const PAYLOAD_BYTES: usize = 128;

/// Published before what is measured.
const WARMUP: Duration = Duration::from_secs(1);

/// How long each way takes when it is only to be seen that it works.
pub const QUICK: Duration = Duration::from_secs(2);

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds; each takes both ways once.
    pub rounds: usize,
    /// How long each way is measured in a round.
    pub length: Duration,
    /// Where the JSON goes.
    pub out: Option<PathBuf>,
    /// The gateway's program.
    pub gateway: PathBuf,
}

/// Both ways once.
#[derive(Debug, Default, Serialize)]
struct Round {
    /// To the members at the node in memory.
    alone: Summary,
    /// Over Redis, to the members at the publisher's node.
    own: Summary,
    /// Over Redis, to the members at the other node.
    other: Summary,
    /// To that Redis and back, in between.
    ping: Summary,
    publications: u64,
    deliveries: u64,
    /// Share of the time in which something else had the generator's core.
    generator_waiting_share: f64,
    faults: u64,
}

/// All that was found.
#[derive(Debug, Serialize)]
struct Everything {
    seconds: f64,
    rounds: Vec<Round>,
}

/// Runs everything and prints the tables; an error if any publication was not at all clients once.
pub fn run(options: &Options) -> Result<(), Error> {
    target::check_gateway(&options.gateway)?;
    let cluster = Cluster::start(&options.gateway)?;
    let mut rounds = Vec::new();
    for number in 0..options.rounds {
        report::progress(&format!("round {} of {}", number + 1, options.rounds));
        rounds.push(round(&cluster, number, options.length)?);
    }
    let everything = Everything { seconds: options.length.as_secs_f64(), rounds };
    report::result(&tables::page(&everything))?;
    if let Some(path) = &options.out {
        let json = report::to_json(&everything)?;
        std::fs::write(path, json).map_err(Error::io(format!("write {}", path.display())))?;
    }
    everything.rounds.iter().try_for_each(complete)
}

/// Whether nothing is missing: deliveries, and figures.
fn complete(round: &Round) -> Result<(), Error> {
    if round.faults > 0 {
        return Err(Error::Faults(round.faults));
    }
    let counts = [&round.alone, &round.own, &round.other, &round.ping].map(|summary| summary.count);
    if counts.contains(&0) {
        return Err(Error::Target(format!("nothing was measured of one way: {counts:?} values")));
    }
    Ok(())
}

/// Who goes first alternates, so that neither way gains from it.
fn round(cluster: &Cluster, number: usize, length: Duration) -> Result<Round, Error> {
    let alone = || way(&cluster.alone, None, None, length);
    let [first, second] = &cluster.pair;
    let over = || way(first, Some(second), Some(Ping::connect(cluster.server.address, RATE)?), length);
    let (alone, over) = if number.is_multiple_of(2) {
        let alone = alone()?;
        (alone, over()?)
    } else {
        let over = over()?;
        (alone()?, over)
    };
    Ok(Round {
        alone: alone.node(0),
        own: over.node(0),
        other: over.node(1),
        ping: over.ping,
        publications: alone.publications + over.publications,
        deliveries: alone.deliveries + over.deliveries,
        generator_waiting_share: alone.waiting_share.max(over.waiting_share),
        faults: alone.faults + over.faults,
    })
}

/// What was found on one way.
#[derive(Debug)]
struct Found {
    nodes: Vec<Summary>,
    ping: Summary,
    publications: u64,
    deliveries: u64,
    waiting_share: f64,
    faults: u64,
}

impl Found {
    fn node(&self, index: usize) -> Summary {
        self.nodes.get(index).cloned().unwrap_or_default()
    }
}

/// Publishes to one node, with members there and at the other, if there is one.
fn way(to: &Target, other: Option<&Target>, ping: Option<Ping>, length: Duration) -> Result<Found, Error> {
    let crowd =
        |node: &Target| Crowd { address: node.public, protocol: Protocol::SocketIo, clients: CLIENTS, rooms: 1 };
    let crowds: Vec<Crowd> = std::iter::once(to).chain(other).map(crowd).collect();
    let mut drive = Drive::join_all(&crowds)?;
    drive.swarm.join_publisher(&crowd(to), Some(internal(to)?), PAYLOAD_BYTES)?;
    drive.ping = ping;
    drive.phase(Pace::Rate(RATE), WARMUP.min(length))?;
    let own = Process::own();
    let before = own.cpu()?;
    let seconds = drive.phase(Pace::Rate(RATE), length)?;
    let waiting = Duration::from_nanos(own.cpu()?.since(&before).waiting_ns);
    let faults: Faults = drive.ledger.close();
    if let Some(why) = &drive.first_loss {
        report::progress(&format!("a connection was lost: {why}"));
    }
    let tally = &drive.ledger.tally;
    Ok(Found {
        nodes: tally.crowds.iter().map(Latencies::summary).collect(),
        ping: drive.ping.as_ref().map(|ping| ping.latencies.summary()).unwrap_or_default(),
        publications: tally.publications,
        deliveries: tally.deliveries,
        waiting_share: waiting.as_secs_f64() / seconds.max(1e-9),
        faults: faults.total(),
    })
}
