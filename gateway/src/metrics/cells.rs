//! Cells: the numbers of one thread, written by it alone.
//!
//! An increment is a relaxed load and a relaxed store on memory that no other thread
//! writes (0.3 ns and flat with cores; a shared atomic costs 5 ns and grows).
//! Scrapes read the cells of all threads and add them up.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::table::{Counter, Gauge, Histogram};

/// Upper bounds of the buckets of every histogram, in nanoseconds.
pub(super) const BOUNDS: [u64; 16] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];
/// Per series: the buckets, the one beyond the last bound, the sum in nanoseconds.
pub(super) const HISTOGRAM_CELLS: usize = BOUNDS.len() + 2;
const SUM: usize = BOUNDS.len() + 1;

const COUNTERS: usize = 0;
const GAUGES: usize = COUNTERS + Counter::SERIES;
const HISTOGRAMS: usize = GAUGES + Gauge::SERIES;
const LEN: usize = HISTOGRAMS + Histogram::SERIES * HISTOGRAM_CELLS;

/// The memory of the cells of one thread. 128 bytes: two cache lines, which are
/// fetched together.
#[repr(align(128))]
pub(super) struct Slots([AtomicU64; LEN]);

impl Slots {
    pub(super) fn new() -> Self {
        Self([const { AtomicU64::new(0) }; LEN])
    }

    /// Adds from any thread.
    pub(super) fn add_shared(&self, at: usize, n: u64) {
        self.0[at].fetch_add(n, Relaxed);
    }

    /// Sets from any thread.
    pub(super) fn set_shared(&self, at: usize, n: u64) {
        self.0[at].store(n, Relaxed);
    }

    pub(super) fn get(&self, at: usize) -> u64 {
        self.0[at].load(Relaxed)
    }

    /// Adds from the one thread that writes.
    #[inline]
    fn add(&self, at: usize, n: u64) {
        let cell = &self.0[at];
        cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
    }
}

/// The cell of a series of the counters.
#[inline]
pub(super) fn counter_at(series: usize) -> usize {
    COUNTERS + series
}

/// The cell of a series of the gauges.
#[inline]
pub(super) fn gauge_at(series: usize) -> usize {
    GAUGES + series
}

/// The first cell of a series of the histograms.
#[inline]
pub(super) fn histogram_at(series: usize) -> usize {
    HISTOGRAMS + series * HISTOGRAM_CELLS
}

/// The cells that an observation adds to: its bucket by 1, the sum by the nanoseconds.
#[inline]
pub(super) fn observation(which: Histogram, time: Duration) -> [(usize, u64); 2] {
    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let bucket = BOUNDS.iter().position(|bound| nanos <= *bound).unwrap_or(BOUNDS.len());
    let first = histogram_at(which.slot());
    [(first + bucket, 1), (first + SUM, nanos)]
}

/// The metrics of one thread. It can be moved to its thread, but not shared: share it
/// within the thread by `Rc`.
pub struct Cells {
    slots: Arc<Slots>,
    /// Two threads that write the same cell would lose counts, so that this type is not `Sync`.
    one_writer: PhantomData<Cell<()>>,
}

impl Cells {
    pub(super) fn new(slots: Arc<Slots>) -> Self {
        Self { slots, one_writer: PhantomData }
    }

    /// Counts one.
    #[inline]
    pub fn inc(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts `n`.
    #[inline]
    pub fn add(&self, which: Counter, n: u64) {
        self.slots.add(counter_at(which.slot()), n);
    }

    /// Raises a gauge. What one thread raises another may lower: only the sum is shown.
    #[inline]
    pub fn gauge_add(&self, which: Gauge, n: u64) {
        self.slots.add(gauge_at(which.slot()), n);
    }

    /// Lowers a gauge.
    #[inline]
    pub fn gauge_sub(&self, which: Gauge, n: u64) {
        self.slots.add(gauge_at(which.slot()), n.wrapping_neg());
    }

    /// Records how long something took.
    #[inline]
    pub fn observe(&self, which: Histogram, time: Duration) {
        for (at, n) in observation(which, time) {
            self.slots.add(at, n);
        }
    }
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cells").finish_non_exhaustive()
    }
}
