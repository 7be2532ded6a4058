//! How long to wait before reading the sockets again, so that one wake-up serves several packets.
//!
//! At a middling rate waking up costs more than a packet. A short wait gathers a few; when there are
//! many, no wait is needed, and when there are few, none is worth it.

use burrow_packet::Nanos;

/// Packets that a wait is to gather: enough to share the cost of waking up, few enough to keep the
/// wait short as the rate grows.
const GATHER: f64 = 4.0;
/// Below so many expected packets in the longest wait, waiting costs more than it saves.
const WORTHWHILE: f64 = 1.5;
/// No shorter wait: a sleep takes tens of microseconds more than it was asked for, so at rates that high it would
/// mostly add latency (docs/decisions/0103-waiting.md).
const SHORTEST: Nanos = 50_000;
/// Weight of the last round in the estimate of the rate, for each millisecond it lasted.
const SMOOTHING: f64 = 0.2;

/// Estimates the packet rate and says how long to wait.
pub struct Pace {
    longest: Nanos,
    per_nano: f64,
    read_at: Nanos,
}

impl Pace {
    /// Waits at most `longest`; zero never waits.
    #[must_use]
    pub fn new(longest: Nanos, now: Nanos) -> Self {
        Self { longest, per_nano: 0.0, read_at: now }
    }

    /// `packets` were read; gives how long to wait before the next reading.
    pub fn after_reading(&mut self, packets: usize, full: bool, now: Nanos) -> Nanos {
        let elapsed = now.saturating_sub(self.read_at).max(1);
        self.read_at = now;
        let weight = (SMOOTHING * elapsed as f64 / 1e6).clamp(0.01, 1.0);
        self.per_nano += (packets as f64 / elapsed as f64 - self.per_nano) * weight;
        let expected = self.per_nano * self.longest as f64;
        if full || packets == 0 || expected < WORTHWHILE {
            return 0;
        }
        let wait = self.longest.min((GATHER / self.per_nano) as Nanos);
        if wait < SHORTEST { 0 } else { wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burrow_packet::SECOND;

    /// Feeds a steady rate and gives the wait it settles at.
    fn settled(per_second: u64) -> Nanos {
        let mut pace = Pace::new(200_000, 0);
        let (mut now, mut wait, mut due) = (0, 0, 0.0);
        for _ in 0..2000 {
            let step = wait.max(SECOND / per_second);
            now += step;
            due += per_second as f64 * step as f64 / SECOND as f64;
            wait = pace.after_reading(due as usize, due >= 64.0, now);
            due -= due.floor();
        }
        wait
    }

    #[test]
    fn it_waits_where_it_pays() {
        assert_eq!(settled(2_000), 0);
        assert_eq!(settled(20_000), 200_000);
        let busy = settled(60_000);
        assert!((55_000..80_000).contains(&busy), "{busy}");
        assert_eq!(settled(120_000), 0);
        assert_eq!(settled(600_000), 0);
    }

    #[test]
    fn it_can_be_switched_off() {
        let mut pace = Pace::new(0, 0);
        assert_eq!(pace.after_reading(10, false, 100_000), 0);
    }
}
