//! A scrape: adds up the cells of all threads, in the shapes of the prometheus crate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::cells::{self, BOUNDS, HISTOGRAM_CELLS, Slots};
use super::table::{self, Counter, Family, Gauge, Histogram, Kind};

/// The cells of all threads, and those that any thread may write.
pub(super) struct AllSlots {
    /// Written by any thread.
    pub(super) node: Slots,
    /// One for each thread that has cells. Those of a thread that ended stay: counters never go down.
    threads: Mutex<Vec<Arc<Slots>>>,
}

impl AllSlots {
    pub(super) fn new() -> Self {
        Self { node: Slots::new(), threads: Mutex::new(Vec::new()) }
    }

    /// Memory for the cells of a further thread.
    pub(super) fn further(&self) -> Arc<Slots> {
        let slots = Arc::new(Slots::new());
        // A list of pointers is whole even if a thread panicked while it held the lock.
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(slots.clone());
        slots
    }

    pub(super) fn sum(&self, at: usize) -> u64 {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().fold(self.node.get(at), |sum, slots| sum.wrapping_add(slots.get(at)))
    }
}

/// The collector that is registered.
pub(super) struct Collected {
    all: Arc<AllSlots>,
    descriptions: Vec<Desc>,
}

impl Collected {
    pub(super) fn new(all: Arc<AllSlots>) -> prometheus::Result<Self> {
        let describe = |family: &Family| {
            let names = family.labels.iter().flat_map(|set| set.names).map(|name| (*name).to_owned());
            Desc::new(family.name.into(), family.help.into(), names.collect(), HashMap::new())
        };
        let descriptions = table::all().map(describe).collect::<prometheus::Result<_>>()?;
        Ok(Self { all, descriptions })
    }

    fn families(&self, families: &'static [Family]) -> Vec<proto::MetricFamily> {
        let mut series = 0;
        let mut collected = Vec::with_capacity(families.len());
        for family in families {
            let metrics = (0..family.series()).map(|i| self.metric(family, i, series + i)).collect();
            series += family.series();
            let mut one = proto::MetricFamily::default();
            one.set_name(family.name.into());
            one.set_help(family.help.into());
            one.set_field_type(match family.kind {
                Kind::Counter => proto::MetricType::COUNTER,
                Kind::Gauge => proto::MetricType::GAUGE,
                Kind::Histogram => proto::MetricType::HISTOGRAM,
            });
            one.set_metric(metrics);
            collected.push(one);
        }
        collected
    }

    /// One series: `index` within its family, `series` within its kind.
    #[expect(clippy::cast_precision_loss, reason = "the exposition format has 64-bit floats only")]
    fn metric(&self, family: &Family, index: usize, series: usize) -> proto::Metric {
        let labels = family.label_values(index).into_iter().map(|(name, value)| {
            let mut pair = proto::LabelPair::default();
            pair.set_name(name.into());
            pair.set_value(value.into());
            pair
        });
        let mut metric = proto::Metric::from_label(labels.collect());
        match family.kind {
            Kind::Counter => {
                let mut counter = proto::Counter::default();
                counter.set_value(self.all.sum(cells::counter_at(series)) as f64);
                metric.set_counter(counter);
            }
            Kind::Gauge => {
                let mut gauge = proto::Gauge::default();
                gauge.set_value(self.all.sum(cells::gauge_at(series)).cast_signed() as f64);
                metric.set_gauge(gauge);
            }
            Kind::Histogram => metric.set_histogram(self.histogram(cells::histogram_at(series))),
        }
        metric
    }

    #[expect(clippy::cast_precision_loss, reason = "the exposition format has 64-bit floats only")]
    fn histogram(&self, first: usize) -> proto::Histogram {
        let values: Vec<u64> = (first..first + HISTOGRAM_CELLS).map(|at| self.all.sum(at)).collect();
        let mut count = 0;
        let mut buckets = Vec::with_capacity(BOUNDS.len());
        for (bound, n) in BOUNDS.iter().zip(&values) {
            count += n;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(*bound as f64 / 1e9);
            bucket.set_cumulative_count(count);
            buckets.push(bucket);
        }
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(count + values[BOUNDS.len()]);
        histogram.set_sample_sum(values[BOUNDS.len() + 1] as f64 / 1e9);
        histogram
    }
}

impl Collector for Collected {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let mut families = self.families(Counter::FAMILIES);
        families.extend(self.families(Gauge::FAMILIES));
        families.extend(self.families(Histogram::FAMILIES));
        families
    }
}
