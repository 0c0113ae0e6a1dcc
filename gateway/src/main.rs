//! The `roomcast` binary: a command line around [`roomcast::run()`].

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use roomcast::Gateway;

/// glibc keeps the worst minute of its heap for ever (docs/decisions/0004-the-allocator.md).
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A realtime gateway: Socket.IO and WebSocket clients, rooms, publishing over HTTP.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Settings file, TOML or YAML; without it the variable ROOMCAST_CONFIG, without that the defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    roomcast::run(arguments.config.as_deref(), Gateway::new)
}
