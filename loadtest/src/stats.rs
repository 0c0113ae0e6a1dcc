//! Histograms, and medians over pairs of runs.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// One minute: what takes longer is recorded as this.
const LATENCY_NS_MAX: u64 = 60_000_000_000;

/// Quantiles of a curve, for plots.
const CURVE: [f64; 14] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1.0];

/// Latencies, to three digits.
#[derive(Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// Empty.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1_000, LATENCY_NS_MAX, 3);
        Self(histogram.expect("the bounds are constants that satisfy the histogram's rules"))
    }

    /// All of several.
    pub fn merged<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::new();
        for part in parts {
            all.0.add(&part.0).expect("all histograms have the same bounds");
        }
        all
    }

    /// Counts one.
    pub fn record(&mut self, nanoseconds: u64) {
        self.0.saturating_record(nanoseconds.min(LATENCY_NS_MAX));
    }

    /// What a report tells of them.
    pub fn summary(&self) -> Summary {
        let at = |quantile| microseconds(self.0.value_at_quantile(quantile));
        Summary {
            count: self.0.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: microseconds(self.0.max()),
            curve: CURVE.iter().map(|&quantile| (quantile, at(quantile))).collect(),
        }
    }
}

/// Quantiles in microseconds.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Summary {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50_us: f64,
    /// 90 %.
    pub p90_us: f64,
    /// 99 %.
    pub p99_us: f64,
    /// 99.9 %.
    pub p999_us: f64,
    /// The worst.
    pub max_us: f64,
    /// (quantile, microseconds), for a plot.
    pub curve: Vec<(f64, f64)>,
}

#[expect(clippy::cast_precision_loss, reason = "a minute in nanoseconds has 36 bits")]
fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1_000.0
}

/// What a handful of ratios says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The median's 95 % interval by order statistics; needs six values.
    pub interval_95: Option<(f64, f64)>,
}

impl Spread {
    /// `None` without values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) };
        let interval_95 = rank(sorted.len()).map(|rank| (sorted[rank], sorted[sorted.len() - 1 - rank]));
        Some(Self { median, min, max, interval_95 })
    }
}

/// The greatest r such that the values of rank r from below and above enclose the median
/// with a probability of 95 %: the tails hold P(Binomial(n, 1/2) <= r) each.
fn rank(count: usize) -> Option<usize> {
    let mut term = 0.5_f64.powi(i32::try_from(count).ok()?);
    let mut tail = 0.0;
    let mut found = None;
    for index in 0..count / 2 {
        tail += term;
        if tail > 0.025 {
            break;
        }
        found = Some(index);
        #[expect(clippy::cast_precision_loss, reason = "numbers of runs are small")]
        {
            term *= (count - index) as f64 / (index + 1) as f64;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_three_digits() {
        let mut latencies = Latencies::new();
        for millis in 1..=1_000_u64 {
            latencies.record(millis * 1_000_000);
        }
        let summary = latencies.summary();
        assert_eq!(summary.count, 1_000);
        for (value, wanted) in [(summary.p50_us, 500_000.0), (summary.p99_us, 990_000.0), (summary.max_us, 1_000_000.0)]
        {
            assert!((value / wanted - 1.0).abs() < 0.002, "{value} for {wanted}");
        }
    }

    #[test]
    fn what_takes_for_ever_is_kept_as_the_most() {
        let mut latencies = Latencies::new();
        latencies.record(u64::MAX);
        assert!(latencies.summary().max_us >= 59_000_000.0);
        assert_eq!(Latencies::new().summary().count, 0);
    }

    #[test]
    fn parts_make_a_whole() {
        let mut parts = [Latencies::new(), Latencies::new()];
        parts[0].record(1_000_000);
        parts[1].record(3_000_000);
        parts[1].record(u64::MAX);
        let summary = Latencies::merged(&parts).summary();
        assert_eq!(summary.count, 3);
        assert!((summary.p50_us / 3_000.0 - 1.0).abs() < 0.002, "{}", summary.p50_us);
    }

    #[test]
    fn spreads() {
        assert_eq!(Spread::of(&[]), None);
        let three = Spread::of(&[3.0, 1.0, 2.0]).expect("values");
        assert_eq!((three.median, three.min, three.max), (2.0, 1.0, 3.0));
        assert_eq!(three.interval_95, None);
        let nine: Vec<f64> = (1..=9).map(f64::from).collect();
        // Binomial(9, 1/2): P(<= 1) = 10/512 = 0.0195, P(<= 2) = 0.09.
        assert_eq!(Spread::of(&nine).expect("values").interval_95, Some((2.0, 8.0)));
        assert!((Spread::of(&[1.0, 2.0]).expect("values").median - 1.5).abs() < 1e-9);
    }
}
