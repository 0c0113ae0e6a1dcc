//! When to ping, and when a silent peer is dead (protocol: Engine.IO v4 section
//! "Heartbeat"; the plain protocol uses the same rules with WebSocket pings).

use super::{Due, Millis, Rules};
use crate::close::CloseReason;

/// The heartbeat of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Heartbeat {
    deadline: Millis,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The next ping goes out at the deadline.
    Quiet,
    /// A pong is awaited until the deadline.
    Awaiting,
    /// The same, and another packet has moved the deadline once already.
    Refreshed,
}

impl Heartbeat {
    /// The first ping goes out one interval after `now`.
    pub fn new(now: Millis, rules: &Rules) -> Self {
        Self { deadline: now.saturating_add(rules.ping_interval), phase: Phase::Quiet }
    }

    /// A pong came. Without a ping before it, it means nothing.
    pub fn pong(&mut self, now: Millis, rules: &Rules) {
        if self.phase != Phase::Quiet {
            *self = Self::new(now, rules);
        }
    }

    /// Something else came. While a pong is awaited, the first such packet moves the
    /// deadline once: a busy upload may hold a pong back.
    pub fn other(&mut self, now: Millis, rules: &Rules) {
        if self.phase == Phase::Awaiting {
            self.deadline = now.saturating_add(rules.ping_timeout);
            self.phase = Phase::Refreshed;
        }
    }

    /// For the `unread` milliseconds before `now` the peer was not read from: a pong may have come, and
    /// has as long as it had. Never longer than if the ping went out now.
    pub fn forgive(&mut self, unread: Millis, now: Millis, rules: &Rules) {
        if self.phase != Phase::Quiet {
            let latest = now.saturating_add(rules.ping_timeout);
            self.deadline = self.deadline.saturating_add(unread).min(latest.max(self.deadline));
        }
    }

    /// Whether the pong's deadline has passed; judged at arrivals too, not by timer alone.
    pub fn is_overdue(&self, now: Millis) -> bool {
        self.phase != Phase::Quiet && now >= self.deadline
    }

    /// When [`Heartbeat::due`] wants to be asked next.
    pub fn deadline(&self) -> Millis {
        self.deadline
    }

    /// What is due at `now`.
    pub fn due(&mut self, now: Millis, rules: &Rules) -> Due {
        if now < self.deadline {
            return Due::Nothing;
        }
        if self.phase != Phase::Quiet {
            return Due::Close(CloseReason::PingTimeout);
        }
        self.phase = Phase::Awaiting;
        self.deadline = now.saturating_add(rules.ping_timeout);
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        ping_interval: 25_000,
        ping_timeout: 20_000,
        connect_timeout: 45_000,
        message_bytes_max: 100,
        message_timeout: 30_000,
    };

    #[test]
    fn pings_after_the_interval_and_counts_from_the_pong() {
        let mut beat = Heartbeat::new(0, &RULES);
        assert_eq!(beat.due(24_999, &RULES), Due::Nothing);
        assert_eq!(beat.due(25_000, &RULES), Due::Ping);
        beat.pong(26_000, &RULES);
        assert_eq!(beat.deadline(), 51_000);
        assert_eq!(beat.due(51_000, &RULES), Due::Ping);
    }

    #[test]
    fn a_silent_peer_is_dead_after_the_timeout() {
        let mut beat = Heartbeat::new(0, &RULES);
        assert_eq!(beat.due(25_000, &RULES), Due::Ping);
        assert!(!beat.is_overdue(44_999));
        assert!(beat.is_overdue(45_000));
        assert_eq!(beat.due(45_000, &RULES), Due::Close(CloseReason::PingTimeout));
    }

    #[test]
    fn another_packet_moves_the_pongs_deadline_once() {
        let mut beat = Heartbeat::new(0, &RULES);
        beat.other(10, &RULES);
        assert_eq!(beat.deadline(), 25_000);
        assert_eq!(beat.due(25_000, &RULES), Due::Ping);
        beat.other(40_000, &RULES);
        assert_eq!(beat.deadline(), 60_000);
        beat.other(50_000, &RULES);
        assert_eq!(beat.deadline(), 60_000);
    }

    #[test]
    fn time_in_which_nobody_reads_is_not_the_peers() {
        let mut beat = Heartbeat::new(0, &RULES);
        beat.forgive(5_000, 10_000, &RULES);
        assert_eq!(beat.deadline(), 25_000, "the next ping does not wait");
        assert_eq!(beat.due(25_000, &RULES), Due::Ping);
        beat.forgive(4_000, 30_000, &RULES);
        assert_eq!(beat.deadline(), 49_000);
        // A time that began before the ping counts from the ping.
        beat.forgive(30_000, 48_000, &RULES);
        assert_eq!(beat.deadline(), 68_000);
        assert!(!beat.is_overdue(67_999));
        assert_eq!(beat.due(68_000, &RULES), Due::Close(CloseReason::PingTimeout));
    }

    #[test]
    fn a_pong_nobody_asked_for_means_nothing() {
        let mut beat = Heartbeat::new(0, &RULES);
        beat.pong(20_000, &RULES);
        assert_eq!(beat.deadline(), 25_000);
    }
}
