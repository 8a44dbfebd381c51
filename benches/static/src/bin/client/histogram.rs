use std::time::Duration;

/// Lengths of time, in buckets of nanoseconds that are at most 1.6 % wide.
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

/// The buckets of each power of two, as a power of two.
const FINE: u32 = 6;

impl Histogram {
    pub fn add(&mut self, time: Duration) {
        self.buckets[bucket(time.as_nanos() as u64)] += 1;
        self.count += 1;
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// The time that this part of all were not longer than.
    pub fn quantile(&self, part: f64) -> Duration {
        let rank = (self.count as f64 * part).ceil() as u64;
        let mut seen = 0;
        let at = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        Duration::from_nanos(at.map_or(0, longest))
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; 64 << FINE], count: 0 }
    }
}

fn bucket(nanoseconds: u64) -> usize {
    let value = nanoseconds.max(1 << FINE);
    let power = value.ilog2() - FINE;
    ((power as usize) << FINE) + (value >> power) as usize - (1 << FINE)
}

fn longest(bucket: usize) -> u64 {
    let power = bucket >> FINE;
    let within = (bucket & ((1 << FINE) - 1)) + (1 << FINE) + 1;
    ((within as u64) << power) - 1
}
