//! Links that come up, fail, and turn out to have been elsewhere.

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
    assert_eq!(echo(&mut proof, 9, 4_001), Some(Restored { missed: span, misled: span }), "the silence deceived us");
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
    let cases =
        [(2_000, 9_800, 9_800, false), (2_000, 0, 2_000, true), (2_000, 8_000, 8_000, true), (9_900, 0, 9_900, true)];
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
