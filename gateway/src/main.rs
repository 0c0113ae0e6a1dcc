//! The `roomcast` binary: a command line around [`roomcast::run()`] and [`roomcast::cli`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use roomcast::{Gateway, cli};

/// glibc keeps the worst minute of its heap for ever (docs/decisions/0004-the-allocator.md).
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A realtime gateway: Socket.IO and WebSocket clients, rooms, publishing over HTTP.
///
/// Without a command it runs until SIGTERM or ctrl-c. SIGHUP has it read its settings again.
#[derive(Parser)]
#[command(
    version,
    after_help = "Settings: the file, then variables ROOMCAST__SECTION__KEY. See docs/configuration.md."
)]
struct Arguments {
    /// Settings file, TOML or YAML; without it the variable ROOMCAST_CONFIG, without that the defaults.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Check the settings as a start would, and say what was read. Exits with 64 if they cannot be used.
    CheckConfig,
    /// Print all settings as TOML: the values in force, where each came from, secrets masked.
    PrintConfig,
    /// Ask a running gateway whether it is ready. Exits with 0 if so, else with 1, and says why.
    Healthcheck {
        /// Ask whether it is alive (/livez), not whether it is ready (/readyz).
        #[arg(long)]
        live: bool,
        /// How long it may take to answer.
        #[arg(long, value_name = "MS", default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
        timeout_ms: u64,
        /// Its internal listener; without it `internal.address` of the settings.
        #[arg(long, value_name = "IP:PORT")]
        address: Option<SocketAddr>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = arguments.config.as_deref();
    match arguments.command {
        None => roomcast::run(config, Gateway::new),
        Some(Command::CheckConfig) => cli::check_config(config),
        Some(Command::PrintConfig) => cli::print_config(config),
        Some(Command::Healthcheck { live, timeout_ms, address }) => {
            let path = if live { "/livez" } else { "/readyz" };
            cli::healthcheck(config, address, path, Duration::from_millis(timeout_ms))
        }
    }
}
