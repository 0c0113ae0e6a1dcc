//! Plain WebSocket, Socket.IO over WebSocket, and Socket.IO over polling on one gateway: what
//! each costs, in interleaved rounds. The figures of `docs/websocket-or-socketio.md`.

mod tables;
mod wire;

use std::path::PathBuf;

use serde::Serialize;

use crate::error::Error;
use crate::report;
use crate::scenario::{fanout, handshake, idle};
use crate::target::{self, SERVER, Target};
use crate::walk::Way;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds; each runs everything once, on fresh gateways.
    pub rounds: usize,
    /// Small and short, to see that it works.
    pub quick: bool,
    /// Where the JSON goes.
    pub out: Option<PathBuf>,
    /// The gateway's program.
    pub gateway: PathBuf,
}

/// The protocols, as `--protocol` names them. The first is what the others are divided by.
const PROTOCOLS: [&str; 3] = ["plain", "socket-io", "polling"];

/// The ways in, likewise.
const WAYS: [(Way, &str); 4] =
    [(Way::Plain, "plain"), (Way::SocketIo, "socket-io"), (Way::Upgrade, "upgrade"), (Way::Polling, "polling")];

/// One protocol in one round.
#[derive(Debug, Serialize)]
struct Load {
    protocol: &'static str,
    idle: idle::Report,
    one_at_a_time: fanout::Report,
    low_rate: fanout::Report,
}

/// Everything once.
#[derive(Debug, Serialize)]
struct Round {
    handshakes: Vec<handshake::Report>,
    loads: Vec<Load>,
}

/// All that was found.
#[derive(Debug, Serialize)]
struct Everything {
    pinned: bool,
    quick: bool,
    wire: Vec<wire::Wire>,
    rounds: Vec<Round>,
}

/// Runs everything and prints the tables; an error if any run had faults.
pub fn run(options: &Options) -> Result<(), Error> {
    target::check_gateway(&options.gateway)?;
    let bench = Bench {
        options,
        program: std::env::current_exe().map_err(Error::io("find this program"))?,
        pinned: target::pinning().is_ok(),
    };
    let wire = WAYS.iter().map(|&(way, _)| wire::measure(&options.gateway, way)).collect::<Result<_, _>>()?;
    let mut rounds = Vec::new();
    for number in 0..options.rounds {
        report::progress(&format!("round {} of {}", number + 1, options.rounds));
        rounds.push(bench.round(number)?);
    }
    let everything = Everything { pinned: bench.pinned, quick: options.quick, wire, rounds };
    report::result(&tables::page(&everything))?;
    if let Some(path) = &options.out {
        let json = report::to_json(&everything)?;
        std::fs::write(path, json).map_err(Error::io(format!("write {}", path.display())))?;
    }
    match faults(&everything.rounds) {
        0 => Ok(()),
        faults => Err(Error::Faults(faults)),
    }
}

fn faults(rounds: &[Round]) -> u64 {
    let loads = rounds.iter().flat_map(|round| &round.loads);
    loads.map(|load| load.idle.faults.total() + load.one_at_a_time.faults.total() + load.low_rate.faults.total()).sum()
}

/// What stays the same for all rounds.
struct Bench<'a> {
    options: &'a Options,
    program: PathBuf,
    pinned: bool,
}

impl Bench<'_> {
    /// Who goes first changes from round to round, so that nobody gains from it.
    fn round(&self, number: usize) -> Result<Round, Error> {
        let clients = if self.options.quick { "50" } else { "4000" };
        let mut handshakes = Vec::new();
        for turn in 0..WAYS.len() {
            let (_, way) = WAYS[(turn + number) % WAYS.len()];
            handshakes.push(self.generate(&["handshake", "--way", way, "--clients", clients])?);
        }
        let mut loads = Vec::new();
        for turn in 0..PROTOCOLS.len() {
            loads.push(self.load(PROTOCOLS[(turn + number) % PROTOCOLS.len()])?);
        }
        Ok(Round { handshakes, loads })
    }

    fn load(&self, protocol: &'static str) -> Result<Load, Error> {
        let quick = self.options.quick;
        let [settle, warmup, seconds] = if quick { ["0.2", "0.2", "0.5"] } else { ["3", "1", "5"] };
        let one_at_a_time = ["--one-at-a-time", "--warmup", warmup, "--seconds", seconds];
        let low_rate = ["--rate", "50", "--warmup", warmup, "--seconds", seconds];
        let run = |words: [&'static str; 3], more: &[&'static str]| {
            let mut arguments = vec![words[0], "--clients", if quick { words[2] } else { words[1] }];
            arguments.extend(["--protocol", protocol]);
            arguments.extend(more);
            arguments
        };
        Ok(Load {
            protocol,
            idle: self.generate(&run(["idle", "10000", "50"], &["--settle", settle]))?,
            one_at_a_time: self.generate(&run(["fanout", "1000", "50"], &one_at_a_time))?,
            low_rate: self.generate(&run(["fanout", "10", "10"], &low_rate))?,
        })
    }

    /// One run of the generator against a fresh gateway.
    fn generate<T: serde::de::DeserializeOwned>(&self, words: &[&str]) -> Result<T, Error> {
        let gateway = Target::gateway(&self.options.gateway, self.pinned.then_some(SERVER))?;
        let mut arguments: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        arguments.extend(["--address".to_owned(), gateway.public.to_string()]);
        arguments.extend(["--server-pid".to_owned(), gateway.pid().to_string()]);
        if let (Some(internal), false) = (gateway.internal, words.contains(&"handshake")) {
            arguments.extend(["--internal".to_owned(), internal.to_string()]);
        }
        target::generate(&self.program, self.pinned, &arguments)
    }
}
