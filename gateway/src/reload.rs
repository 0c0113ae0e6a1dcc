//! Settings that are read again while the node runs: on SIGHUP, by [`crate::run()`].
//!
//! All or nothing: settings that are wrong, or that do not fit those in force, change nothing. What
//! needs a restart stays as it is, and is named at every reload until there was one.
//!
//! Deliberately absent: watching the file, and reloads over HTTP.

use std::fmt;
use std::path::PathBuf;

use crate::mail::{MAIL_BYTES, Mail};
use crate::metrics::{Counter, Gauge, ReloadResult};
use crate::node::Node;
use crate::os;
use crate::settings::{Change, Effect, Loaded, Settings, SettingsError};
use crate::telemetry::Level;

/// Why nothing was reloaded.
#[derive(Debug)]
pub enum ReloadError {
    /// A start with these settings would fail too.
    Settings(SettingsError),
    /// The settings are good, but only for a start: together with those in force they are not.
    Restart(SettingsError),
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, error) = match self {
            Self::Settings(error) => ("the settings cannot be used", error),
            Self::Restart(error) => ("the settings need a restart", error),
        };
        // One line, for the log.
        let problems: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
        write!(f, "{text}: {}", problems.join("; "))
    }
}

impl std::error::Error for ReloadError {}

/// What came of a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is in force now.
    pub changed: Vec<Change>,
    /// What the next start will change.
    pub restart: Vec<Change>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |changes: &[Change]| changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match &self.changed[..] {
            [] => f.write_str("nothing changed")?,
            changed => write!(f, "changed {}", list(changed))?,
        }
        match &self.restart[..] {
            [] => Ok(()),
            restart => write!(f, "; needs a restart: {}", list(restart)),
        }
    }
}

/// Reads the settings of a running gateway again.
#[derive(Debug)]
pub struct Reloader {
    config: Option<PathBuf>,
    /// What the sources said, as far as it is in force. The program around the gateway may have changed
    /// its own copy: only what differs here goes there.
    sources: Settings,
    level: Level,
}

impl Reloader {
    /// For a gateway that was started with `sources`, before the program changed any.
    ///
    /// `config` is the settings file of the command line, `level` what the logs follow.
    pub fn new(config: Option<PathBuf>, sources: Settings, level: Level) -> Self {
        Self { config, sources, level }
    }

    /// Reads file and environment, has `node` follow, logs and counts the result.
    pub fn reload(&mut self, node: &Node) {
        let loaded = Settings::from_process(self.config.as_deref()).map_err(ReloadError::Settings);
        match loaded.and_then(|loaded| self.apply(node, &loaded)) {
            Ok(report) => {
                node.note_settings_read();
                node.metrics.inc(Counter::ConfigReloads(ReloadResult::Applied));
                self.log(&node.settings(), &report);
            }
            Err(error) => {
                node.metrics.gauge_set(Gauge::ConfigReloadSuccessful, 0);
                node.metrics.inc(Counter::ConfigReloads(ReloadResult::Refused));
                tracing::error!("settings not reloaded, nothing has changed: {error}");
            }
        }
    }

    /// Has `node` follow settings that were loaded.
    fn apply(&mut self, node: &Node, loaded: &Loaded) -> Result<Report, ReloadError> {
        let next = node.settings().reloaded(&self.sources, loaded).map_err(ReloadError::Restart)?;
        let changes = self.sources.differences(&loaded.settings);
        let (changed, restart) = changes.into_iter().partition(|change| change.effect == Effect::Reload);
        self.sources = self.sources.following(&self.sources, &loaded.settings);
        node.set_connection_limit(os::connection_limit(&next.limits));
        node.replace_settings(next);
        for mailbox in node.mailboxes() {
            mailbox.post_admitted(Mail::Reload, MAIL_BYTES);
        }
        Ok(Report { changed, restart })
    }

    /// The line appears if it would have before or after the change.
    fn log(&self, settings: &Settings, report: &Report) {
        let line = || {
            if report.restart.is_empty() {
                tracing::info!("settings reloaded: {report}");
            } else {
                tracing::warn!("settings reloaded: {report}");
            }
        };
        let logged = tracing::enabled!(tracing::Level::INFO);
        if logged {
            line();
        }
        if let Err(error) = self.level.set(&settings.log.level) {
            tracing::error!(%error, "the level of the log stays as it was");
        }
        if !logged {
            line();
        }
    }
}
