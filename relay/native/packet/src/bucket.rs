//! Token buckets: a leg's bit rate, and plain Binding requests by address prefix.

use foldhash::quality::RandomState;
use lru::LruCache;
use std::num::NonZeroUsize;

use crate::{Nanos, SECOND};

/// Prefixes remembered; beyond it the least recently used is forgotten.
const MAX_PREFIXES: usize = 4096;

/// Tokens that come back with time, up to a burst.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    tokens: f64,
    filled_at: Nanos,
}

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub fn full(burst: f64, now: Nanos) -> Self {
        Self { tokens: burst, filled_at: now }
    }

    /// Takes `cost` tokens if there are as many.
    pub fn take(&mut self, cost: f64, per_second: f64, burst: f64, now: Nanos) -> bool {
        let elapsed = now.saturating_sub(self.filled_at) as f64 / SECOND as f64;
        self.tokens = burst.min(self.tokens + elapsed * per_second);
        self.filled_at = self.filled_at.max(now);
        if self.tokens < cost {
            return false;
        }
        self.tokens -= cost;
        true
    }
}

/// How many plain Binding requests an address prefix may make. Its memory is allocated once.
pub struct PrefixLimiter {
    buckets: LruCache<u128, TokenBucket, RandomState>,
    per_second: f64,
}

impl PrefixLimiter {
    /// `per_second` requests from each prefix in the long run, as many at once.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        let capacity = NonZeroUsize::new(MAX_PREFIXES).unwrap_or(NonZeroUsize::MIN);
        Self {
            buckets: LruCache::with_hasher(capacity, RandomState::default()),
            per_second: f64::from(per_second),
        }
    }

    /// Whether one more from `prefix` may be answered.
    pub fn allow(&mut self, prefix: u128, now: Nanos) -> bool {
        let (rate, burst) = (self.per_second, self.per_second);
        self.buckets.get_or_insert_mut(prefix, || TokenBucket::full(burst, now)).take(1.0, rate, burst, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = TokenBucket::full(10.0, 0);
        let mut take = |now| bucket.take(1.0, 5.0, 10.0, now);
        assert_eq!((0..20).filter(|_| take(0)).count(), 10);
        assert_eq!((0..20).filter(|_| take(SECOND)).count(), 5);
        assert_eq!((0..20).filter(|_| take(100 * SECOND)).count(), 10);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_gives_nothing() {
        let mut bucket = TokenBucket::full(1.0, SECOND);
        assert!(bucket.take(1.0, 5.0, 1.0, SECOND));
        assert!(!bucket.take(1.0, 5.0, 1.0, 0));
        assert!(!bucket.take(1.0, 5.0, 1.0, SECOND));
    }

    #[test]
    fn prefixes_are_limited_apart_and_the_oldest_is_forgotten() {
        let mut limiter = PrefixLimiter::new(2);
        assert!(limiter.allow(1, 0) && limiter.allow(1, 0) && !limiter.allow(1, 0));
        assert!(limiter.allow(2, 0));
        for prefix in 100..100 + MAX_PREFIXES as u128 {
            limiter.allow(prefix, 0);
        }
        assert!(limiter.allow(1, 0), "forgotten, so it starts anew");
    }
}
