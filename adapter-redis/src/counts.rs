//! What the adapter counts, for the gateway's metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use roomcast_core::adapter::AdapterCount;

/// One number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn inc(&self) {
        self.add(1);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) published: Count,
    pub(crate) received: Count,
    /// Received, without a member here.
    pub(crate) unconcerned: Count,
    /// Received, and dropped because the node's events were full.
    pub(crate) overflowed: Count,
    pub(crate) malformed: Count,
    pub(crate) unsupported: Count,
    pub(crate) refused_payloads: Count,
    pub(crate) refused_subscriptions: Count,
    pub(crate) answers_dropped: Count,
    pub(crate) requests_refused: Count,
    pub(crate) queue_full: Count,
    pub(crate) outcomes_unknown: Count,
    pub(crate) connect_unreachable: Count,
    pub(crate) connect_denied: Count,
    pub(crate) connect_replica: Count,
    pub(crate) connect_unfit: Count,
    pub(crate) lost: Count,
    pub(crate) silent: Count,
    pub(crate) replica: Count,
    pub(crate) split: Count,
    pub(crate) miscounted: Count,
    pub(crate) moved: Count,
    pub(crate) resubscribed: Count,
}

impl Counts {
    /// All of them in core's words, but for what is no count.
    pub(crate) fn list(&self) -> Vec<(AdapterCount, u64)> {
        let refused = self.refused_payloads.get() + self.refused_subscriptions.get();
        let other = self.connect_unreachable.get() + self.connect_unfit.get() + self.split.get();
        vec![
            (AdapterCount::PayloadsMalformed, self.malformed.get()),
            (AdapterCount::PayloadsUnsupported, self.unsupported.get()),
            (AdapterCount::PayloadsRefused, refused),
            (AdapterCount::ReconnectsEof, self.lost.get()),
            (AdapterCount::ReconnectsTimeout, self.silent.get()),
            (AdapterCount::ReconnectsRole, self.replica.get() + self.connect_replica.get()),
            (AdapterCount::ReconnectsMoved, self.moved.get()),
            (AdapterCount::ReconnectsAuth, self.connect_denied.get()),
            (AdapterCount::ReconnectsCounts, self.miscounted.get()),
            (AdapterCount::ReconnectsOther, other),
            (AdapterCount::QueueFullDrops, self.queue_full.get()),
            (AdapterCount::OutcomesUnknown, self.outcomes_unknown.get()),
            (AdapterCount::RequestsRefused, self.requests_refused.get()),
            (AdapterCount::EventsFullDrops, self.overflowed.get() + self.answers_dropped.get()),
            (AdapterCount::Unwanted, self.unconcerned.get()),
            (AdapterCount::Resubscribes, self.resubscribed.get()),
        ]
    }
}
