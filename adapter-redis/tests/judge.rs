//! The judge of the fault tests is fair: it finds what is wrong, and nothing where nothing is.

use std::sync::Arc;

use roomcast_core::adapter::MemoryBus;
use roomcast_core::cluster::Gap;
use roomcast_core::id::NodeTag;
use roomcast_core::publication::UnixMillis;

#[path = "support/support.rs"]
mod support;

use support::ledger::{Ledger, Outcome};
use support::node::{Node, Shared, now, room};
use support::run::Run;
use support::verdict::{Fault, Summary, Violation, judge};

/// Numbers of a run: one every 100 ms, from number 10 at 1000 ms on.
const NUMBERS: std::ops::Range<u64> = 10..110;
const NODES: usize = 3;

fn gap(from: UnixMillis, until: UnixMillis) -> Gap {
    Gap { namespace: None, rooms: Vec::new(), from, until }
}

/// A run in which numbers 50 to 59, sent from 5000 ms on, have `outcome` and arrive nowhere.
fn run(outcome: Outcome) -> Ledger {
    let mut ledger = Ledger::default();
    for node in 0..NODES {
        ledger.joined(node, 0);
    }
    for number in NUMBERS {
        let at = number * 100;
        let inside = (50..60).contains(&number);
        ledger.sent(number, number as usize % NODES, room("a"), at);
        ledger.answered(number, if inside { outcome } else { Outcome::Accepted }, at + 5);
        for node in 0..NODES {
            if !inside {
                ledger.delivered(number, node, at + 7);
            }
        }
    }
    ledger
}

/// The same, with a gap at each node.
fn run_with_gaps(outcome: Outcome, from: UnixMillis, until: UnixMillis) -> Ledger {
    let mut ledger = run(outcome);
    for node in 0..NODES {
        ledger.gap(node, gap(from, until));
    }
    ledger
}

fn violations(ledger: &Ledger, fault: Fault) -> Vec<Violation> {
    judge(ledger, fault).expect_err("something is wrong")
}

#[test]
fn what_was_accepted_arrives_or_lies_in_a_gap_of_that_node() {
    let mut ledger = run_with_gaps(Outcome::Accepted, 4000, 7000);
    let summary = judge(&ledger, Fault::Some).expect("all is told");
    assert_eq!(summary, Summary { accepted: 100, missing: 30, gaps: 3, ..Summary::default() });

    // The gap of another node tells this one's clients nothing.
    ledger.gaps.retain(|(node, _)| *node != 1);
    let lost: Vec<_> = (50..60).map(|number| Violation::Lost(1, number)).collect();
    assert_eq!(violations(&ledger, Fault::Some), lost);
}

#[test]
fn a_gap_covers_what_touches_it_and_only_its_rooms() {
    assert!(judge(&run_with_gaps(Outcome::Accepted, 5005, 5900), Fault::Some).is_ok());
    let late = run_with_gaps(Outcome::Accepted, 5006, 5900);
    assert_eq!(violations(&late, Fault::Some), [0, 1, 2].map(|node| Violation::Lost(node, 50)));
    let early = run_with_gaps(Outcome::Accepted, 5005, 5899);
    assert_eq!(violations(&early, Fault::Some), [0, 1, 2].map(|node| Violation::Lost(node, 59)));

    let mut ledger = run_with_gaps(Outcome::Accepted, 5000, 6000);
    for (node, gap) in &mut ledger.gaps {
        gap.rooms = vec![room(if *node == 2 { "b" } else { "a" })];
    }
    let lost: Vec<_> = (50..60).map(|number| Violation::Lost(2, number)).collect();
    assert_eq!(violations(&ledger, Fault::Some), lost);
}

#[test]
fn a_node_is_owed_nothing_from_before_it_joined() {
    let mut ledger = run(Outcome::Accepted);
    for node in 0..NODES {
        ledger.joined(node, 6000);
    }
    assert!(judge(&ledger, Fault::None).is_ok());
    ledger.joined(0, 5900);
    assert_eq!(violations(&ledger, Fault::None), [Violation::Lost(0, 59)]);
}

#[test]
fn nothing_arrives_twice_not_even_inside_a_gap() {
    for number in [20, 55] {
        let mut ledger = run_with_gaps(Outcome::Accepted, 5000, 6000);
        ledger.delivered(number, 1, 9000);
        ledger.delivered(number, 1, 9001);
        assert_eq!(violations(&ledger, Fault::Some), [Violation::Twice(1, number)]);
    }
}

#[test]
fn what_was_refused_arrives_nowhere_and_needs_no_gap() {
    let mut ledger = run(Outcome::Unavailable);
    let summary = judge(&ledger, Fault::Some).expect("refused is told");
    assert_eq!((summary.accepted, summary.refused), (90, 10));
    ledger.delivered(55, 1, 5600);
    assert_eq!(violations(&ledger, Fault::Some), [Violation::RefusedArrived(1, 55)]);
}

#[test]
fn what_is_unknown_may_arrive_nowhere_or_everywhere() {
    let mut ledger = run(Outcome::Unknown);
    assert_eq!(judge(&ledger, Fault::Some).expect("nobody got them").unknown, 10);
    ledger.delivered(55, 1, 5600);
    assert_eq!(violations(&ledger, Fault::Some), [Violation::Lost(0, 55), Violation::Lost(2, 55)]);
    ledger.delivered(55, 0, 5600);
    ledger.delivered(55, 2, 5600);
    assert!(judge(&ledger, Fault::Some).is_ok());
    ledger.delivered(55, 2, 5601);
    assert_eq!(violations(&ledger, Fault::Some), [Violation::Twice(2, 55)]);
}

#[test]
fn a_gap_is_no_longer_than_the_loss_and_two_seconds_on_each_side() {
    for outcome in [Outcome::Accepted, Outcome::Unavailable, Outcome::Unknown] {
        // Missing from 5000 ms (sent) to 5905 ms (answered).
        assert!(judge(&run_with_gaps(outcome, 3000, 7905), Fault::Some).is_ok(), "{outcome:?}");
        let early = violations(&run_with_gaps(outcome, 2999, 7905), Fault::Some);
        assert_eq!(early, [0, 1, 2].map(|node| Violation::TooEarly(node, gap(2999, 7905), 2001)));
        let late = violations(&run_with_gaps(outcome, 3000, 7906), Fault::Some);
        assert_eq!(late, [0, 1, 2].map(|node| Violation::TooLate(node, gap(3000, 7906), 2001)));
    }
}

#[test]
fn a_gap_in_which_nothing_is_missing_is_short() {
    let mut ledger = run(Outcome::Unavailable);
    ledger.gap(1, gap(1000, 4900));
    assert!(judge(&ledger, Fault::Some).is_ok());
    ledger.gaps[0].1.from = 800;
    assert_eq!(violations(&ledger, Fault::Some), [Violation::NothingMissing(1, gap(800, 4900))]);
    ledger.gaps[0].1 = gap(3000, 2000);
    assert_eq!(violations(&ledger, Fault::Some), [Violation::Backwards(1, gap(3000, 2000))]);
}

#[test]
fn without_a_fault_there_is_no_gap() {
    let mut ledger = Ledger::default();
    assert!(judge(&ledger, Fault::None).is_ok());
    ledger.gap(0, gap(1, 2));
    assert_eq!(violations(&ledger, Fault::None), [Violation::Unfounded(0, gap(1, 2))]);
}

#[test]
fn every_publisher_is_answered_and_nothing_comes_from_nowhere() {
    let mut ledger = run(Outcome::Unavailable);
    ledger.sent(200, 0, room("a"), 20_000);
    assert_eq!(violations(&ledger, Fault::Some), [Violation::NeverAnswered(200)]);
    let mut ledger = run(Outcome::Unavailable);
    ledger.delivered(999, 2, 20_000);
    assert_eq!(violations(&ledger, Fault::Some), [Violation::NeverSent(2, 999)]);
}

#[test]
fn it_flows_again_when_every_node_hears_every_publisher_in_every_room() {
    let mut ledger = run(Outcome::Unavailable);
    assert_eq!(ledger.flowed(5000), Some(6207), "the third publisher's first one, number 62");
    ledger.sent(300, 0, room("b"), 4000);
    assert_eq!(ledger.flowed(5000), None, "nothing in room b since then");
    ledger.sent(301, 0, room("b"), 9000);
    for node in 0..NODES {
        assert_eq!(ledger.flowed(5000), None, "not at node {node}");
        ledger.delivered(301, node, 9100 + node as u64);
    }
    assert_eq!(ledger.flowed(5000), Some(9102));
    assert_eq!(Ledger::default().flowed(0), None);
}

#[tokio::test]
async fn a_run_over_an_adapter_that_loses_nothing_has_no_gap() {
    let (bus, ledger) = (MemoryBus::new(), Shared::default());
    let join = |index: usize| {
        let (adapter, events) = bus.join(NodeTag::from_entropy([index as u8, 0, 0]));
        Node::hear(index, Arc::new(adapter), events, &ledger)
    };
    let nodes: Vec<_> = (0..NODES).map(join).collect();
    let began = now();
    let run = Run::start("in memory", nodes, vec![room("a"), room("b")], ledger.clone()).await;
    run.stream.flood(&room("a"), 20, 1000).await;
    let facts = run.end(began, Fault::None).await;
    let summary = judge(&facts, Fault::None).expect("nothing is lost");
    assert!(summary.accepted > 100, "{summary}");
    assert_eq!(summary, Summary { accepted: summary.accepted, ..Summary::default() });
}
