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
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

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

/// Sends the logs of this process to the standard error stream. Once a process.
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    let subscriber = subscriber(log, io::stderr().is_terminal(), io::stderr)?;
    subscriber.try_init().map_err(|_| TelemetryError::SecondTime)
}

/// A subscriber that writes to `writer`, which may be a terminal: for tests and embedders.
pub fn subscriber<W>(log: &Log, terminal: bool, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .with_regex(false)
        .parse(&log.level)
        .map_err(|error| TelemetryError::Level(error.to_string()))?;
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    Ok(if json {
        Box::new(builder.json().flatten_event(true).with_current_span(true).with_span_list(false).finish())
    } else {
        Box::new(builder.with_ansi(terminal).finish())
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
        let subscriber = subscriber(&log, terminal, move || writer.clone()).expect("a filter");
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
    fn the_level_decides_what_is_logged() {
        assert_eq!(logged(LogFormat::Text, "info", false).lines().count(), 1);
        assert_eq!(logged(LogFormat::Text, "warn,roomcast=debug", false).lines().count(), 2);
        assert_eq!(logged(LogFormat::Text, "off", false), "");
    }
}
