//! Logs, on the standard error stream: text on a terminal, JSON otherwise.
//!
//! Whoever logs must not log what opens a door: session ids, bearer tokens, auth
//! payloads. The types help: `roomcast_core::id::Sid` and `settings::Secret` mask
//! themselves.
//!
//! Deliberately absent: traces to a collector, log files.

use std::fmt;
use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, reload};

use crate::settings::{Log, LogFormat};

/// Why logs cannot be set up.
#[derive(Debug)]
pub enum TelemetryError {
    /// `log.level` is not a filter; settings that were loaded always have one.
    Level(String),
    /// This process logs already.
    SecondTime,
}

impl fmt::Display for TelemetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(why) => write!(f, "log.level: {why}"),
            Self::SecondTime => f.write_str("logs are set up already in this process"),
        }
    }
}

impl std::error::Error for TelemetryError {}

/// What decides which lines are logged, to be changed while the process runs.
pub struct Level(Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>);

impl Level {
    /// Sets it, in the form of `log.level`.
    pub fn set(&self, level: &str) -> Result<(), TelemetryError> {
        (self.0)(filter(level)?).map_err(|error| TelemetryError::Level(error.to_string()))
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Level").finish_non_exhaustive()
    }
}

/// Sends the logs of this process to the standard error stream. Once a process.
pub fn init(log: &Log) -> Result<Level, TelemetryError> {
    let (subscriber, level) = subscriber(log, io::stderr().is_terminal(), io::stderr)?;
    subscriber.try_init().map_err(|_| TelemetryError::SecondTime)?;
    Ok(level)
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder().with_regex(false).parse(level).map_err(|error| TelemetryError::Level(error.to_string()))
}

/// A subscriber, and what decides on its level.
pub type Logs = (Box<dyn Subscriber + Send + Sync>, Level);

/// A subscriber that writes to `writer`, which may be a terminal: for tests and embedders.
pub fn subscriber<W>(log: &Log, terminal: bool, writer: W) -> Result<Logs, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter(&log.level)?).with_writer(writer);
    Ok(if json {
        let builder = builder.json().flatten_event(true).with_current_span(true).with_span_list(false);
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        (Box::new(builder.finish()), Level(Box::new(move |filter| handle.reload(filter))))
    } else {
        let builder = builder.with_ansi(terminal).with_filter_reloading();
        let handle = builder.reload_handle();
        (Box::new(builder.finish()), Level(Box::new(move |filter| handle.reload(filter))))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str, terminal: bool) -> String {
        let written = Written::default();
        let writer = written.clone();
        let log = Log { format, level: level.into() };
        let (subscriber, _) = subscriber(&log, terminal, move || writer.clone()).expect("a filter");
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(port = 8080, "listening");
            tracing::debug!("detail");
        });
        let bytes = written.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn auto_is_text_on_a_terminal_and_json_otherwise() {
        let json = logged(LogFormat::Auto, "info", false);
        let line: serde_json::Value = serde_json::from_str(json.trim()).expect("one JSON object");
        assert_eq!((&line["message"], &line["port"]), (&"listening".into(), &8080.into()));
        assert_eq!(line["level"], "INFO");
        let text = logged(LogFormat::Auto, "info", true);
        assert!(text.contains("listening") && text.contains("\u{1b}["), "{text}");
        let text = logged(LogFormat::Text, "info", false);
        assert!(text.contains("listening") && text.contains("port=8080") && !text.contains('\u{1b}'), "{text}");
        assert!(logged(LogFormat::Json, "info", true).starts_with('{'));
    }

    #[test]
    fn the_level_changes_while_the_process_runs() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let written = Written::default();
            let writer = written.clone();
            let log = Log { format, level: "warn".into() };
            let (subscriber, level) = subscriber(&log, false, move || writer.clone()).expect("a filter");
            tracing::subscriber::with_default(subscriber, || {
                let line = || tracing::info!("a line");
                line();
                level.set("info").expect("a level");
                line();
                assert!(level.set("info,roomcast=loud").is_err());
                level.set("off").expect("a level");
                line();
            });
            let bytes = written.0.lock().expect("no panic").clone();
            assert_eq!(String::from_utf8(bytes).expect("UTF-8").lines().count(), 1);
        }
    }

    #[test]
    fn the_level_decides_what_is_logged() {
        assert_eq!(logged(LogFormat::Text, "info", false).lines().count(), 1);
        assert_eq!(logged(LogFormat::Text, "warn,roomcast=debug", false).lines().count(), 2);
        assert_eq!(logged(LogFormat::Text, "off", false), "");
    }
}
