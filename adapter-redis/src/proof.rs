//! Whether a link carries messages both ways, and which span of time is in doubt when it did not.
//! Pure: it is told what happened and when, and says what follows.
//!
//! A canary is published on one connection of the link and heard on the other, together with the
//! server's word that it is a master. What Redis took before a canary that came back has been
//! heard before it: so the instant at which that canary was sent is the last good proof, and a
//! gap begins there, not where the fault was noticed; or, if another node was not heard since it was
//! sound, where that was heard last: two servers may both have taken themselves for the master. A gap ends with the first canary that was
//! sent after every subscription was live again.
//!
//! Deliberately absent: other nodes' canaries (`peers`), and what is done about a fault.

use std::collections::VecDeque;
use std::fmt;

use roomcast_core::publication::UnixMillis;

/// Without a canary of its own for so long a link is not sound.
pub(crate) const SILENCE_MS: u64 = 5_000;
/// A publication may have waited so long at its node before Redis took it: a gap begins as much earlier.
pub(crate) const MARGIN_MS: u64 = 500;
/// What is subscribed to before the first proof may be acknowledged after so long: then there is a gap too.
pub(crate) const ACKNOWLEDGED_AFTER_MS: u64 = 2_000;
/// Another node that was not heard for so long while this one's canaries came back may have been elsewhere.
pub(crate) const APART_MS: u64 = 1_500;
/// Canaries in flight that are remembered.
const CANARIES_MAX: usize = 64;

/// Why a link is not sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server hung up, or the network did.
    Lost,
    /// No canary came back for [`SILENCE_MS`].
    Silent,
    /// The server says that it is a replica.
    Replica,
    /// Another node publishes somewhere else: its canaries are not heard, though it says that its link is sound.
    /// With the instant at which it was last heard.
    Split(UnixMillis),
    /// Redis holds other subscriptions than it should.
    Subscriptions,
    /// Another node has the same tag: ids could be taken for each other's.
    TagTaken,
}

impl Fault {
    /// Whether what this node published meanwhile may have gone where few hear it, although Redis took it.
    fn deceives(&self) -> bool {
        matches!(self, Self::Silent | Self::Replica | Self::Split(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "the connection was lost",
            Self::Silent => "no publication of our own came back for 5 s",
            Self::Replica => "the server has become a replica",
            Self::Split(_) => "another node publishes to another server",
            Self::TagTaken => "another node has this node's tag: restart this one, and it gets another",
            Self::Subscriptions => "the server does not hold the subscriptions that it should",
        })
    }
}

/// A span of time in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: UnixMillis,
    pub(crate) until: UnixMillis,
}

/// A link has become sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restored {
    /// What may be missing here.
    pub(crate) missed: Option<Span>,
    /// What this node published and others may miss.
    pub(crate) misled: Option<Span>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    /// When the last canary that came back was sent.
    proven: Option<UnixMillis>,
    /// The instant from which publications are in doubt.
    hole_from: Option<UnixMillis>,
    /// Whether ours are, too.
    misled: bool,
    /// When this node last dropped something that came, because it could not take it.
    dropped: Option<UnixMillis>,
    /// When something was first wanted, before any proof.
    wanted: Option<UnixMillis>,
    session: Option<Session>,
}

/// One life of the link's connections.
#[derive(Debug)]
struct Session {
    began: UnixMillis,
    live: Option<UnixMillis>,
    heard: Option<UnixMillis>,
    /// Since when it is sound.
    up: Option<UnixMillis>,
    /// Whether somebody was told that something is live.
    acknowledged: bool,
    /// Since when another node may have been elsewhere.
    apart: Option<UnixMillis>,
    canaries: VecDeque<Canary>,
}

#[derive(Debug)]
struct Canary {
    number: u64,
    sent: UnixMillis,
    heard: bool,
    master: bool,
}

impl Proof {
    /// Something is wanted, whatever the link's state.
    pub(crate) fn wanted(&mut self, now: UnixMillis) {
        if self.proven.is_none() {
            self.wanted.get_or_insert(now);
        }
    }

    /// The connections are there.
    pub(crate) fn connected(&mut self, now: UnixMillis) {
        self.session = Some(Session {
            began: now,
            live: None,
            heard: None,
            up: None,
            acknowledged: false,
            apart: None,
            canaries: VecDeque::new(),
        });
    }

    /// Somebody is told that something is live.
    pub(crate) fn acknowledged(&mut self) {
        if let Some(session) = &mut self.session {
            session.acknowledged = true;
        }
    }

    /// Redis has confirmed all that is wanted.
    pub(crate) fn live(&mut self, now: UnixMillis) {
        if let Some(session) = &mut self.session {
            session.live.get_or_insert(now);
        }
    }

    /// A canary goes out: it says when these connections began, and whether they are sound. `None`: there are none.
    pub(crate) fn sent(&mut self, number: u64, now: UnixMillis) -> Option<(UnixMillis, bool)> {
        let session = self.session.as_mut()?;
        if session.canaries.len() == CANARIES_MAX {
            session.canaries.pop_front();
        }
        session.canaries.push_back(Canary { number, sent: now, heard: false, master: false });
        Some((session.began, session.up.is_some()))
    }

    /// Another node is heard that is sound already, and was last heard at `last`: it became sound elsewhere.
    /// Unless it is known for less long than this link is sound.
    pub(crate) fn stranger(&mut self, since: UnixMillis, last: Option<UnixMillis>) {
        let Some(session) = &mut self.session else { return };
        let Some(up) = session.up.filter(|up| since < *up) else { return };
        let last = last.map_or(up, |last| last.max(up));
        session.apart = Some(session.apart.map_or(last, |apart| apart.min(last)));
    }

    /// Since when another node may have been elsewhere, as far as it is known by now.
    pub(crate) fn apart(&self) -> Option<UnixMillis> {
        self.session.as_ref()?.apart
    }

    /// The server took it, and says that it is a master.
    pub(crate) fn taken(&mut self, number: u64) -> Option<Restored> {
        self.learn(number, |canary| canary.master = true)
    }

    /// It came back.
    pub(crate) fn heard(&mut self, number: u64) -> Option<Restored> {
        self.learn(number, |canary| canary.heard = true)
    }

    fn learn(&mut self, number: u64, note: impl FnOnce(&mut Canary)) -> Option<Restored> {
        let session = self.session.as_mut()?;
        let canary = session.canaries.iter_mut().find(|canary| canary.number == number)?;
        note(canary);
        let (sent, proves) = (canary.sent, canary.heard && canary.master);
        if !proves {
            return None;
        }
        session.canaries.retain(|canary| canary.number > number);
        session.heard = session.heard.max(Some(sent));
        if session.up.is_some() {
            let before = self.proven;
            self.proven = self.proven.max(Some(sent));
            // What came after the drop was taken again: the hole ends here.
            self.dropped.take_if(|dropped| *dropped < sent)?;
            let from = self.hole_from.take().or(before)?;
            return Some(Restored { missed: Some(Span { from, until: sent.max(from) }), misled: None });
        }
        if session.live.is_none_or(|live| sent < live) {
            return None;
        }
        session.up = Some(sent);
        let first = self.proven.is_none();
        self.proven = Some(sent);
        let waited = self.wanted.take().filter(|wanted| sent.saturating_sub(*wanted) >= ACKNOWLEDGED_AFTER_MS);
        let from = self.hole_from.take().or(if first { waited } else { None });
        let misled = std::mem::take(&mut self.misled);
        self.dropped = None;
        let missed = from.map(|from| Span { from, until: sent.max(from) });
        Some(Restored { missed, misled: missed.filter(|_| misled) })
    }

    /// Something that came was dropped: this node could not take it.
    pub(crate) fn dropped(&mut self, now: UnixMillis) {
        if self.hole_from.is_none() {
            self.hole_from = self.proven.map(|proven| proven.saturating_sub(MARGIN_MS));
        }
        self.dropped = Some(now);
    }

    /// Whether the link has been silent for too long, or was not where another node was.
    pub(crate) fn overdue(&self, now: UnixMillis) -> Option<Fault> {
        let session = self.session.as_ref()?;
        if let Some(apart) = session.apart {
            return Some(Fault::Split(apart));
        }
        let last = session.heard.unwrap_or(session.began);
        (now.saturating_sub(last) > SILENCE_MS).then_some(Fault::Silent)
    }

    /// The link is not sound any more. The least recently heard of the other nodes was heard at `together`;
    /// `None`: there is no other.
    pub(crate) fn failed(&mut self, fault: &Fault, together: Option<UnixMillis>) {
        let Some(session) = self.session.take() else { return };
        let Some(up) = session.up else {
            if session.acknowledged && self.proven.is_none() {
                // It was live, and is not any more: whatever else, that is a hole.
                self.hole_from = self.hole_from.or(self.wanted);
            }
            return;
        };
        // Who was not heard may have been elsewhere, for as long as this link was believed.
        let apart = |heard| heard < up || self.proven.is_some_and(|proven| heard + APART_MS < proven);
        let misled = fault.deceives() || session.apart.is_some() || together.is_some_and(apart);
        let together = together.map(|heard| heard.max(up));
        let split = if let Fault::Split(heard) = fault { Some(*heard) } else { None };
        let trusted = [self.proven, together, split, session.apart].into_iter().flatten().min();
        let from = trusted.map(|trusted| trusted.saturating_sub(MARGIN_MS));
        self.hole_from = match (self.hole_from, from) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.misled |= misled;
    }

    /// Sound.
    #[cfg(test)]
    pub(crate) fn is_up(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.up.is_some())
    }

    /// From when on publications of this link would be in doubt if it ended now.
    pub(crate) fn doubt(&self) -> Option<UnixMillis> {
        let proven = self.proven.map(|proven| proven.saturating_sub(MARGIN_MS));
        self.hole_from.or(proven).or(self.wanted)
    }

    /// The last good proof.
    pub(crate) fn proven(&self) -> Option<UnixMillis> {
        self.proven
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link that came up with a canary sent at `at`.
    fn up(at: UnixMillis) -> Proof {
        let mut proof = Proof::default();
        proof.connected(at);
        proof.live(at);
        assert_eq!(echo(&mut proof, 1, at), Some(Restored { missed: None, misled: None }));
        proof
    }

    fn echo(proof: &mut Proof, number: u64, at: UnixMillis) -> Option<Restored> {
        assert!(proof.sent(number, at).is_some());
        assert_eq!(proof.taken(number), None);
        proof.heard(number)
    }

    #[test]
    fn a_gap_begins_at_the_last_good_proof_and_ends_with_the_first_after_all_is_live() {
        let mut proof = up(1_000);
        assert_eq!(echo(&mut proof, 2, 2_000), None);
        let _ = proof.sent(3, 3_000);
        proof.failed(&Fault::Lost, None);
        assert!(!proof.is_up());
        assert_eq!(proof.heard(3), None, "it is of another life");
        proof.connected(9_000);
        assert_eq!(echo(&mut proof, 4, 9_100), None, "not all is live");
        proof.live(9_200);
        assert_eq!(proof.heard(4), None, "it was sent before");
        let missed = Some(Span { from: 2_000 - MARGIN_MS, until: 9_300 });
        assert_eq!(echo(&mut proof, 5, 9_300), Some(Restored { missed, misled: None }));
        assert_eq!((proof.is_up(), proof.proven()), (true, Some(9_300)));
    }

    #[test]
    fn a_life_that_never_came_up_leaves_the_gap_where_it_began() {
        let mut proof = up(1_000);
        proof.failed(&Fault::Silent, None);
        for at in [2_000, 3_000] {
            proof.connected(at);
            proof.failed(&Fault::Lost, None);
        }
        proof.connected(4_000);
        proof.live(4_000);
        let span = Some(Span { from: 500, until: 4_001 });
        assert_eq!(
            echo(&mut proof, 9, 4_001),
            Some(Restored { missed: span, misled: span }),
            "the silence deceived us"
        );
    }

    #[test]
    fn both_the_echo_and_the_servers_word_are_needed() {
        let mut proof = Proof::default();
        proof.connected(0);
        proof.live(0);
        let _ = proof.sent(1, 10);
        assert_eq!(proof.heard(1), None);
        let _ = proof.sent(2, 20);
        assert_eq!(proof.taken(2), None);
        assert!(!proof.is_up());
        assert!(proof.taken(1).is_some() && proof.is_up());
        assert_eq!(proof.proven(), Some(10));
    }

    #[test]
    fn silence_is_counted_from_the_last_canary_that_came_back() {
        let mut proof = up(1_000);
        assert_eq!(proof.overdue(1_000 + SILENCE_MS), None);
        assert_eq!(proof.overdue(1_001 + SILENCE_MS), Some(Fault::Silent));
        echo(&mut proof, 2, 2_000);
        assert_eq!(proof.overdue(1_001 + SILENCE_MS), None);
        assert_eq!(Proof::default().overdue(u64::MAX), None, "there is no connection");
    }

    #[test]
    fn another_servers_publications_are_in_doubt_from_when_they_were_last_heard() {
        let mut proof = up(10_000);
        proof.failed(&Fault::Split(4_000), None);
        proof.connected(11_000);
        proof.live(11_000);
        let span = Some(Span { from: 4_000 - MARGIN_MS, until: 11_000 });
        assert_eq!(echo(&mut proof, 2, 11_000), Some(Restored { missed: span, misled: span }));
    }

    #[test]
    fn who_was_not_heard_may_have_been_elsewhere_since_the_link_is_sound() {
        // Heard all the time, heard last in an earlier life, heard until a while ago, and not heard in a short life.
        let cases = [
            (2_000, 9_800, 9_800, false),
            (2_000, 0, 2_000, true),
            (2_000, 8_000, 8_000, true),
            (9_900, 0, 9_900, true),
        ];
        for (began, together, from, misled) in cases {
            let mut proof = up(began);
            echo(&mut proof, 2, 10_000);
            proof.failed(&Fault::Lost, Some(together));
            proof.connected(11_000);
            proof.live(11_000);
            let span = Some(Span { from: from - MARGIN_MS, until: 11_000 });
            let misled = span.filter(|_| misled);
            assert_eq!(echo(&mut proof, 3, 11_000), Some(Restored { missed: span, misled }), "{together}");
        }
    }

    #[test]
    fn who_comes_to_be_heard_when_it_is_sound_was_elsewhere() {
        // Not heard at all since the link is sound; heard last at some time; known for less long than that.
        for (since, last, apart) in [(0, None, Some(2_000)), (0, Some(3_000), Some(3_000)), (2_500, None, None)] {
            let mut proof = up(2_000);
            proof.stranger(since, last);
            proof.stranger(since, Some(9_000));
            assert_eq!(proof.overdue(4_000), apart.map(Fault::Split), "{since}");
            // Whatever is noticed first.
            echo(&mut proof, 2, 9_500);
            proof.failed(&Fault::Lost, Some(9_600));
            proof.connected(11_000);
            proof.live(11_000);
            let from = apart.unwrap_or(9_500) - MARGIN_MS;
            let span = Some(Span { from, until: 11_000 });
            let misled = span.filter(|_| apart.is_some());
            assert_eq!(echo(&mut proof, 3, 11_000), Some(Restored { missed: span, misled }), "{since}");
        }
        let mut down = Proof::default();
        down.connected(5);
        assert_eq!(down.sent(1, 6), Some((5, false)));
        down.stranger(0, None);
        assert_eq!(down.overdue(7), None, "whatever is missed lies in the hole before");
    }

    #[test]
    fn what_was_dropped_is_a_gap_though_the_link_is_sound() {
        let mut proof = up(1_000);
        echo(&mut proof, 2, 2_000);
        proof.dropped(2_500);
        echo(&mut proof, 3, 2_400);
        proof.dropped(2_600);
        let missed = Some(Span { from: 2_000 - MARGIN_MS, until: 3_000 });
        assert_eq!(echo(&mut proof, 4, 3_000), Some(Restored { missed, misled: None }));
        assert_eq!(echo(&mut proof, 5, 4_000), None);
    }

    #[test]
    fn what_was_live_before_the_first_proof_and_ended_is_a_gap() {
        for acknowledged in [false, true] {
            let mut proof = Proof::default();
            proof.wanted(100);
            proof.connected(150);
            if acknowledged {
                proof.acknowledged();
            }
            proof.failed(&Fault::Lost, None);
            proof.connected(300);
            proof.live(310);
            let missed = acknowledged.then_some(Span { from: 100, until: 400 });
            assert_eq!(echo(&mut proof, 1, 400), Some(Restored { missed, misled: None }));
        }
    }

    #[test]
    fn what_waited_for_the_first_proof_for_long_is_told_of_it() {
        let mut quick = Proof::default();
        quick.wanted(100);
        quick.connected(0);
        quick.live(1_000);
        assert_eq!(echo(&mut quick, 1, 1_000), Some(Restored { missed: None, misled: None }));
        let mut slow = Proof::default();
        slow.wanted(100);
        slow.wanted(2_900);
        slow.connected(2_900);
        slow.live(3_000);
        let missed = Some(Span { from: 100, until: 3_000 });
        assert_eq!(echo(&mut slow, 1, 3_000), Some(Restored { missed, misled: None }));
    }
}
