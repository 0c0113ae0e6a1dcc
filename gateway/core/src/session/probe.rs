//! The WebSocket that offers to take over a polling session (Engine.IO v4,
//! "Upgrade"): `2probe` is answered by `3probe`, then `5` takes over. Anything else
//! fails the probe, and the polling session goes on.

use crate::engine_io::Packet;

/// Where a probing WebSocket stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// Nothing was heard yet.
    #[default]
    Silent,
    /// `2probe` was answered; ordinary messages still go over polling.
    Answered,
}

/// What to do with a probing WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send `3probe`, and let the pending poll go with a noop.
    Answer,
    /// The WebSocket is the session's transport from here on.
    TakeOver,
    /// Close the WebSocket.
    Fail,
}

impl Probe {
    /// Takes one packet of the probing WebSocket.
    pub fn packet(&mut self, packet: &Packet<'_>) -> Step {
        match (*self, packet) {
            (Self::Silent, Packet::Ping("probe")) => {
                *self = Self::Answered;
                Step::Answer
            }
            (Self::Answered, Packet::Upgrade) => Step::TakeOver,
            _ => Step::Fail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_sequence_takes_over() {
        let mut probe = Probe::default();
        assert_eq!(probe.packet(&Packet::Ping("probe")), Step::Answer);
        assert_eq!(probe.packet(&Packet::Upgrade), Step::TakeOver);
        for first in [Packet::Upgrade, Packet::Ping(""), Packet::Message("0"), Packet::Noop] {
            assert_eq!(Probe::default().packet(&first), Step::Fail, "{first:?}");
        }
        let mut twice = Probe::Answered;
        assert_eq!(twice.packet(&Packet::Ping("probe")), Step::Fail);
    }
}
