//! Wishes against a Redis that answers in any order, refuses, and goes away.

use proptest::prelude::*;

use super::*;

fn room(name: &str) -> Owner {
    Owner::Room(Namespace::root(), Room::new(name).expect("a name"))
}

fn want(wishes: &mut Wishes, name: &str) -> Option<oneshot::Receiver<()>> {
    wishes.want(name, Kind::Exact, room(name))
}

/// Asks and confirms until there is nothing left to ask.
fn settle(wishes: &mut Wishes) -> Vec<(Verb, Vec<String>)> {
    let mut asked = Vec::new();
    while let Some((verb, channels)) = wishes.next(2) {
        wishes.confirmed(&channels);
        asked.push((verb, channels));
    }
    asked
}

fn batch(verb: Verb, channels: &[&str]) -> (Verb, Vec<String>) {
    (verb, channels.iter().map(|channel| (*channel).to_owned()).collect())
}

#[test]
fn wishes_are_asked_in_batches_and_are_live_when_confirmed() {
    let mut wishes = Wishes::default();
    let mut told: Vec<_> = ["a", "b", "c"].iter().map(|name| want(&mut wishes, name).expect("not live")).collect();
    assert_eq!(wishes.next(2), Some(batch(Verb::Subscribe, &["a", "b"])));
    assert_eq!(wishes.counts(), None, "some are in flight");
    assert!(told[0].try_recv().is_err());
    wishes.confirmed(&["a".to_owned(), "b".to_owned()]);
    assert!(told[0].try_recv().is_ok() && told[2].try_recv().is_err());
    assert_eq!(settle(&mut wishes), [batch(Verb::Subscribe, &["c"])]);
    assert!(want(&mut wishes, "a").is_none());
    assert_eq!(wishes.counts(), Some([3, 0, 0]));
}

#[test]
fn what_nobody_wants_lingers_and_comes_back_at_no_cost() {
    let mut wishes = Wishes::default();
    drop(want(&mut wishes, "a"));
    settle(&mut wishes);
    wishes.unwant("a", &room("a"), 10);
    wishes.let_go(9);
    assert_eq!((wishes.longest_lingering(), settle(&mut wishes).len()), (Some(10), 0));
    assert!(want(&mut wishes, "a").is_none(), "it was live all the time");
    wishes.let_go(100);
    assert_eq!(settle(&mut wishes), []);
    wishes.unwant("a", &room("a"), 200);
    wishes.let_go(200);
    assert_eq!(settle(&mut wishes), [batch(Verb::Unsubscribe, &["a"])]);
    wishes.let_go(201);
    assert_eq!((settle(&mut wishes).len(), wishes.len(), wishes.counts()), (0, 0, Some([0, 0, 0])));
}

#[test]
fn what_is_wanted_again_while_it_ends_is_asked_for_again() {
    let mut wishes = Wishes::default();
    drop(want(&mut wishes, "a"));
    settle(&mut wishes);
    wishes.unwant("a", &room("a"), 1);
    wishes.let_go(1);
    let ending = wishes.next(9).expect("its end");
    let mut told = want(&mut wishes, "a").expect("not live for long");
    assert_eq!(wishes.next(9), None, "its end is in flight");
    wishes.confirmed(&ending.1);
    assert_eq!(settle(&mut wishes), [batch(Verb::Subscribe, &["a"])]);
    assert!(told.try_recv().is_ok());
}

#[test]
fn a_channel_ends_with_its_last_owner() {
    let mut wishes = Wishes::default();
    let both = [room("x"), Owner::Namespace(Namespace::new("/#x").expect("a name"))];
    for owner in &both {
        drop(wishes.want("c", Kind::Exact, owner.clone()));
        drop(wishes.want("c", Kind::Exact, owner.clone()));
    }
    settle(&mut wishes);
    wishes.unwant("c", &both[0], 1);
    wishes.let_go(5);
    assert_eq!((settle(&mut wishes).len(), wishes.owners().count()), (0, 1));
    wishes.unwant("c", &both[1], 6);
    wishes.let_go(6);
    assert_eq!(settle(&mut wishes), [batch(Verb::Unsubscribe, &["c"])]);
}

#[test]
fn a_new_connection_is_asked_for_all_that_is_wanted_namespaces_first() {
    let mut wishes = Wishes::default();
    for name in ["a", "gone"] {
        drop(want(&mut wishes, name));
    }
    drop(wishes.want("p*", Kind::Pattern, Owner::Node));
    settle(&mut wishes);
    wishes.unwant("gone", &room("gone"), 1);
    wishes.begin_anew();
    let mut told = want(&mut wishes, "a").expect("not live any more");
    assert_eq!(wishes.next(9), Some(batch(Verb::PatternSubscribe, &["p*"])));
    assert_eq!(wishes.next(9), Some(batch(Verb::Subscribe, &["a"])));
    assert_eq!(wishes.next(9), None);
    wishes.confirmed(&["p*".to_owned(), "a".to_owned()]);
    assert!(told.try_recv().is_ok());
    assert_eq!((wishes.counts(), wishes.len()), (Some([1, 1, 0]), 2));
}

#[test]
fn a_connection_is_renewed_whatever_is_wanted_meanwhile() {
    let mut wishes = Wishes::default();
    for name in ["a", "b", "c"] {
        drop(want(&mut wishes, name));
    }
    wishes.begin_anew();
    let mut asked = Vec::new();
    for number in 0..2 {
        assert!(!wishes.is_renewed());
        // Rooms come and go all the time.
        drop(want(&mut wishes, &format!("new {number}")));
        let (_, channels) = wishes.next(2).expect("never at rest");
        wishes.confirmed(&channels);
        asked.extend(channels);
    }
    assert!(wishes.is_renewed() && ["a", "b", "c"].iter().all(|name| asked.contains(&(*name).to_owned())));
}

#[test]
fn a_channel_that_is_wanted_at_its_new_place_already_is_told_of_its_hole() {
    for live in [false, true] {
        let (mut from, mut to) = (Wishes::default(), Wishes::default());
        let mut waits = from.want("s", Kind::Shard, room("s")).expect("not live");
        drop(to.want("s", Kind::Shard, room("other")));
        if live {
            settle(&mut to);
        }
        for moving in from.leave(|_| true, Some(7)) {
            to.arrive(moving);
        }
        assert_eq!(to.counts(), None, "it is to be asked for");
        let asked = to.next(9).expect("asked for, again if it was before");
        let owners = vec![room("other"), room("s")];
        assert_eq!(to.confirmed(&asked.1), [Mended { owners, from: 7 }]);
        assert!(waits.try_recv().is_ok() && settle(&mut to).is_empty());
    }
}

#[test]
fn a_channel_that_moved_mends_its_own_hole() {
    let (mut from, mut to) = (Wishes::default(), Wishes::default());
    drop(from.want("s", Kind::Shard, room("s")));
    drop(from.want("stays", Kind::Shard, room("stays")));
    settle(&mut from);
    from.lost("s", Some(7));
    for moving in from.leave(|channel| channel == "s", Some(9)) {
        to.arrive(moving);
    }
    assert_eq!((settle(&mut from).len(), from.counts()), (0, Some([0, 0, 1])));
    let asked = to.next(9).expect("asked for at its new place");
    assert_eq!(asked, batch(Verb::ShardSubscribe, &["s"]));
    assert_eq!(to.confirmed(&asked.1), [Mended { owners: vec![room("s")], from: 7 }]);
    assert!(to.want("s", Kind::Shard, room("s")).is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Want(u8),
    Unwant(u8),
    LetGo,
    Ask,
    Confirm,
    Refuse,
    Anew,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6u8).prop_map(Step::Want),
        4 => (0..6u8).prop_map(Step::Unwant),
        2 => Just(Step::LetGo),
        3 => Just(Step::Ask),
        3 => Just(Step::Confirm),
        1 => Just(Step::Refuse),
        1 => Just(Step::Anew),
    ];
    proptest::collection::vec(step, 1..80)
}

proptest! {
    /// Whatever happens in whatever order, once Redis has answered all it is asked, it holds exactly what
    /// is wanted or lingers, and everybody who waited for something wanted was told.
    #[test]
    fn redis_ends_up_with_what_is_wanted(steps in steps()) {
        let mut wishes = Wishes::default();
        let mut redis = BTreeSet::new();
        let mut wanted = BTreeSet::new();
        let mut flying: VecDeque<(Verb, Vec<String>)> = VecDeque::new();
        let mut waiting = Vec::new();
        let mut now = 0;
        let carry_out = |redis: &mut BTreeSet<String>, (verb, channels): &(Verb, Vec<String>)| {
            for channel in channels {
                if *verb == Verb::Subscribe { redis.insert(channel.clone()); } else { redis.remove(channel); }
            }
        };
        for step in steps {
            now += 1;
            match step {
                Step::Want(n) => {
                    wanted.insert(n.to_string());
                    if let Some(told) = want(&mut wishes, &n.to_string()) { waiting.push((n.to_string(), told)); }
                    else { prop_assert!(redis.contains(&n.to_string())); }
                }
                Step::Unwant(n) => {
                    wanted.remove(&n.to_string());
                    waiting.retain(|(name, _)| *name != n.to_string());
                    wishes.unwant(&n.to_string(), &room(&n.to_string()), now);
                }
                Step::LetGo => wishes.let_go(now),
                Step::Ask => flying.extend(wishes.next(2)),
                Step::Confirm => if let Some(batch) = flying.pop_front() {
                    carry_out(&mut redis, &batch);
                    wishes.confirmed(&batch.1);
                },
                Step::Refuse => if let Some((verb, channels)) = flying.pop_front() {
                    // Only beginnings are ever refused.
                    if verb == Verb::Subscribe { for channel in &channels { wishes.lost(channel, None); } }
                    else { carry_out(&mut redis, &(verb, channels.clone())); wishes.confirmed(&channels); }
                },
                Step::Anew => { redis.clear(); flying.clear(); wishes.begin_anew(); }
            }
        }
        for _ in 0..4 {
            wishes.let_go(u64::MAX);
            flying.extend(wishes.next(2));
            while let Some(batch) = flying.pop_front().or_else(|| wishes.next(2)) {
                carry_out(&mut redis, &batch);
                wishes.confirmed(&batch.1);
            }
        }
        prop_assert_eq!(&redis, &wanted);
        prop_assert_eq!(wishes.counts(), Some([wanted.len(), 0, 0]));
        prop_assert_eq!(wishes.len(), wanted.len());
        for (name, mut told) in waiting {
            prop_assert!(told.try_recv().is_ok(), "nobody told of {}", name);
        }
    }
}
