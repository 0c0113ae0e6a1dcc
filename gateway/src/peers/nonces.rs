//! Nonces that were used: whoever sends a request once more is found out. Pure: time is an argument.
//!
//! A request counts for twice the skew at most (made ahead of our clock, used until it is behind), so
//! that a nonce older than that needs no memory. They are kept by when they came, in a few
//! generations, and a whole generation is forgotten at once.

use std::collections::{HashSet, VecDeque};

use roomcast_core::session::Millis;

use super::signature::SKEW_MS_MAX;

/// How long nonces of one generation come in.
const GENERATION_MS: Millis = 20_000;
/// Generations that are kept besides the one that comes in.
const KEPT: usize = (2 * SKEW_MS_MAX / GENERATION_MS) as usize;

/// Why a nonce does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It was used before.
    Used,
    /// There are too many to remember another: nothing is let in that could come twice.
    Full,
}

/// The nonces of the last minute or so.
#[derive(Debug)]
pub(crate) struct Nonces {
    max: usize,
    held: usize,
    /// The latest first, each with the time that it began.
    generations: VecDeque<(Millis, HashSet<u64>)>,
}

impl Nonces {
    /// None yet; `max` of them at once.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, held: 0, generations: VecDeque::new() }
    }

    /// Uses a nonce up.
    pub(crate) fn take(&mut self, nonce: u64, now: Millis) -> Result<(), Refused> {
        self.forget(now);
        if self.generations.iter().any(|(_, used)| used.contains(&nonce)) {
            return Err(Refused::Used);
        }
        if self.held >= self.max {
            return Err(Refused::Full);
        }
        if self.generations.front().is_none_or(|(begun, _)| now >= begun + GENERATION_MS) {
            self.generations.push_front((now, HashSet::new()));
        }
        if let Some((_, used)) = self.generations.front_mut() {
            used.insert(nonce);
            self.held += 1;
        }
        Ok(())
    }

    fn forget(&mut self, now: Millis) {
        let kept = GENERATION_MS * (KEPT as Millis + 1);
        while let Some((_, gone)) = self.generations.pop_back_if(|(begun, _)| now > *begun + kept) {
            self.held -= gone.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_counts_once_for_as_long_as_its_request_could() {
        let mut nonces = Nonces::new(100);
        for at in [0, 19_999, 20_000, 45_000] {
            assert_eq!(nonces.take(at, at), Ok(()));
            for later in [0, 1, 2 * SKEW_MS_MAX] {
                assert_eq!(nonces.take(at, at + later), Err(Refused::Used), "{at} {later}");
            }
        }
    }

    #[test]
    fn old_ones_are_forgotten_and_make_room() {
        let mut nonces = Nonces::new(2);
        assert_eq!((nonces.take(1, 0), nonces.take(2, 1)), (Ok(()), Ok(())));
        assert_eq!(nonces.take(3, 2), Err(Refused::Full));
        assert_eq!(nonces.take(1, 2), Err(Refused::Used), "it is known, full or not");
        assert_eq!(nonces.take(3, 200_000), Ok(()));
        assert_eq!((nonces.held, nonces.generations.len()), (1, 1));
    }
}
