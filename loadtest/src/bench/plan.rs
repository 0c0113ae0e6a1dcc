//! What `bench` measures, and the budgets.

use serde::Serialize;

use crate::scenario::{fanout, idle};

/// Above this share of its core the generator may be what is measured.
const GENERATOR_SHARE_MAX: f64 = 0.95;

/// Above this share of waiting for a core, something else ran there.
const WAITING_SHARE_MAX: f64 = 0.1;

/// What one run of the generator gave.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Found {
    /// Of `fanout`.
    Fanout(Box<fanout::Report>),
    /// Of `idle`.
    Idle(Box<idle::Report>),
}

impl Found {
    /// All faults.
    pub fn faults(&self) -> u64 {
        match self {
            Self::Fanout(report) => report.faults.total(),
            Self::Idle(report) => report.faults.total(),
        }
    }

    /// What makes its figures doubtful, in words.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.faults() > 0 {
            doubts.push(format!("{} faults (missing, duplicated, out of order, closed)", self.faults()));
        }
        if let Self::Fanout(report) = self {
            if report.generator_core_share > GENERATOR_SHARE_MAX {
                doubts.push("the generator used its core up: rates and latencies may be its own".to_owned());
            }
            let server = report.server.map_or(0.0, |server| server.waiting_share);
            let waiting = server.max(report.generator_waiting_share);
            if waiting > WAITING_SHARE_MAX {
                doubts.push(format!("other processes had its cores for {:.0} % of the time", waiting * 100.0));
            }
        }
        doubts
    }
}

/// What a figure must reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

/// One figure of a measurement: one row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// What it is.
    pub name: &'static str,
    /// Of the absolute values.
    pub unit: &'static str,
    /// What must be reached.
    pub budget: Budget,
    /// The budget is of roomcast's own value instead of its ratio to the limit's.
    pub absolute: bool,
    /// Its value in one run.
    pub value: fn(&Found) -> Option<f64>,
}

/// One thing to run against both servers.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// What it is.
    pub name: &'static str,
    /// What the generator does.
    pub load: Load,
    /// Connections.
    pub clients: usize,
    /// What is read off.
    pub figures: &'static [Figure],
}

/// What the generator does.
#[derive(Clone, Copy, Debug)]
pub enum Load {
    /// Publishes: pace arguments, seconds of warm-up, seconds.
    Fanout(&'static [&'static str], f64, f64),
    /// Opens connections, settles so many seconds.
    Idle(f64),
}

impl Measurement {
    /// Arguments of the generator, without those that name the server.
    pub fn arguments(&self) -> Vec<String> {
        let clients = self.clients.to_string();
        let mut arguments: Vec<String> = Vec::new();
        match self.load {
            Load::Fanout(pace, warmup, seconds) => {
                arguments.extend(["fanout", "--clients", &clients].map(String::from));
                arguments.extend(pace.iter().map(|&word| word.to_owned()));
                arguments.extend(["--warmup".to_owned(), warmup.to_string()]);
                arguments.extend(["--seconds".to_owned(), seconds.to_string()]);
            }
            Load::Idle(settle) => {
                arguments.extend(["idle", "--clients", &clients].map(String::from));
                arguments.extend(["--settle".to_owned(), settle.to_string()]);
            }
        }
        arguments
    }

    /// About how long one run takes, connecting included.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn seconds(&self) -> f64 {
        let load = match self.load {
            Load::Fanout(_, warmup, seconds) => warmup + seconds,
            Load::Idle(settle) => settle,
        };
        load + 0.3 + self.clients as f64 * 0.000_3
    }

    /// The same, short: to see that it works.
    #[must_use]
    pub fn quick(self) -> Self {
        let load = match self.load {
            Load::Fanout(pace, ..) => Load::Fanout(pace, 0.5, 1.5),
            Load::Idle(_) => Load::Idle(0.5),
        };
        let clients = self.clients.min(2_000);
        Self { load, clients, ..self }
    }
}

/// Everything, in the order of the table. Budgets: the speed table of the project.
pub const PLAN: [Measurement; 4] = [
    Measurement {
        name: "1,000 clients, one room, one publication at a time",
        load: Load::Fanout(&["--one-at-a-time"], 1.0, 5.0),
        clients: 1_000,
        figures: &[
            Figure { name: "CPU a delivery", unit: "us", budget: Budget::AtMost(1.2), absolute: false, value: cpu },
            Figure {
                name: "user-mode CPU a delivery",
                unit: "us",
                budget: Budget::AtMost(0.6),
                absolute: true,
                value: user_cpu,
            },
            Figure {
                name: "deliveries a second",
                unit: "/s",
                budget: Budget::AtLeast(0.93),
                absolute: false,
                value: deliveries_per_second,
            },
        ],
    },
    Measurement {
        name: "1,000 clients, one room, 16 publications in flight",
        load: Load::Fanout(&["--in-flight", "16"], 1.0, 5.0),
        clients: 1_000,
        figures: &[Figure {
            name: "CPU a delivery",
            unit: "us",
            budget: Budget::AtMost(0.09),
            absolute: false,
            value: cpu,
        }],
    },
    Measurement {
        name: "10,000 clients, one room, 5 publications a second",
        load: Load::Fanout(&["--rate", "5"], 2.0, 10.0),
        clients: 10_000,
        figures: &[
            Figure {
                name: "last receiver, p50",
                unit: "us",
                budget: Budget::AtMost(1.15),
                absolute: false,
                value: last_receiver_p50,
            },
            Figure {
                name: "last receiver, p99",
                unit: "us",
                budget: Budget::AtMost(1.15),
                absolute: false,
                value: last_receiver_p99,
            },
            Figure {
                name: "delivery, p99",
                unit: "us",
                budget: Budget::AtMost(1.15),
                absolute: false,
                value: delivery_p99,
            },
        ],
    },
    Measurement {
        name: "10,000 idle connections, each in one room",
        load: Load::Idle(3.0),
        clients: 10_000,
        figures: &[
            Figure {
                name: "user memory a connection",
                unit: "B",
                budget: Budget::AtMost(2_048.0),
                absolute: true,
                value: memory_each,
            },
            Figure {
                name: "CPU of connect and join",
                unit: "us",
                budget: Budget::AtMost(2.5),
                absolute: false,
                value: connect_cpu,
            },
        ],
    },
];

fn of_fanout(found: &Found) -> Option<&fanout::Report> {
    match found {
        Found::Fanout(report) => Some(report),
        Found::Idle(_) => None,
    }
}

fn of_idle(found: &Found) -> Option<&idle::Report> {
    match found {
        Found::Idle(report) => Some(report),
        Found::Fanout(_) => None,
    }
}

fn cpu(found: &Found) -> Option<f64> {
    Some(of_fanout(found)?.server?.total_us)
}

fn user_cpu(found: &Found) -> Option<f64> {
    Some(of_fanout(found)?.server?.user_us)
}

fn deliveries_per_second(found: &Found) -> Option<f64> {
    Some(of_fanout(found)?.deliveries_per_second)
}

fn last_receiver_p50(found: &Found) -> Option<f64> {
    Some(of_fanout(found)?.last_receiver.p50_us)
}

fn last_receiver_p99(found: &Found) -> Option<f64> {
    Some(of_fanout(found)?.last_receiver.p99_us)
}

fn delivery_p99(found: &Found) -> Option<f64> {
    Some(of_fanout(found)?.latency.p99_us)
}

fn memory_each(found: &Found) -> Option<f64> {
    Some(of_idle(found)?.anonymous_bytes_each)
}

fn connect_cpu(found: &Found) -> Option<f64> {
    Some(of_idle(found)?.connect_cpu_us_each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::ledger::Faults;
    use crate::proc::Memory;
    use clap::Parser as _;

    #[test]
    fn doubts_are_told() {
        let report = idle::Report {
            clients: 1,
            before: Memory::default(),
            after: Memory::default(),
            rss_bytes_each: 0.0,
            anonymous_bytes_each: 0.0,
            connect_seconds: 0.0,
            connect_cpu_us_each: 0.0,
            hold_seconds: 0.0,
            publications: 0,
            deliveries: 0,
            faults: Faults::default(),
            first_loss: None,
        };
        let found = |faults| Found::Idle(Box::new(idle::Report { faults, ..report.clone() }));
        assert!(found(Faults::default()).doubts().is_empty());
        let closed = Faults { closed: 3, ..Faults::default() };
        assert!(found(closed).doubts()[0].starts_with("3 faults"));
    }

    #[test]
    fn the_generator_understands_every_measurement() {
        for measurement in PLAN.iter().flat_map(|&full| [full, full.quick()]) {
            let mut words = vec!["x".to_owned()];
            words.extend(measurement.arguments());
            words.extend(["--address", "127.0.0.1:1", "--server-pid", "1"].map(String::from));
            Cli::try_parse_from(words).expect(measurement.name);
            assert!(measurement.seconds() > 0.0);
        }
    }
}
