//! The commands beside running: what they print, and how they exit.
//!
//! Deliberately absent: reading the command line, which is the program's.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::healthcheck;
use crate::settings::{Mode, Settings};

/// Exit code for settings that cannot be used (sysexits `EX_USAGE`); anything else that fails is 1.
pub const EXIT_SETTINGS: u8 = 64;

/// Checks everything that a start checks before it opens a port, and says what was read.
pub fn check_config(config: Option<&Path>) -> ExitCode {
    let loaded = match Settings::from_process(config) {
        Ok(loaded) => loaded,
        Err(error) => return fail(EXIT_SETTINGS, &error),
    };
    let settings = &loaded.settings;
    let mode = match settings.mode() {
        Mode::Open => "open development mode, loopback only",
        Mode::Guarded => "guarded",
    };
    let (public, internal, sources) = (settings.public.address, settings.internal.address, loaded.sources());
    say(&format!("The settings are good: {mode}; public {public}, internal {internal}.\nRead: {sources}.\n"));
    ExitCode::SUCCESS
}

/// Prints the settings in force, as TOML that can be loaded once masked secrets are put back.
pub fn print_config(config: Option<&Path>) -> ExitCode {
    match Settings::from_process(config) {
        Ok(loaded) => {
            say(&loaded.to_toml());
            ExitCode::SUCCESS
        }
        Err(error) => fail(EXIT_SETTINGS, &error),
    }
}

/// Asks the gateway at `address`, or at the settings' internal address, for `path`: 200 is good.
///
/// A wildcard address means loopback of its family. Exits with 1 whatever is wrong, as
/// health checks of containers know no other code.
pub fn healthcheck(config: Option<&Path>, address: Option<SocketAddr>, path: &str, deadline: Duration) -> ExitCode {
    let address = match address {
        Some(address) => address,
        None => match Settings::from_process(config) {
            Ok(loaded) => loaded.settings.internal.address,
            Err(error) => return fail(1, &error),
        },
    };
    match healthcheck::ask(address, path, deadline) {
        Ok(answer) => {
            say(&format!("{answer}\n"));
            ExitCode::SUCCESS
        }
        Err(error) => fail(1, &error),
    }
}

/// Prints on the standard output. Nobody may be reading: that is no reason to fail.
pub(crate) fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
    let _ = io::stdout().flush();
}

/// Prints what failed on the standard error stream.
pub(crate) fn fail(code: u8, error: &dyn Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "roomcast: {error}");
    ExitCode::from(code)
}
