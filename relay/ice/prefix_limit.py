"""Limits per address prefix, for what strangers ask: a token bucket, and a number at once."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

PREFIXES = 4096
"""Buckets kept; the least recently used is forgotten (it then starts full again)."""


def prefix_of(host: str) -> int:
    """The /24 (IPv4) or /56 (IPv6) of a literal address, as a number that no other prefix has."""
    address = ipaddress.ip_address(host.split("%")[0])
    return int(address) >> (8 if address.version == 4 else 72) | address.version << 64


class PrefixLimit:
    """Lets ``per_second`` requests through per /24 (IPv4) or /56 (IPv6), with a burst of as many."""

    def __init__(self, per_second: int) -> None:
        self._rate = per_second
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()

    def allow(self, host: str, now: float) -> bool:
        """Whether a request from ``host``, a literal address, may be answered at ``now`` (seconds)."""
        prefix = prefix_of(host)
        tokens, at = self._buckets.pop(prefix, (float(self._rate), now))
        tokens = min(tokens + (now - at) * self._rate, float(self._rate))
        allowed = tokens >= 1.0
        self._buckets[prefix] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > PREFIXES:
            self._buckets.popitem(last=False)
        return allowed


class Strangers:
    """How many connections that have not proved anything are open: ``most``, and ``most_per_prefix`` from one
    /24 or /56."""

    def __init__(self, most: int, most_per_prefix: int) -> None:
        self._most, self._most_per_prefix = most, most_per_prefix
        self._open: dict[int, int] = {}
        self._count = 0

    def admit(self, host: str) -> bool:
        """Whether one more from ``host``, a literal address, may come in; it counts until :meth:`leave`."""
        prefix = prefix_of(host)
        there = self._open.get(prefix, 0)
        if self._count >= self._most or there >= self._most_per_prefix:
            return False
        self._open[prefix] = there + 1
        self._count += 1
        return True

    def leave(self, host: str) -> None:
        """One that was admitted has proved itself or is gone."""
        prefix = prefix_of(host)
        self._count -= 1
        self._open[prefix] -= 1
        if not self._open[prefix]:
            del self._open[prefix]
