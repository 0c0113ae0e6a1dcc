//! The suite notices: an adapter with a fault fails the case that is there for it.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::adapter::{Answers, BoxFuture, Capabilities, Live, MemoryAdapter, MemoryBus, PublishError, Receipt};
use crate::cluster::Request;
use crate::publication::{Payload, Publication};
use crate::room::{Namespace, Room};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    WantsEverything,
    WantsNothing,
    NeverUnwants,
    CountsWants,
    NeverCloses,
    OneNamespace,
    Twice,
    OncePerRoom,
    Loses,
    Swaps,
    ForgetsExcept,
    ForgetsAttachments,
    ForgetsExpiry,
    AsksNobody,
    AsksTwice,
}

struct Broken {
    inner: MemoryAdapter,
    fault: Fault,
    wants: Mutex<i32>,
    count: Mutex<usize>,
    held: Mutex<Option<Publication>>,
}

impl Broken {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// What goes to the bus instead of this.
    fn spoilt(&self, mut publication: Publication) -> Vec<Publication> {
        let mut count = self.count.lock().expect("no panics");
        *count += 1;
        let mut held = self.held.lock().expect("no panics");
        match self.fault {
            Fault::WantsEverything if publication.audience.rooms.len() == 1 => {
                // Two rooms go to every node.
                publication.audience.rooms.extend(publication.audience.rooms.clone());
            }
            Fault::OneNamespace => publication.namespace = Namespace::root(),
            Fault::Loses if *count == 3 => return Vec::new(),
            Fault::Twice => return vec![publication.clone(), publication],
            Fault::OncePerRoom if publication.audience.rooms.len() > 1 => {
                return vec![publication.clone(), publication];
            }
            Fault::Swaps if *count == 1 => {
                *held = Some(publication);
                return Vec::new();
            }
            Fault::Swaps => return [Some(publication), held.take()].into_iter().flatten().collect(),
            Fault::ForgetsExcept => publication.audience.except.clear(),
            Fault::ForgetsAttachments => {
                let data = publication.payload.data().to_owned();
                // Their number stays: without them it were no payload.
                let empty = vec![Bytes::new(); publication.payload.attachments().len()];
                publication.payload = Payload::from_data(&data, empty).expect("a payload");
            }
            Fault::ForgetsExpiry => publication.expires_at = None,
            _ => {}
        }
        vec![publication]
    }
}

impl Adapter for Broken {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
    fn open(&self, namespace: &Namespace) -> Live {
        self.inner.open(namespace)
    }
    fn close(&self, namespace: &Namespace) {
        if !self.is(Fault::NeverCloses) {
            self.inner.close(namespace);
        }
    }
    fn want(&self, namespace: &Namespace, room: &Room) -> Live {
        *self.wants.lock().expect("no panics") += 1;
        if self.is(Fault::WantsNothing) {
            return Live::Now;
        }
        self.inner.want(namespace, room)
    }
    fn unwant(&self, namespace: &Namespace, room: &Room) {
        let mut wants = self.wants.lock().expect("no panics");
        *wants -= 1;
        let keeps = self.is(Fault::NeverUnwants) || (self.is(Fault::CountsWants) && *wants > 0);
        if !keeps {
            self.inner.unwant(namespace, room);
        }
    }
    fn publish(&self, publication: Publication) -> BoxFuture<'static, Result<Receipt, PublishError>> {
        let spoilt = self.spoilt(publication);
        let all: Vec<_> = spoilt.into_iter().map(|one| self.inner.publish(one)).collect();
        Box::pin(async {
            for one in all {
                one.await?;
            }
            Ok(Receipt::TAKEN)
        })
    }
    fn request(&self, request: Request, deadline: Duration) -> BoxFuture<'static, Result<Answers, PublishError>> {
        if self.is(Fault::AsksNobody) {
            return Box::pin(async { Ok(tokio::sync::mpsc::channel(1).1) });
        }
        if self.is(Fault::AsksTwice) {
            drop(self.inner.request(request.clone(), deadline));
        }
        self.inner.request(request, deadline)
    }
}

impl Fixture for Fault {
    async fn nodes(&self, count: usize) -> Vec<Node> {
        let bus = MemoryBus::new();
        let node = |n| {
            let tag = NodeTag::from_entropy([9, 9, n as u8]);
            let (inner, events) = bus.join(tag);
            let adapter = Arc::new(Broken {
                inner,
                fault: *self,
                wants: Mutex::default(),
                count: Mutex::default(),
                held: Mutex::default(),
            });
            Node { tag, adapter, events }
        };
        (0..count).map(node).collect()
    }
}

/// Whether a case fails, or is not done in a time that is long for it.
async fn fails(case: impl Future<Output = Outcome>) -> bool {
    let outcome = tokio::time::timeout(Duration::from_millis(200), case).await;
    !matches!(outcome, Ok(Ok(())))
}

macro_rules! notices {
    ($($fault:ident: $($case:ident)+;)+) => {
        #[tokio::test]
        async fn every_fault_fails_its_cases() {
            $($(assert!(fails($case(&Fault::$fault)).await, "{:?}", (stringify!($case), Fault::$fault));)+)+
        }

        #[tokio::test]
        async fn without_a_fault_the_same_cases_pass() {
            $($(assert!(!fails($case(&Fault::None)).await, "{}", stringify!($case));)+)+
        }
    };
}

notices! {
    WantsEverything: a_room_reaches_the_nodes_that_want_it a_private_room_reaches_its_home;
    WantsNothing: a_room_reaches_the_nodes_that_want_it unwant_stops_deliveries;
    NeverUnwants: unwant_stops_deliveries want_is_idempotent;
    CountsWants: want_is_idempotent;
    NeverCloses: a_closed_namespace_stops;
    OneNamespace: namespaces_are_separate a_closed_namespace_stops;
    Twice: everybody_is_everywhere a_room_reaches_the_nodes_that_want_it everything_arrives_unchanged;
    OncePerRoom: several_rooms_reach_each_node_once;
    Loses: a_slow_reader_loses_nothing futures_polled_in_order_keep_it;
    Swaps: a_slow_reader_loses_nothing futures_polled_in_order_keep_it everybody_is_everywhere;
    ForgetsExcept: excepted_rooms_stay_with_the_publication;
    ForgetsAttachments: everything_arrives_unchanged;
    ForgetsExpiry: everything_arrives_unchanged;
    AsksNobody: a_request_reaches_every_node a_request_keeps_to_its_namespace
        a_node_that_does_not_answer_ends_nothing_early many_answers_of_one_node_all_arrive;
    AsksTwice: a_request_reaches_every_node;
}

#[tokio::test]
#[should_panic(expected = "everybody_is_everywhere: expected")]
async fn a_failure_names_its_case() {
    let case = async { Err("expected".to_owned()) };
    judge("everybody_is_everywhere", &Fault::None, case).await;
}
