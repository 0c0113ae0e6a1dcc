//! The load harness: `roomcast-loadtest --help`.

use std::process::ExitCode;

use clap::Parser as _;
use roomcast_loadtest::cli::{Cli, Command};
use roomcast_loadtest::error::Error;
use roomcast_loadtest::limit::Limit;
use roomcast_loadtest::scenario::{fanout, handshake, hold, idle};
use roomcast_loadtest::{bench, nodes, protocols, report};

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::progress(&format!("roomcast-loadtest: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<(), Error> {
    rlimit::increase_nofile_limit(u64::MAX).map_err(Error::io("raise the file limit"))?;
    match command {
        Command::Limit(arguments) => {
            let mut limit = Limit::bind(arguments.address)?;
            report::result(&format!("public    http://{}", limit.address()?))?;
            limit.run()
        }
        Command::Fanout(arguments) => {
            let found = fanout::run(&arguments.options()?)?;
            report::json(&found)?;
            check(found.faults.total())
        }
        Command::Idle(arguments) => {
            let found = idle::run(&arguments.options()?)?;
            report::json(&found)?;
            check(found.faults.total())
        }
        Command::Hold(arguments) => {
            let found = hold::run(&arguments.options()?)?;
            report::json(&found)?;
            check(found.faults.total() + u64::from(found.publications == 0))
        }
        Command::Handshake(arguments) => report::json(&handshake::run(&arguments.options())?),
        Command::Protocols(arguments) => protocols::run(&arguments.options()),
        Command::Nodes(arguments) => nodes::run(&arguments.options()?),
        Command::Bench(arguments) => bench::run(&arguments.options()),
    }
}

fn check(faults: u64) -> Result<(), Error> {
    if faults == 0 { Ok(()) } else { Err(Error::Faults(faults)) }
}
