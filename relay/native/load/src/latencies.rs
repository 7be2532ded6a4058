//! Latencies counted in buckets of a sixteenth of an octave: a few kilobytes however many there are.

use burrow_packet::Nanos;

const STEPS: u32 = 16;
const BUCKETS: usize = 64 * STEPS as usize;

/// Counts by latency; what it says is off by a sixteenth at most.
#[derive(Clone, Debug)]
pub struct Latencies {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, latency: Nanos) {
        self.counts[bucket(latency)] += 1;
        self.total += 1;
    }

    /// The latency that `of` thousandths of all do not exceed, in microseconds; 0 when there is none.
    #[must_use]
    pub fn permille_us(&self, of: u64) -> f64 {
        let rank = (self.total * of).div_ceil(1000).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper(at) as f64 / 1000.0;
            }
        }
        0.0
    }
}

/// Latencies under sixteen nanoseconds have a bucket each; from there on each octave has sixteen.
fn bucket(latency: Nanos) -> usize {
    if latency < Nanos::from(STEPS) {
        return latency as usize;
    }
    let octave = latency.ilog2() - 4;
    (octave as usize + 1) * STEPS as usize + (latency >> octave) as usize - STEPS as usize
}

/// The highest latency of a bucket.
fn upper(at: usize) -> Nanos {
    let (octave, step) = (at as u32 / STEPS, at as u32 % STEPS);
    if octave == 0 {
        return Nanos::from(step);
    }
    (Nanos::from(STEPS + step + 1) << (octave - 1)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_lies_in_its_bucket_and_buckets_are_narrow() {
        for latency in (0..2000).chain((11..60).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1])) {
            let upper = upper(bucket(latency));
            assert!(upper >= latency && upper - latency <= latency / 16, "{latency} {upper}");
        }
    }

    #[test]
    fn percentiles_are_told_to_a_sixteenth() {
        let mut latencies = Latencies::default();
        assert!(latencies.permille_us(500).abs() < f64::EPSILON);
        for micros in 1..=1000 {
            latencies.record(micros * 1000);
        }
        for (of, expected) in [(500, 500.0), (950, 950.0), (990, 990.0), (1000, 1000.0)] {
            let said = latencies.permille_us(of);
            assert!(said >= expected && said < expected * 1.07, "{of}: {said}");
        }
    }
}
