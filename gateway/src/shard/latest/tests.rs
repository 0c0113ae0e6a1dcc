//! Outboxes whose entries supersede each other, against a model that looks at everything.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use roomcast_core::delivery::{Delivery, Variant};
use roomcast_core::publication::{Audience, Payload, Publication};
use roomcast_core::room::Namespace;

use super::*;
use crate::shard::outbox::{Bounds, Outbox, Put};

const WIRE: Variant = Variant::PlainWebSocket;
const ROOMY: Bounds = Bounds { bytes_max: 1 << 30, age_max: 10 };

fn item(class: Class, key: usize, text: &str) -> Rc<Item> {
    let payload = Payload::from_data(&format!(r#"["x","{text}"]"#), Vec::new()).expect("an event");
    let mut publication = Publication::new("id".into(), Namespace::root(), Audience::everybody(), payload, 0);
    publication.class = class;
    publication.key = (class == Class::Latest).then(|| format!("k{key}").into());
    Rc::new(Item { number: 1, delivery: Arc::new(Delivery::new(publication, None)), bytes: 0 })
}

#[test]
fn what_is_superseded_is_found_without_a_look_at_what_else_waits() {
    const KEYS: usize = 2000;
    let mut outbox = Outbox::new();
    for key in 0..KEYS {
        assert_eq!(outbox.put(&item(Class::Latest, key, "old"), WIRE, true, 0, ROOMY), Put::Queued);
    }
    let before = STEPS.get();
    for key in (0..KEYS).rev() {
        let put = outbox.put(&item(Class::Latest, key, "new"), WIRE, true, 0, ROOMY);
        assert_eq!(put, Put::Superseded, "{key}");
        // The client reads a little now and then, which must not cost a scan either.
        if key % 10 == 9 {
            let front = outbox.front(WIRE, 1);
            outbox.advance(&front, front[0].len());
            assert_eq!(outbox.drop_volatile(WIRE), 0);
            assert_eq!(outbox.put(&item(Class::Latest, KEYS + key, "more"), WIRE, true, 0, ROOMY), Put::Queued);
        }
        if key == KEYS / 2 {
            break;
        }
    }
    let steps = STEPS.get() - before;
    assert!(steps <= 10 * KEYS, "{steps} steps");
}

#[test]
fn one_that_supersedes_keeps_to_the_bound_too() {
    let bounds = Bounds { bytes_max: 10_000, age_max: 10 };
    let (small, large) = ("a", "a".repeat(9_000));
    let mut outbox = Outbox::new();
    for key in 0..2 {
        assert_eq!(outbox.put(&item(Class::Latest, key, small), WIRE, true, 0, bounds), Put::Queued);
    }
    assert_eq!(outbox.put(&item(Class::Latest, 0, &large), WIRE, true, 0, bounds), Put::Superseded);
    let full = outbox.bytes();
    assert_eq!(outbox.put(&item(Class::Latest, 1, &large), WIRE, true, 0, bounds), Put::Overflow);
    assert_eq!(outbox.bytes(), full, "nothing came of it");
    // What takes no more than what it replaces always fits, and so does any one that waits alone.
    assert_eq!(outbox.put(&item(Class::Latest, 1, small), WIRE, true, 0, bounds), Put::Superseded);
    let mut outbox = Outbox::new();
    assert_eq!(outbox.put(&item(Class::Latest, 0, small), WIRE, true, 0, bounds), Put::Queued);
    assert_eq!(outbox.put(&item(Class::Latest, 0, &"a".repeat(20_000)), WIRE, true, 0, bounds), Put::Superseded);
    assert_eq!(outbox.put(&item(Class::Latest, 0, &"a".repeat(20_000)), WIRE, true, 0, bounds), Put::Superseded);
}

#[derive(Clone, Debug)]
enum Op {
    /// A publication of this class and key, to a client that is behind or not.
    Put(Class, usize, bool),
    /// So many entries are written, and so many bytes of the next.
    Write(usize, usize),
    FallBehind,
}

fn op() -> impl Strategy<Value = Op> {
    let class = prop_oneof![6 => Just(Class::Latest), 1 => Just(Class::Reliable), 1 => Just(Class::Volatile)];
    prop_oneof![
        8 => (class, 0..5usize, prop::bool::weighted(0.8)).prop_map(|(class, key, behind)| Op::Put(class, key, behind)),
        3 => (0..4usize, 0..3usize).prop_map(|(entries, bytes)| Op::Write(entries, bytes)),
        1 => Just(Op::FallBehind),
    ]
}

/// What waits, and the publication that it is while none of it is written.
type Model = VecDeque<(Bytes, Option<(Class, usize)>)>;

fn put(model: &mut Model, class: Class, key: usize, behind: bool, bytes: Bytes) -> Put {
    let whole = Some((class, key));
    let newest = model.iter_mut().rev().find(|(_, waits)| *waits == whole);
    match (behind, class, newest) {
        (true, Class::Volatile, _) => return Put::Dropped,
        (true, Class::Latest, Some(newest)) => {
            newest.0 = bytes;
            return Put::Superseded;
        }
        _ => model.push_back((bytes, whole)),
    }
    Put::Queued
}

fn write(model: &mut Model, mut written: usize) {
    while let Some((bytes, whole)) = model.front_mut().filter(|_| written > 0) {
        if written < bytes.len() {
            (*bytes, *whole) = (bytes.slice(written..), None);
            return;
        }
        written -= bytes.len();
        model.pop_front();
    }
}

proptest! {
    #[test]
    fn the_newest_of_a_key_takes_the_place_of_the_newest_that_waits(ops in prop::collection::vec(op(), 1..200)) {
        let (mut outbox, mut model) = (Outbox::new(), Model::new());
        for (n, op) in ops.into_iter().enumerate() {
            match op {
                Op::Put(class, key, behind) => {
                    let item = item(class, key, &n.to_string());
                    let expected = put(&mut model, class, key, behind, item.delivery.encoded(WIRE).clone());
                    prop_assert_eq!(outbox.put(&item, WIRE, behind, 0, ROOMY), expected);
                }
                Op::Write(entries, bytes) => {
                    let front = outbox.front(WIRE, 64);
                    let whole: usize = front.iter().take(entries).map(Bytes::len).sum();
                    let written = (whole + bytes).min(front.iter().map(Bytes::len).sum());
                    outbox.advance(&front, written);
                    write(&mut model, written);
                }
                Op::FallBehind => {
                    outbox.drop_volatile(WIRE);
                    model.retain(|(_, whole)| !matches!(whole, Some((Class::Volatile, _))));
                }
            }
            let waiting: Vec<Bytes> = model.iter().map(|(bytes, _)| bytes.clone()).collect();
            prop_assert_eq!(outbox.bytes(), waiting.iter().map(Bytes::len).sum::<usize>());
            prop_assert_eq!(outbox.front(WIRE, usize::MAX), waiting);
        }
    }
}
