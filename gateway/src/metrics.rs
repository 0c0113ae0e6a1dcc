//! Every metric of the gateway.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `table` | the closed table: name, labels, help |
//! | `labels` | the closed sets of label values |
//! | `cells` | the numbers of one thread, for hot code |
//! | `collect` | a scrape: the sum over all threads |
//! | `adapter` | what the adapter counts itself, and says of its links |
//! | `reference` | the generated page |
//!
//! All series exist at 0 from the start, and no peer can make another. Only these
//! files name the prometheus crate; its registry is made here and passed down inside
//! [`Metrics`], so that two nodes in one process do not share counters.
//!
//! Deliberately absent: rooms, users, events, origins and addresses as labels.

mod adapter;
mod cells;
mod collect;
mod labels;
pub mod reference;
mod table;

use std::sync::Arc;
use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{Registry, TextEncoder};

pub use cells::Cells;
pub use labels::{
    AckResult, AdapterFault, ClientErrorCode, CodeClass, DeliveryMatch, DeliveryPath, Direction, DropReason,
    ForwardResult, HandshakeResult, HttpRefusal, Label, Listener, MessageKind, PayloadFault, Protocol,
    PublicationOrigin, PublicationResult, ReadyCheck, ReconnectCause, ReloadResult, Route, SubscribeResult, Transport,
    TunnelResult, UpgradeResult, Version,
};
pub use table::{Counter, Gauge, Histogram};

use collect::{AllSlots, Collected};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// The metrics of one node; clones are the same metrics.
///
/// Its own methods may be called from any thread and cost a shared atomic; hot code
/// takes [`Metrics::cells`] for its thread.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    all: Arc<AllSlots>,
}

impl Metrics {
    /// Fresh metrics, all at 0.
    pub fn new() -> Self {
        let metrics = Self { registry: Registry::new(), all: Arc::new(AllSlots::new()) };
        let registered = Collected::new(metrics.all.clone())
            .and_then(|collected| metrics.registry.register(Box::new(collected)))
            .and_then(|()| metrics.registry.register(Box::new(ProcessCollector::for_self())));
        if let Err(error) = registered {
            // Only a name that is invalid or there twice is refused, and the tests register this very table.
            tracing::error!(%error, "metrics are not exposed");
        }
        metrics.gauge_set(Gauge::BuildInfo(Version::Current), 1);
        metrics
    }

    /// Cells for a thread of its own. Every call gives fresh ones; they are added up.
    pub fn cells(&self) -> Cells {
        Cells::new(self.all.further())
    }

    /// Counts one.
    pub fn inc(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts `n`.
    pub fn add(&self, counter: Counter, n: u64) {
        self.all.node.add_shared(cells::counter_at(counter.slot()), n);
    }

    /// Raises a gauge.
    pub fn gauge_add(&self, gauge: Gauge, n: u64) {
        self.all.node.add_shared(cells::gauge_at(gauge.slot()), n);
    }

    /// Lowers a gauge.
    pub fn gauge_sub(&self, gauge: Gauge, n: u64) {
        self.all.node.add_shared(cells::gauge_at(gauge.slot()), n.wrapping_neg());
    }

    /// Sets the node's part of a gauge: for gauges that no cells raise or lower.
    pub fn gauge_set(&self, gauge: Gauge, n: u64) {
        self.all.node.set_shared(cells::gauge_at(gauge.slot()), n);
    }

    /// Sets the node's part of a counter, for what is counted elsewhere: no cells add to it.
    fn counter_set(&self, counter: Counter, n: u64) {
        self.all.node.set_shared(cells::counter_at(counter.slot()), n);
    }

    /// Records how long something took.
    pub fn observe(&self, histogram: Histogram, time: Duration) {
        for (at, n) in cells::observation(histogram, time) {
            self.all.node.add_shared(at, n);
        }
    }

    /// Records one answered request of the internal listener.
    pub fn api_request(&self, route: Route, status: u16, time: Duration) {
        self.inc(Counter::ApiRequests(route, CodeClass::of(status)));
        self.observe(Histogram::ApiRequestDuration(route), time);
    }

    /// The sum of a counter over all threads.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.all.sum(cells::counter_at(counter.slot()))
    }

    /// The sum of a gauge over all threads.
    pub fn gauge(&self, gauge: Gauge) -> i64 {
        self.all.sum(cells::gauge_at(gauge.slot())).cast_signed()
    }

    /// The exposition in Prometheus' text format; see [`CONTENT_TYPE`].
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| {
            // Only a family without series is refused, and every one has some.
            tracing::error!(%error, "metrics cannot be shown");
            String::new()
        })
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
