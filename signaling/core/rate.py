"""How often a socket may speak: a token bucket without a clock."""

from __future__ import annotations


class TokenBucket:
    """``rate`` tokens a second, ``burst`` at most. What is refused is charged as well, so that a client that
    goes on runs up a debt: :attr:`exhausted` once that is as large as the burst."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = float(burst)
        self._at = now

    def take(self, cost: float, now: float) -> bool:
        """Whether there was enough for ``cost`` at ``now`` (seconds)."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        allowed = self._tokens >= cost
        self._tokens -= cost
        return allowed

    def charge(self, cost: float) -> None:
        """Take more for a message that turned out worse than it looked."""
        self._tokens -= cost

    @property
    def exhausted(self) -> bool:
        return self._tokens <= -self._burst
