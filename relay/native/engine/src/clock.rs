//! The only clock that packets are timed by: CLOCK_MONOTONIC, which is also Python's
//! `time.monotonic`.

use burrow_packet::{Nanos, SECOND};
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds now.
#[must_use]
pub fn now() -> Nanos {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * SECOND + time.tv_nsec.unsigned_abs()
}
