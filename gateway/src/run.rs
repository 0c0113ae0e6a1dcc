//! What every program around a gateway does: settings, logs, start, greeting, wait, stop.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::{EXIT_SETTINGS, fail, say};
use crate::reload::Reloader;
use crate::settings::{Loaded, Settings};
use crate::{Gateway, Handle, telemetry};

/// Loads the settings, has `build` make a gateway of them, and runs it until SIGTERM or ctrl-c.
///
/// `config` is the settings file of the command line. Where it listens is printed on the
/// standard output, what fails on the standard error stream. On SIGHUP the settings are read
/// again ([`Reloader`]).
pub fn run(config: Option<&Path>, build: impl FnOnce(Settings) -> Gateway) -> ExitCode {
    // First of all: a reload that is asked for meanwhile is done after the start, and kills nobody.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return fail(1, &error),
    };
    let loaded = match Settings::from_process(config) {
        Ok(loaded) => loaded,
        Err(error) => return fail(EXIT_SETTINGS, &error),
    };
    let level = match telemetry::init(&loaded.settings.log) {
        Ok(level) => level,
        Err(error) => return fail(EXIT_SETTINGS, &error),
    };
    let (sources, read) = (loaded.settings.clone(), what_was_read(&loaded));
    let handle = match build(loaded.settings).start() {
        Ok(handle) => handle,
        Err(error) => return fail(1, &error),
    };
    greet(&handle, &read);
    let (name, tag) = (handle.node().settings().node.name.clone(), handle.node().tag);
    tracing::info!(name, %tag, "started");
    let mut reloader = Reloader::new(config.map(Path::to_owned), sources, level);
    let signal = loop {
        match signals.next() {
            Heard::Reload => reloader.reload(handle.node()),
            Heard::Stop(signal) => break signal,
        }
    };
    tracing::info!(name, %tag, signal, "stopping: connections are asked to come back elsewhere");
    handle.stop();
    ExitCode::SUCCESS
}

/// Where the settings came from, and how a file is read again.
fn what_was_read(loaded: &Loaded) -> String {
    let again = loaded.file.as_ref().map(|_| format!("    read again: kill -HUP {}", std::process::id()));
    loaded.sources() + &again.unwrap_or_default()
}

/// What a person who has just started it wants to read.
fn greet(handle: &Handle, read: &str) {
    let (public, internal) = (handle.public_address(), handle.internal_address());
    let settings = handle.node().settings();
    let (socket_io, websocket) = (&settings.socket_io.path, &settings.websocket.path);
    let mut text = format!(
        "roomcast {}\n  public    http://{public}    clients: Socket.IO at {socket_io}, WebSocket at {websocket}\n  \
         internal  http://{internal}    backends: POST /v1/publish, GET /metrics, /livez, /readyz\n  \
         settings  {read}\n  limit     {}\n",
        env!("CARGO_PKG_VERSION"),
        handle.connection_limit(),
    );
    if handle.node().is_open() {
        let try_it = format!(
            "\nOpen development mode: loopback only, everybody may connect, subscribe and publish.\nTry it:\n  \
             open http://{public}/ in two tabs, or\n  \
             curl -X POST {internal}/v1/publish -H 'content-type: application/json' \\\n       \
             -d '{{\"to\":{{\"rooms\":[\"orders:42\"]}},\"event\":\"order.updated\",\"args\":[{{\"id\":42}}]}}'\n",
        );
        text.push_str(&try_it);
    }
    say(&text);
}

/// What a signal asks for.
enum Heard {
    /// Read the settings again.
    Reload,
    /// Stop; the name of the signal.
    Stop(&'static str),
}

/// The signals that a gateway listens to. None is lost from the making on.
struct Signals {
    /// Where they are waited for: they are heard before the gateway has a runtime.
    runtime: Runtime,
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let entered = runtime.enter();
        let hangup = signal(SignalKind::hangup())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        drop(entered);
        Ok(Self { runtime, hangup, interrupt, terminate })
    }

    /// Waits for the next one.
    fn next(&mut self) -> Heard {
        let Self { runtime, hangup, interrupt, terminate } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = hangup.recv() => Heard::Reload,
                _ = interrupt.recv() => Heard::Stop("ctrl-c"),
                _ = terminate.recv() => Heard::Stop("SIGTERM"),
            }
        })
    }
}
