//! How long packets stay in the relay, from where it could first have read them to where it had sent
//! them. One worker writes, anybody reads.

use std::sync::atomic::{AtomicU64, Ordering};

use burrow_packet::Nanos;

/// Upper bounds in microseconds; what is longer is in one bucket more.
pub const BUCKET_BOUNDS_US: [u64; 15] =
    [5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000, 10_000];

/// Counts by bucket.
#[derive(Default)]
pub struct Histogram([AtomicU64; BUCKET_BOUNDS_US.len() + 1]);

impl Histogram {
    /// Counts `packets` that took `latency`. Only one thread calls this.
    pub fn record(&self, latency: Nanos, packets: u64) {
        let at = BUCKET_BOUNDS_US.partition_point(|&bound| bound * 1000 < latency);
        let count = self.0[at].load(Ordering::Relaxed) + packets;
        self.0[at].store(count, Ordering::Relaxed);
    }

    /// Adds its counts to `sums`.
    pub fn add_to(&self, sums: &mut [u64; BUCKET_BOUNDS_US.len() + 1]) {
        for (sum, count) in sums.iter_mut().zip(&self.0) {
            *sum += count.load(Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive() {
        let histogram = Histogram::default();
        for latency in [5_000, 5_001, 10_000_000, 10_000_001] {
            histogram.record(latency, 1);
        }
        let mut sums = [0; 16];
        histogram.add_to(&mut sums);
        assert_eq!((sums[0], sums[1], sums[14], sums[15]), (1, 1, 1, 1));
    }
}
