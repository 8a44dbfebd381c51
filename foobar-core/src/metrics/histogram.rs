use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Durations, counted by how long they were: for [`Metrics::histogram`](crate::Metrics::histogram).
///
/// Its buckets reach from half a millisecond to 30 seconds; to count a duration takes some nanoseconds and no lock.
///
/// ```
/// # mod foobar { pub mod tiers { pub use foobar_core::*; } }
/// use std::time::Duration;
///
/// use foobar::tiers::{Histogram, Metrics};
///
/// let jobs = Histogram::default();
/// jobs.observe(Duration::from_millis(3));
/// let mut metrics = Metrics::default();
/// metrics.histogram("shop_job_duration_seconds", "How long jobs took.", &[("queue", "mail")], [&jobs]);
/// assert!(metrics.into_text().contains("shop_job_duration_seconds_bucket{queue=\"mail\",le=\"0.005\"} 1\n"));
/// ```
#[derive(Debug, Default)]
pub struct Histogram {
    /// How many were at most as long as each bound and longer than the one before; then those longer than all.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// Their sum, as the bits of an `f64`.
    seconds: AtomicU64,
}

/// In microseconds.
const BOUNDS: [u64; 15] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000,
];

impl Histogram {
    /// Counts a duration; any thread may.
    pub fn observe(&self, duration: Duration) {
        self.bucket(duration).fetch_add(1, Relaxed);
        self.add_seconds(duration.as_secs_f64());
    }

    /// The same without a locked instruction, where all durations are counted by one thread.
    pub fn observe_alone(&self, duration: Duration) {
        let bucket = self.bucket(duration);
        bucket.store(bucket.load(Relaxed).wrapping_add(1), Relaxed);
        self.seconds.store((self.seconds() + duration.as_secs_f64()).to_bits(), Relaxed);
    }

    /// How many durations have been counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    /// The sum of them, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        f64::from_bits(self.seconds.load(Relaxed))
    }

    /// Each bound in seconds, `None` for what is longer than all, and how many were within it and beyond the one
    /// before.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (Option<f64>, u64)> + '_ {
        let bounds = BOUNDS.iter().map(|bound| Some(*bound as f64 / 1e6)).chain([None]);
        bounds.zip(self.buckets.iter().map(|bucket| bucket.load(Relaxed)))
    }

    /// Counts all that `other` has counted.
    pub(super) fn add(&self, other: &Self) {
        for (bucket, more) in self.buckets.iter().zip(&other.buckets) {
            bucket.fetch_add(more.load(Relaxed), Relaxed);
        }
        self.add_seconds(other.seconds());
    }

    fn bucket(&self, duration: Duration) -> &AtomicU64 {
        let bound = BOUNDS.iter().position(|bound| duration <= Duration::from_micros(*bound));
        &self.buckets[bound.unwrap_or(BOUNDS.len())] // longer than all
    }

    fn add_seconds(&self, more: f64) {
        let sum = |bits| Some((f64::from_bits(bits) + more).to_bits());
        _ = self.seconds.fetch_update(Relaxed, Relaxed, sum); // there always is a sum
    }
}
