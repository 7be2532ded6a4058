"""Counting and timing of one received RTP stream, without I/O and without a clock."""

from __future__ import annotations


class Timestamps:
    """32-bit RTP timestamps as ever-growing numbers (RFC 3550 section 5.1), right over wraps and reordering.
    The first one stays as it is."""

    def __init__(self) -> None:
        self.highest: int | None = None

    def unwrap(self, timestamp: int) -> int:
        """``timestamp`` as near as possible to the highest one so far, which it may become."""
        value = self.near(timestamp)
        self.highest = value if self.highest is None else max(self.highest, value)
        return value

    def near(self, timestamp: int) -> int:
        """The same, leaving the highest one as it is."""
        if self.highest is None:
            return timestamp
        return self.highest + (timestamp - self.highest + (1 << 31)) % (1 << 32) - (1 << 31)


class SequenceCount:
    """Packets received and lost of one stream, each number once (RFC 3550 appendix A.3, without its
    probation). A jump of more than ``_RESTART`` numbers is a new sequence."""

    _RESTART = 3000
    _REMEMBERED = 1024

    def __init__(self) -> None:
        self.received = 0
        self._expected = 0
        self._first = 0
        self._highest: int | None = None
        self._seen: set[int] = set()

    @property
    def lost(self) -> int:
        return self._expected - self.received

    def add(self, sequence_number: int) -> None:
        if self._highest is None:
            self._start(sequence_number)
            return
        distance = (sequence_number - self._highest + (1 << 15)) % (1 << 16) - (1 << 15)
        if abs(distance) > self._RESTART:
            self._start(sequence_number)
            return
        number = self._highest + distance
        if number in self._seen or number <= self._highest - self._REMEMBERED or number < self._first:
            return
        self.received += 1
        self._seen.add(number)
        if number > self._highest:
            self._expected += number - self._highest
            self._highest = number
            if len(self._seen) > 2 * self._REMEMBERED:
                self._seen = {n for n in self._seen if n > number - self._REMEMBERED}

    def _start(self, sequence_number: int) -> None:
        self._highest = self._first = sequence_number
        self._seen = {sequence_number}
        self.received += 1
        self._expected += 1


class StreamClock:
    """Where a stream's timestamps lie on its sender's wall clock, in seconds at timestamp 0.

    A sender report says at which wall time a timestamp was sampled (RFC 3550 section 6.4.1); some senders
    give the time it was sent, which is later by what encoding took. The least value of several comes nearest
    to the truth, and the same holds for arrival times, which serve until there is a report.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self.by_reports: float | None = None
        self.by_arrival: float | None = None

    def report(self, ntp_seconds: float, timestamp: int) -> None:
        self.by_reports = _least(self.by_reports, ntp_seconds - timestamp / self._rate)

    def arrival(self, now: float, timestamp: int) -> None:
        self.by_arrival = _least(self.by_arrival, now - timestamp / self._rate)


def _least(a: float | None, b: float) -> float:
    return b if a is None else min(a, b)
