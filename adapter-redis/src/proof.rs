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
mod tests;
