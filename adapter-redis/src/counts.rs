//! What the adapter counts, for the gateway's metrics.

use std::sync::atomic::{AtomicU64, Ordering};

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
    pub(crate) resubscribe_ms: Count,
}
