"""Who may ask how often: moving windows by the ``limits`` library, over a memory of bounded size."""

from __future__ import annotations

import math
import time
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

from signaling.errors import RateLimited
from signaling.settings import AuthSettings

MAX_KEYS = 100_000
"""Addresses and accounts remembered. A key takes about 300 bytes at the default rates."""
REFRESHES_PER_MINUTE = 30
"""Per session cookie. A client needs one in a quarter of an hour."""
CHANGES_PER_MINUTE = 30
"""Profile requests and upgrades per account."""


class BoundedMemory(Storage, MovingWindowSupport):
    """The moments of the latest hits per key.

    Drop policy: over ``max_keys``, the key that was not asked about for the longest is forgotten. Filling the
    memory to be forgotten takes as many address prefixes, since accounts count only after the address did.
    """

    STORAGE_SCHEME = None

    def __init__(self, max_keys: int, clock: Callable[[], float]) -> None:
        super().__init__()
        self._max_keys = max_keys
        self._clock = clock
        self._hits: OrderedDict[str, array[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hits)

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count ``amount`` hits unless more than ``limit`` would then lie within ``expiry`` seconds."""
        now = self._clock()
        hits = self._recent(key, now - expiry)
        if len(hits) + amount > limit:
            return False
        hits.extend([now] * amount)
        self._hits[key] = hits
        self._hits.move_to_end(key)
        while len(self._hits) > self._max_keys:
            self._hits.popitem(last=False)
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's signature
        """The oldest hit within ``expiry`` seconds, and how many there are."""
        now = self._clock()
        hits = self._recent(key, now - expiry)
        return (hits[0] if hits else now), len(hits)

    def clear(self, key: str) -> None:
        self._hits.pop(key, None)

    def reset(self) -> int:
        count = len(self._hits)
        self._hits.clear()
        return count

    def check(self) -> bool:
        return True

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("Only moving windows are kept here.")

    def get(self, key: str) -> int:
        raise NotImplementedError("Only moving windows are kept here.")

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError("Only moving windows are kept here.")

    def _recent(self, key: str, since: float) -> array[float]:
        hits = self._hits.get(key)
        if hits is None:
            return array("d")
        del hits[: bisect_right(hits, since)]
        if not hits:
            del self._hits[key]
        return hits


class RateLimits:
    """Each method counts one request and raises :class:`RateLimited` when it is one too many."""

    def __init__(
        self,
        settings: AuthSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self._clock = clock
        self._memory = BoundedMemory(max_keys, clock)
        self._limiter = MovingWindowRateLimiter(self._memory)
        self._requests = RateLimitItemPerMinute(settings.requests_per_minute)
        self._signups = RateLimitItemPerMinute(settings.signups_per_minute)
        self._logins = RateLimitItemPerMinute(settings.logins_per_minute)
        self._refreshes = RateLimitItemPerMinute(REFRESHES_PER_MINUTE)
        self._changes = RateLimitItemPerMinute(CHANGES_PER_MINUTE)

    def request(self, prefix: str) -> None:
        """Anything under /api/v1, from an address prefix."""
        self._hit(self._requests, "request", prefix)

    def signup(self, prefix: str) -> None:
        """A registration or a guest's sign-in, from an address prefix."""
        self._hit(self._signups, "signup", prefix)

    def login(self, prefix: str) -> None:
        """A login attempt, from an address prefix."""
        self._hit(self._logins, "login", prefix)

    def login_to(self, email: str) -> None:
        """A login attempt to an account, whether or not it exists."""
        self._hit(self._logins, "login_to", email)

    def refresh(self, token_digest: str) -> None:
        """A refresh with one token."""
        self._hit(self._refreshes, "refresh", token_digest)

    def change(self, user_id: str) -> None:
        """A profile request or an upgrade of one account."""
        self._hit(self._changes, "change", user_id)

    def _hit(self, item: RateLimitItem, kind: str, key: str) -> None:
        if self._limiter.hit(item, kind, key):
            return
        window = self._limiter.get_window_stats(item, kind, key)
        raise RateLimited(retry_after_seconds=max(1, math.ceil(window.reset_time - self._clock())))
