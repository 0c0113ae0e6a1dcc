//! The one reader of the clocks: monotonic milliseconds for deadlines, Unix
//! milliseconds for what people and other nodes read.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use roomcast_core::publication::UnixMillis;
use roomcast_core::session::Millis;

/// A clock that starts with the node.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Milliseconds since the start.
    pub fn now(&self) -> Millis {
        self.start.elapsed().as_millis() as Millis
    }

    /// The instant at which [`Clock::now`] will be `at`.
    pub fn instant(&self, at: Millis) -> Instant {
        self.start + std::time::Duration::from_millis(at)
    }

    /// Milliseconds since 1970.
    pub fn unix(&self) -> UnixMillis {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as UnixMillis)
    }
}
