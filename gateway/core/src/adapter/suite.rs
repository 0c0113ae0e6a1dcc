//! The suite that every adapter must pass.
//!
//! An adapter gives a [`Fixture`] and writes one line in its tests,
//! `roomcast_core::adapter_suite!(tests: its_fixture());`, which makes one
//! `#[tokio::test]` per case (the crate needs tokio's `macros` and `rt`); or it calls
//! [`run`]. Every case is a function here, on nodes of its own.
//!
//! Nothing sleeps and hopes. That something arrives is awaited within
//! [`Fixture::deadline`]; that something does not is seen at a later publication
//! which must arrive, sent by the same publisher when the earlier one has reached
//! all whom it should reach.
//!
//! Deliberately absent: positions, gaps, link states and deadlines of requests,
//! which not every adapter has; an adapter that has them tests them itself.

mod audiences;
mod order;
mod requests;
#[cfg(test)]
mod tests;
mod tools;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use audiences::{
    a_closed_namespace_stops, a_private_room_reaches_its_home, a_room_reaches_the_nodes_that_want_it,
    everybody_is_everywhere, excepted_rooms_stay_with_the_publication, namespaces_are_separate,
    several_rooms_reach_each_node_once, unwant_stops_deliveries, want_is_idempotent,
};
pub use order::{a_slow_reader_loses_nothing, everything_arrives_unchanged, futures_polled_in_order_keep_it};
pub use requests::{
    a_node_that_does_not_answer_ends_nothing_early, a_request_keeps_to_its_namespace, a_request_reaches_every_node,
    many_answers_of_one_node_all_arrive,
};

use super::{Adapter, Events};
use crate::id::NodeTag;

/// One node of a [`Fixture`].
pub struct Node {
    /// Names the process: private rooms of its sockets begin with it.
    pub tag: NodeTag,
    /// The adapter under test.
    pub adapter: Arc<dyn Adapter>,
    /// What it reports.
    pub events: Events,
}

/// Makes the nodes that a case plays with.
pub trait Fixture {
    /// So many nodes that hear each other, and nobody else; links up, namespaces not
    /// yet open, tags different.
    fn nodes(&self, count: usize) -> impl Future<Output = Vec<Node>>;

    /// How long one case may take.
    fn deadline(&self) -> Duration {
        Duration::from_secs(20)
    }
}

/// What a case ends with: why the adapter failed it.
pub type Outcome = Result<(), String>;

/// Runs every case, one after the other; panics with the name of the first that fails.
pub async fn run(fixture: &impl Fixture) {
    crate::adapter_suite!(run: fixture);
}

/// Waits for one case; panics with its name if it fails or takes too long.
#[allow(clippy::panic, reason = "this is how a test reports")]
pub async fn judge(name: &str, fixture: &impl Fixture, case: impl Future<Output = Outcome>) {
    let deadline = fixture.deadline();
    let outcome = tokio::time::timeout(deadline, case).await;
    if let Err(why) = outcome.unwrap_or_else(|_| Err(format!("not done within {deadline:?}"))) {
        panic!("{name}: {why}");
    }
}

/// The adapter suite: `adapter_suite!(tests: fixture)` makes one test per case,
/// `adapter_suite!(run: &fixture)` runs all of them where it stands.
#[macro_export]
macro_rules! adapter_suite {
    (tests: $fixture:expr) => {
        $crate::adapter_suite!(@cases tests $fixture);
    };
    (run: $fixture:expr) => {
        $crate::adapter_suite!(@cases run $fixture)
    };
    (@cases $how:ident $fixture:expr) => {
        $crate::adapter_suite! { @$how $fixture;
            a_room_reaches_the_nodes_that_want_it
            everybody_is_everywhere
            several_rooms_reach_each_node_once
            excepted_rooms_stay_with_the_publication
            a_private_room_reaches_its_home
            want_is_idempotent
            unwant_stops_deliveries
            namespaces_are_separate
            a_closed_namespace_stops
            everything_arrives_unchanged
            a_slow_reader_loses_nothing
            futures_polled_in_order_keep_it
            a_request_reaches_every_node
            a_request_keeps_to_its_namespace
            a_node_that_does_not_answer_ends_nothing_early
            many_answers_of_one_node_all_arrive
        }
    };
    (@tests $fixture:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let fixture = $fixture;
                let case = $crate::adapter::suite::$case(&fixture);
                $crate::adapter::suite::judge(stringify!($case), &fixture, case).await;
            }
        )*
    };
    (@run $fixture:expr; $($case:ident)*) => {{
        $(
            let case = $crate::adapter::suite::$case($fixture);
            $crate::adapter::suite::judge(stringify!($case), $fixture, case).await;
        )*
    }};
}
