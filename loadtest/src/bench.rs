//! The gateway and the limit, side by side in one run: ratios beside their budgets.

pub mod plan;
pub mod verdict;

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use crate::error::Error;
use crate::report;
use crate::target::{self, SERVER, Target};
use plan::{Found, Load, Measurement, PLAN};
use verdict::{PAIRS_TO_JUDGE, Row};

/// How publications come to roomcast. To the limit they always come by a client connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PublishBy {
    /// `POST /v1/publish` on one kept-alive connection.
    Http,
    /// A Socket.IO client's own publications (open mode).
    Client,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Pairs of runs a measurement.
    pub pairs: usize,
    /// Short runs.
    pub quick: bool,
    /// How to publish to roomcast.
    pub publish: PublishBy,
    /// Where the JSON goes.
    pub out: Option<PathBuf>,
    /// The gateway's program.
    pub gateway: PathBuf,
    /// The limit in the gateway's place: what ratios mere chance makes.
    pub noise: bool,
}

/// Everything that a plot or a page of benchmarks needs.
#[derive(Debug, Serialize)]
struct Everything<'a> {
    pairs: usize,
    quick: bool,
    publish: String,
    noise: bool,
    pinned: bool,
    cores: usize,
    rows: &'a [Row],
    runs: &'a [Run],
}

/// One run of the generator against one server.
#[derive(Debug, Serialize)]
struct Run {
    measurement: &'static str,
    pair: usize,
    target: &'static str,
    report: Found,
}

/// What stays the same for all runs.
struct Bench<'a> {
    options: &'a Options,
    program: PathBuf,
    pinned: bool,
    start: Instant,
    seconds_left: f64,
    warnings: Vec<String>,
}

/// Runs everything; an error if any run had faults.
pub fn run(options: &Options) -> Result<(), Error> {
    if !options.noise {
        target::check_gateway(&options.gateway)?;
    }
    let pinning = target::pinning();
    let program = std::env::current_exe().map_err(Error::io("find this program"))?;
    let plan: Vec<Measurement> = PLAN.iter().map(|&full| if options.quick { full.quick() } else { full }).collect();
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let seconds = plan.iter().map(Measurement::seconds).sum::<f64>() * 2.0 * options.pairs as f64;
    let mut bench = Bench {
        options,
        program,
        pinned: pinning.is_ok(),
        start: Instant::now(),
        seconds_left: seconds,
        warnings: pinning.err().into_iter().map(|why| format!("not pinned: {why}")).collect(),
    };
    report::progress(&format!(
        "{} measurements, {} pairs (limit, roomcast) of each: about {}",
        plan.len(),
        options.pairs,
        duration(seconds)
    ));
    let mut rows = Vec::new();
    let mut runs = Vec::new();
    for measurement in &plan {
        let pairs = bench.measure(measurement)?;
        rows.extend(measurement.figures.iter().map(|figure| Row::new(measurement.name, figure, &pairs)));
        for (pair, (limit, roomcast)) in pairs.into_iter().enumerate() {
            for (target, report) in [("limit", limit), ("roomcast", roomcast)] {
                let measurement = measurement.name;
                runs.push(Run { measurement, pair, target, report });
            }
        }
    }
    let faults = runs.iter().map(|run| run.report.faults()).sum();
    bench.tell(&rows, &runs)?;
    if faults > 0 {
        return Err(Error::Faults(faults));
    }
    Ok(())
}

impl Bench<'_> {
    /// All pairs of one measurement. Who goes first alternates, so that neither gains from it.
    fn measure(&mut self, measurement: &Measurement) -> Result<Vec<(Found, Found)>, Error> {
        let mut pairs = Vec::new();
        for pair in 0..self.options.pairs {
            let found = if pair % 2 == 0 {
                let limit = self.one(measurement, pair, true)?;
                (limit, self.one(measurement, pair, false)?)
            } else {
                let roomcast = self.one(measurement, pair, false)?;
                (self.one(measurement, pair, true)?, roomcast)
            };
            pairs.push(found);
        }
        Ok(pairs)
    }

    /// One run against a fresh server.
    fn one(&mut self, measurement: &Measurement, pair: usize, is_limit: bool) -> Result<Found, Error> {
        let pin = self.pinned.then_some(SERVER);
        let plays_limit = is_limit || self.options.noise;
        let target =
            if plays_limit { Target::limit(&self.program, pin)? } else { Target::gateway(&self.options.gateway, pin)? };
        let name = if is_limit { "limit" } else { "roomcast" };
        let found = self.generate(measurement, &target, plays_limit)?;
        self.seconds_left = (self.seconds_left - measurement.seconds()).max(0.0);
        let first = measurement.figures.first();
        let value = first.and_then(|figure| Some((figure, (figure.value)(&found)?)));
        report::progress(&format!(
            "[{}/{}] {}: {name}: {}; {} left",
            pair + 1,
            self.options.pairs,
            measurement.name,
            value.map_or_else(String::new, |(figure, value)| format!("{} {value:.2} {}", figure.name, figure.unit)),
            duration(self.seconds_left)
        ));
        for doubt in found.doubts() {
            self.warnings.push(format!("{}, pair {}, {name}: {doubt}", measurement.name, pair + 1));
        }
        Ok(found)
    }

    fn generate(&self, measurement: &Measurement, target: &Target, is_limit: bool) -> Result<Found, Error> {
        let mut arguments = measurement.arguments();
        arguments.extend(["--target", if is_limit { "limit" } else { "roomcast" }].map(String::from));
        arguments.extend(["--address".to_owned(), target.public.to_string()]);
        arguments.extend(["--server-pid".to_owned(), target.pid().to_string()]);
        if let (PublishBy::Http, Some(internal)) = (self.options.publish, target.internal) {
            arguments.extend(["--internal".to_owned(), internal.to_string()]);
        }
        Ok(match measurement.load {
            Load::Fanout(..) => Found::Fanout(target::generate(&self.program, self.pinned, &arguments)?),
            Load::Idle(_) => Found::Idle(target::generate(&self.program, self.pinned, &arguments)?),
        })
    }

    fn tell(&self, rows: &[Row], runs: &[Run]) -> Result<(), Error> {
        report::result(&format!("\n{}", verdict::table(rows)))?;
        let mut notes = vec![
            "judged: roomcast's value divided by the limit's of the same pair (median over pairs), or its own value where a unit is shown.".to_owned(),
        ];
        if self.options.noise {
            notes.push("noise: the limit ran in the gateway's place; every ratio should be 1.".to_owned());
        }
        if self.options.pairs < PAIRS_TO_JUDGE {
            notes.push(format!("{} pairs show a trend; {PAIRS_TO_JUDGE} judge a budget.", self.options.pairs));
        }
        notes.extend(self.warnings.iter().map(|warning| format!("WARNING: {warning}")));
        notes.push(format!("Took {}.", duration(self.start.elapsed().as_secs_f64())));
        report::result(&notes.join("\n"))?;
        let Some(path) = &self.options.out else {
            return Ok(());
        };
        let everything = Everything {
            pairs: self.options.pairs,
            quick: self.options.quick,
            publish: format!("{:?}", self.options.publish).to_lowercase(),
            noise: self.options.noise,
            pinned: self.pinned,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            rows,
            runs,
        };
        std::fs::write(path, report::to_json(&everything)?).map_err(Error::io(format!("write {}", path.display())))?;
        report::result(&format!("Everything, as JSON: {}", path.display()))
    }
}

fn duration(seconds: f64) -> String {
    if seconds < 90.0 { format!("{seconds:.0} s") } else { format!("{:.0} min", (seconds / 60.0).ceil()) }
}
