//! The judgement over a run: every message is delivered once, or its loss was told.
//!
//! For each node, from the moment on that it had joined:
//!
//! - what was accepted was delivered exactly once, or lies in a gap that the node declared for its room;
//! - what was refused was never delivered;
//! - what has an unknown outcome was delivered at most once, and if any node got it, it counts as accepted;
//! - a gap begins at most 2 s before the first missing number that lies in it and ends at most 2 s after the
//!   last; missing is what was not delivered, whatever its outcome. A gap in which nothing is missing may
//!   last as long as one around a single instant: 4 s;
//! - a run without a fault has no gap.
//!
//! A publication is somewhere between its sending and its answer; it lies in a gap if these two spans touch.

use std::fmt;

use roomcast_core::cluster::Gap;
use roomcast_core::publication::UnixMillis;

use super::ledger::{Ledger, NodeIndex, Number, Outcome, Published};

/// How much longer than the loss a gap may be, on each side.
pub(crate) const SLACK_MS: UnixMillis = 2000;

/// Whether something was broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Some,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The publisher was never told the outcome.
    NeverAnswered(Number),
    /// Delivered, but never published.
    NeverSent(NodeIndex, Number),
    /// Taken by the backend, not delivered, and no gap says so.
    Lost(NodeIndex, Number),
    Twice(NodeIndex, Number),
    /// Said to be refused, and delivered all the same.
    RefusedArrived(NodeIndex, Number),
    /// A gap without a fault.
    Unfounded(NodeIndex, Gap),
    /// A gap that ends before it begins.
    Backwards(NodeIndex, Gap),
    /// A gap that begins so many milliseconds before the first missing number.
    TooEarly(NodeIndex, Gap, UnixMillis),
    /// A gap that ends so many milliseconds after the last missing number.
    TooLate(NodeIndex, Gap, UnixMillis),
    /// A gap of some length in which nothing is missing.
    NothingMissing(NodeIndex, Gap),
}

/// What a run without violations had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) accepted: usize,
    pub(crate) refused: usize,
    pub(crate) unknown: usize,
    /// Accepted numbers that some node did not get, within its gaps, summed over the nodes.
    pub(crate) missing: usize,
    pub(crate) gaps: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, refused, unknown, missing, gaps } = self;
        write!(f, "{accepted} accepted, {refused} refused, {unknown} unknown; {missing} missing in {gaps} gaps")
    }
}

/// Judges a run.
pub(crate) fn judge(ledger: &Ledger, fault: Fault) -> Result<Summary, Vec<Violation>> {
    let mut summary = Summary { gaps: ledger.gaps.len(), ..Summary::default() };
    let mut violations = Vec::new();
    for (number, published) in &ledger.published {
        judge_number(ledger, *number, published, &mut summary, &mut violations);
    }
    for (node, number) in ledger.deliveries.keys() {
        if !ledger.published.contains_key(number) {
            violations.push(Violation::NeverSent(*node, *number));
        }
    }
    for (node, gap) in &ledger.gaps {
        judge_gap(ledger, *node, gap, fault, &mut violations);
    }
    if violations.is_empty() { Ok(summary) } else { Err(violations) }
}

fn times_delivered(ledger: &Ledger, node: NodeIndex, number: Number) -> usize {
    ledger.deliveries.get(&(node, number)).map_or(0, Vec::len)
}

fn judge_number(
    ledger: &Ledger,
    number: Number,
    published: &Published,
    summary: &mut Summary,
    violations: &mut Vec<Violation>,
) {
    let Some((outcome, _)) = published.answered else {
        violations.push(Violation::NeverAnswered(number));
        return;
    };
    let taken = match outcome {
        Outcome::Accepted => true,
        Outcome::Unavailable => false,
        Outcome::Unknown => ledger.joined.keys().any(|node| times_delivered(ledger, *node, number) > 0),
    };
    match outcome {
        Outcome::Accepted => summary.accepted += 1,
        Outcome::Unavailable => summary.refused += 1,
        Outcome::Unknown => summary.unknown += 1,
    }
    for (node, joined) in &ledger.joined {
        match times_delivered(ledger, *node, number) {
            0 if taken && published.sent_at >= *joined => {
                let told = |(whose, gap): &(NodeIndex, Gap)| whose == node && lies_in(published, gap);
                if ledger.gaps.iter().any(told) {
                    summary.missing += 1;
                } else {
                    violations.push(Violation::Lost(*node, number));
                }
            }
            0 => {}
            _ if outcome == Outcome::Unavailable => violations.push(Violation::RefusedArrived(*node, number)),
            1 => {}
            _ => violations.push(Violation::Twice(*node, number)),
        }
    }
}

fn lies_in(published: &Published, gap: &Gap) -> bool {
    let until = published.answered.map_or(UnixMillis::MAX, |(_, at)| at);
    let concerned = gap.rooms.is_empty() || gap.rooms.contains(&published.room);
    concerned && published.sent_at <= gap.until && until >= gap.from
}

fn judge_gap(ledger: &Ledger, node: NodeIndex, gap: &Gap, fault: Fault, violations: &mut Vec<Violation>) {
    if fault == Fault::None {
        violations.push(Violation::Unfounded(node, gap.clone()));
    }
    if gap.until < gap.from {
        violations.push(Violation::Backwards(node, gap.clone()));
        return;
    }
    let missing = || {
        let not_here = |number: &Number| times_delivered(ledger, node, *number) == 0;
        ledger.published.iter().filter(move |(number, published)| not_here(number) && lies_in(published, gap))
    };
    let first = missing().map(|(_, published)| published.sent_at).min();
    let last = missing().filter_map(|(_, published)| published.answered.map(|(_, at)| at)).max();
    let (Some(first), Some(last)) = (first, last) else {
        if gap.until - gap.from > 2 * SLACK_MS {
            violations.push(Violation::NothingMissing(node, gap.clone()));
        }
        return;
    };
    let (early, late) = (first.saturating_sub(gap.from), gap.until.saturating_sub(last));
    if early > SLACK_MS {
        violations.push(Violation::TooEarly(node, gap.clone(), early));
    }
    if late > SLACK_MS {
        violations.push(Violation::TooLate(node, gap.clone(), late));
    }
}
