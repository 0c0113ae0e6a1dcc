//! Why a run could not be carried out.

use std::fmt;
use std::io;

use crate::client::ClientError;

/// Why a run could not be carried out. What a run *found* (missing deliveries, closed
/// connections) is part of its report instead.
#[derive(Debug)]
pub enum Error {
    /// The operating system refused: what was tried, and its answer.
    Io(String, io::Error),
    /// A connection did not get as far as being ready.
    Client(ClientError),
    /// A publication was refused: the server's answer.
    Refused(String),
    /// Something took longer than it may: what.
    Timeout(String),
    /// A server could not be started or used: why, and what to do.
    Target(String),
    /// The options do not fit together.
    Options(String),
    /// The run worked, but deliveries were missing, duplicated or out of order, or connections were lost.
    Faults(u64),
}

impl Error {
    /// For `map_err`: names what was tried.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io(what, error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(what, error) => write!(f, "{what}: {error}"),
            Self::Client(error) => error.fmt(f),
            Self::Refused(answer) => write!(f, "a publication was refused: {answer}"),
            Self::Timeout(what) => write!(f, "took too long: {what}"),
            Self::Target(why) | Self::Options(why) => f.write_str(why),
            Self::Faults(count) => {
                write!(f, "{count} faults: deliveries missing, duplicated or out of order, or connections lost")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<ClientError> for Error {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}
