//! The conformance suite on in-memory nodes, and what only this adapter promises.

use std::task::{Context, Poll, Waker};

use super::bus::LINE_MAX;
use super::*;
use crate::adapter::suite::{self, Fixture, Node};
use crate::publication::{Audience, Payload};

/// Nodes with queues of so many events.
struct Memory {
    events_max: usize,
}

fn tag(n: usize) -> NodeTag {
    NodeTag::from_entropy([1, 2, n as u8])
}

impl Fixture for Memory {
    async fn nodes(&self, count: usize) -> Vec<Node> {
        let bus = MemoryBus::new();
        let node = |n| {
            let (adapter, events) = bus.join_with(tag(n), self.events_max);
            Node { tag: tag(n), adapter: Arc::new(adapter), events }
        };
        (0..count).map(node).collect()
    }
}

mod conformance {
    use super::Memory;
    use crate::adapter::EVENTS_MAX;

    crate::adapter_suite!(tests: Memory { events_max: EVENTS_MAX });
}

#[tokio::test]
async fn the_whole_suite_runs_in_one_call() {
    suite::run(&Memory { events_max: 128 }).await;
}

#[tokio::test]
async fn a_slow_reader_of_a_full_queue_loses_nothing() {
    for events_max in [1, 7] {
        let fixture = Memory { events_max };
        let case = suite::a_slow_reader_loses_nothing(&fixture);
        suite::judge("a_slow_reader_loses_nothing", &fixture, case).await;
    }
}

fn root() -> Namespace {
    Namespace::root()
}

fn publication(id: usize) -> Publication {
    let payload = Payload::from_data("[\"x\"]", Vec::new()).expect("a payload");
    Publication::new(id.to_string().as_str().into(), root(), Audience::everybody(), payload, 0)
}

/// Nodes with the main namespace open and queues of so many events.
fn opened<const N: usize>(queues: [usize; N]) -> [(MemoryAdapter, Events); N] {
    let bus = MemoryBus::new();
    let mut n = 0;
    queues.map(|events_max| {
        n += 1;
        let (adapter, events) = bus.join_with(tag(n), events_max);
        adapter.open(&root());
        (adapter, events)
    })
}

fn ids(events: &mut Events) -> Vec<usize> {
    let mut ids = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Delivery(delivery) = event {
            ids.push(delivery.publication.id.parse().expect("a number"));
        }
    }
    ids
}

fn poll<T>(future: &mut BoxFuture<'_, T>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn the_order_is_that_of_the_calls_whichever_future_is_polled() {
    let [(adapter, mut events)] = opened([1]);
    let mut futures: Vec<_> = (0..6).map(|n| adapter.publish(publication(n))).collect();
    let mut came = Vec::new();
    for _ in 0..6 {
        // Backwards: the last future is the first to find room.
        for future in futures.iter_mut().rev() {
            let _ = poll_once(future);
        }
        came.extend(ids(&mut events));
    }
    assert_eq!(came, [0, 1, 2, 3, 4, 5]);
}

/// Polls a future that may be done already.
fn poll_once(future: &mut BoxFuture<'static, Result<Receipt, PublishError>>) -> bool {
    let done = poll(future).is_ready();
    if done {
        *future = Box::pin(std::future::pending());
    }
    done
}

#[test]
fn a_receipt_comes_as_soon_as_the_event_is_in_the_queue() {
    let [(adapter, mut events)] = opened([1]);
    let mut futures: Vec<_> = (0..3).map(|n| adapter.publish(publication(n))).collect();
    let done: Vec<_> = futures.iter_mut().rev().map(poll_once).collect();
    assert_eq!(done, [false, false, true]);
    assert_eq!(ids(&mut events), [0]);
    // The last one's place in the queue carries the second publication.
    assert!(!poll_once(&mut futures[2]));
    assert!(poll_once(&mut futures[1]), "it went with the other's place");
    assert_eq!(ids(&mut events), [1]);
    assert!(poll_once(&mut futures[2]));
    assert_eq!(ids(&mut events), [2]);
}

#[test]
fn a_full_node_holds_up_no_other() {
    let [(first, mut fast), (_second, mut slow)] = opened([100, 1]);
    let mut futures: Vec<_> = (0..10).map(|n| first.publish(publication(n))).collect();
    assert_eq!(ids(&mut fast), (0..10).collect::<Vec<_>>());
    assert!(poll_once(&mut futures[0]), "the slow one had room for it");
    assert!(!poll_once(&mut futures[9]));
    assert_eq!(ids(&mut slow), [0]);
}

#[test]
fn a_node_that_let_go_of_its_events_blocks_nobody() {
    let [(first, mut own), (_second, other)] = opened([100, 1]);
    let mut waiting = [first.publish(publication(0)), first.publish(publication(1))];
    assert!(!poll(&mut waiting[1]).is_ready());
    drop(other);
    assert!(poll(&mut waiting[1]).is_ready());
    assert!(poll(&mut first.publish(publication(2))).is_ready());
    assert_eq!(ids(&mut own), [0, 1, 2]);
}

#[test]
fn a_node_that_left_blocks_nobody_and_its_events_end() {
    let [(first, mut own), (second, mut other)] = opened([100, 1]);
    let mut waiting = [first.publish(publication(0)), first.publish(publication(1))];
    assert!(!poll(&mut waiting[1]).is_ready());
    drop(second);
    assert!(poll(&mut waiting[1]).is_ready());
    assert!(poll(&mut first.publish(publication(2))).is_ready());
    assert_eq!(ids(&mut own), [0, 1, 2]);
    assert_eq!(ids(&mut other), [0]);
    drop(waiting);
    assert!(other.is_closed(), "nobody can send any more");
}

#[test]
fn a_dropped_future_leaves_the_line() {
    let [(adapter, mut events)] = opened([1]);
    let mut futures: Vec<_> = (0..4).map(|n| adapter.publish(publication(n))).collect();
    drop(futures.remove(1));
    let mut came = ids(&mut events);
    for _ in 0..2 {
        for future in &mut futures {
            poll_once(future);
        }
        came.extend(ids(&mut events));
    }
    assert_eq!(came, [0, 2, 3]);
}

#[tokio::test]
async fn a_line_is_bounded_and_overload_reaches_nobody() {
    let [(first, mut own), (_second, mut other)] = opened([LINE_MAX + 10, 1]);
    let mut futures: Vec<_> = (0..=LINE_MAX).map(|n| first.publish(publication(n))).collect();
    assert_eq!(ids(&mut own).len(), LINE_MAX + 1);
    let refused = first.publish(publication(0)).await;
    assert_eq!(refused, Err(PublishError::Overloaded));
    assert_eq!(ids(&mut own), Vec::<usize>::new());
    // A place becomes free: there is room again.
    assert_eq!(ids(&mut other), [0]);
    assert!(poll(&mut futures[1]).is_ready());
    let _waits = first.publish(publication(0));
    assert_eq!(ids(&mut own), [0]);
}

#[tokio::test]
async fn all_nodes_share_one_delivery() {
    let [(first, mut own), (_second, mut other)] = opened([10, 10]);
    assert_eq!(first.publish(publication(0)).await, Ok(Receipt::TAKEN));
    let (Some(Event::Delivery(one)), Some(Event::Delivery(two))) = (own.recv().await, other.recv().await) else {
        panic!("two deliveries");
    };
    assert!(Arc::ptr_eq(&one, &two));
}

#[tokio::test]
async fn alone_is_a_cluster_of_one() {
    let (adapter, mut events) = MemoryAdapter::alone(tag(0));
    assert!(!adapter.capabilities().cluster);
    adapter.open(&root());
    adapter.publish(publication(1)).await.expect("taken");
    assert_eq!(ids(&mut events), [1]);
    assert!(MemoryBus::new().join(tag(0)).0.capabilities().cluster);
}

#[tokio::test]
async fn a_request_where_nobody_takes_part_ends_at_once() {
    let (adapter, _events) = MemoryAdapter::alone(tag(0));
    let request = adapter.request(Request::ListRooms { namespace: root(), servers: false }, Duration::MAX);
    let mut answers = request.await.expect("asked");
    assert!(answers.recv().await.is_none());
}

#[test]
fn a_bus_may_be_used_from_any_thread() {
    let [(adapter, mut events)] = opened([EVENTS_MAX]);
    let adapter = Arc::new(adapter);
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let adapter = Arc::clone(&adapter);
            std::thread::spawn(move || {
                for n in 0..250 {
                    assert!(poll(&mut adapter.publish(publication(thread * 1_000 + n))).is_ready());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("done");
    }
    let came = ids(&mut events);
    for thread in 0..4 {
        let own: Vec<_> = came.iter().filter(|n| **n / 1_000 == thread).map(|n| n % 1_000).collect();
        assert_eq!(own, (0..250).collect::<Vec<_>>());
    }
}
