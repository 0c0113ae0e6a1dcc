//! When the next publication is due.

use std::time::Duration;

/// Below this a sleep is not exact enough, so the generator polls without waiting.
const SPIN_NS: u64 = 1_500_000;

/// Publications under way at most: beyond it the server is overloaded, and intended times
/// go on counting while nothing more is sent.
const IN_FLIGHT_MAX: usize = 1 << 20;

/// Decides when to publish.
#[derive(Clone, Copy, Debug)]
pub enum Pacing {
    /// Open loop: at fixed times, whatever the server does.
    Rate {
        /// Between two publications.
        interval_ns: u64,
        /// When the next one is due.
        next_ns: u64,
    },
    /// Closed by the last receiver: so many publications are under way at any time.
    InFlight(usize),
}

impl Pacing {
    /// So many publications a second, the first one at `start_ns`.
    pub fn rate(per_second: f64, start_ns: u64) -> Self {
        let interval = Duration::from_secs_f64(1.0 / per_second.clamp(1e-3, 1e9));
        Self::Rate { interval_ns: u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1), next_ns: start_ns }
    }

    /// The intended time of a publication that is due now, if one is. Call until it is `None`.
    pub fn due(&mut self, now_ns: u64, in_flight: usize) -> Option<u64> {
        match self {
            Self::Rate { interval_ns, next_ns } => {
                if now_ns < *next_ns || in_flight >= IN_FLIGHT_MAX {
                    return None;
                }
                let intended = *next_ns;
                *next_ns += *interval_ns;
                Some(intended)
            }
            Self::InFlight(most) => (in_flight < *most).then_some(now_ns),
        }
    }

    /// How long the generator may wait for its sockets. `None`: until they have news.
    pub fn wait(&self, now_ns: u64) -> Option<Duration> {
        match self {
            Self::Rate { next_ns, .. } => {
                let left = next_ns.saturating_sub(now_ns);
                // Polling rounds up to whole milliseconds.
                let millis = left.saturating_sub(SPIN_NS) / 1_000_000;
                Some(Duration::from_millis(millis))
            }
            Self::InFlight(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_does_not_wait_for_the_server() {
        let mut pacing = Pacing::rate(1_000.0, 5_000_000);
        assert_eq!(pacing.due(4_999_999, 0), None);
        // Ten milliseconds late: everything that fell due is made up for, with its intended time.
        let mut intended = Vec::new();
        while let Some(time) = pacing.due(15_000_000, intended.len()) {
            intended.push(time);
        }
        let wanted: Vec<u64> = (5..=15).map(|millis| millis * 1_000_000).collect();
        assert_eq!(intended, wanted);
        assert_eq!(pacing.due(1_000_000_000, IN_FLIGHT_MAX), None);
    }

    #[test]
    fn an_open_loop_sleeps_only_as_long_as_sleep_is_exact() {
        let pacing = Pacing::rate(10.0, 100_000_000);
        assert_eq!(pacing.wait(0), Some(Duration::from_millis(98)));
        assert_eq!(pacing.wait(99_000_000), Some(Duration::ZERO));
        assert_eq!(pacing.wait(200_000_000), Some(Duration::ZERO));
    }

    #[test]
    fn a_closed_loop_keeps_its_number_in_flight() {
        let mut pacing = Pacing::InFlight(2);
        assert_eq!(pacing.due(7, 0), Some(7));
        assert_eq!(pacing.due(8, 1), Some(8));
        assert_eq!(pacing.due(9, 2), None);
        assert_eq!(pacing.wait(9), None);
    }
}
