//! What only the adapter knows, taken over when the metrics are scraped: its own counts, and the
//! state of its links.
//!
//! Links have no label: their names are addresses, which are no closed set. What is shown is the
//! worst of them; `/readyz` and `/v1/nodes` show each.

use roomcast_core::adapter::{AdapterCount, LinkStatus};

use super::table::{Counter, Gauge};
use super::{AdapterFault, Metrics, PayloadFault, ReconnectCause};

/// Where a count of the adapter is shown.
enum Shown {
    Counter(Counter),
    Gauge(Gauge),
}

fn shown(count: AdapterCount) -> Shown {
    Shown::Counter(match count {
        AdapterCount::PayloadsMalformed => Counter::AdapterPayloadsDropped(PayloadFault::Malformed),
        AdapterCount::PayloadsUnsupported => Counter::AdapterPayloadsDropped(PayloadFault::Unsupported),
        AdapterCount::PayloadsRefused => Counter::AdapterPayloadsDropped(PayloadFault::Refused),
        AdapterCount::ReconnectsEof => Counter::AdapterReconnects(ReconnectCause::Eof),
        AdapterCount::ReconnectsTimeout => Counter::AdapterReconnects(ReconnectCause::Timeout),
        AdapterCount::ReconnectsRole => Counter::AdapterReconnects(ReconnectCause::Role),
        AdapterCount::ReconnectsMoved => Counter::AdapterReconnects(ReconnectCause::Moved),
        AdapterCount::ReconnectsAuth => Counter::AdapterReconnects(ReconnectCause::Auth),
        AdapterCount::ReconnectsCounts => Counter::AdapterReconnects(ReconnectCause::Counts),
        AdapterCount::ReconnectsOther => Counter::AdapterReconnects(ReconnectCause::Other),
        AdapterCount::QueueFullDrops => Counter::AdapterErrors(AdapterFault::QueueFull),
        AdapterCount::OutcomesUnknown => Counter::AdapterErrors(AdapterFault::OutcomeUnknown),
        AdapterCount::RequestsRefused => Counter::AdapterErrors(AdapterFault::RequestRefused),
        AdapterCount::EventsFullDrops => Counter::AdapterErrors(AdapterFault::EventsFull),
        AdapterCount::Resubscribes => Counter::AdapterResubscribes,
        AdapterCount::Unwanted => Counter::AdapterUnwanted,
        AdapterCount::QueueBytes => return Shown::Gauge(Gauge::AdapterQueueBytes),
    })
}

impl Metrics {
    /// Takes over what the adapter has counted; several numbers of one kind are added up.
    pub(crate) fn adapter_counts(&self, counts: &[(AdapterCount, u64)]) {
        for count in AdapterCount::ALL {
            let sum = counts.iter().filter(|(of, _)| of == count).map(|(_, n)| n).sum();
            match shown(*count) {
                Shown::Counter(counter) => self.counter_set(counter, sum),
                Shown::Gauge(gauge) => self.gauge_set(gauge, sum),
            }
        }
    }

    /// Takes over the state of the links; `None`: the adapter has none.
    pub(crate) fn adapter_links(&self, links: Option<(&[LinkStatus], bool)>) {
        let (links, up) = links.unwrap_or((&[], true));
        let oldest = links.iter().map(|link| link.proven_at.unwrap_or(0)).min().unwrap_or(0);
        let replicas = links.iter().filter(|link| link.replica).count();
        self.gauge_set(Gauge::AdapterUp, u64::from(up));
        self.gauge_set(Gauge::AdapterHeartbeat, oldest / 1000);
        self.gauge_set(Gauge::AdapterRoleMismatch, replicas as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_has_a_place_of_its_own() {
        let metrics = Metrics::new();
        let all = || AdapterCount::ALL.iter().zip(1..);
        let counts: Vec<(AdapterCount, u64)> = all().map(|(count, n)| (*count, n)).collect();
        // A scrape sets them: the second one adds nothing.
        metrics.adapter_counts(&counts);
        metrics.adapter_counts(&counts);
        for (count, n) in all() {
            let value = match shown(*count) {
                Shown::Counter(counter) => metrics.counter(counter),
                Shown::Gauge(gauge) => metrics.gauge(gauge).cast_unsigned(),
            };
            assert_eq!(value, n, "{count:?}");
        }
        metrics.adapter_counts(&[(AdapterCount::QueueBytes, 2), (AdapterCount::QueueBytes, 3)]);
        assert_eq!(metrics.gauge(Gauge::AdapterQueueBytes), 5);
    }
}
