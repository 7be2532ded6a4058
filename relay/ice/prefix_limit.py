"""A token bucket per address prefix, for requests from strangers."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

PREFIXES = 4096
"""Buckets kept; the least recently used is forgotten (it then starts full again)."""


class PrefixLimit:
    """Lets ``per_second`` requests through per /24 (IPv4) or /56 (IPv6), with a burst of as many."""

    def __init__(self, per_second: int) -> None:
        self._rate = per_second
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()

    def allow(self, host: str, now: float) -> bool:
        """Whether a request from ``host``, a literal address, may be answered at ``now`` (seconds)."""
        address = ipaddress.ip_address(host.split("%")[0])
        prefix = int(address) >> (8 if address.version == 4 else 72) | address.version << 64
        tokens, at = self._buckets.pop(prefix, (float(self._rate), now))
        tokens = min(tokens + (now - at) * self._rate, float(self._rate))
        allowed = tokens >= 1.0
        self._buckets[prefix] = (tokens - 1.0 if allowed else tokens, now)
        if len(self._buckets) > PREFIXES:
            self._buckets.popitem(last=False)
        return allowed
