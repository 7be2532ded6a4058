"""How often one user may have a leg opened: counted by user, so that a seat left and taken again starts no
fresh count."""

from __future__ import annotations

from collections import OrderedDict

AT_ONCE = 10
"""A bad network loses several legs in a row, and a user may come and go."""
REMEMBERED = 100_000
"""Users kept; over it the one who opened a leg longest ago is forgotten and starts afresh."""


class Openings:
    """A token bucket for each user: :data:`AT_ONCE`, and one in ``each`` seconds on average. Who has used up
    nothing takes no memory."""

    def __init__(self, each: float, remembered: int = REMEMBERED) -> None:
        self._each = each
        self._remembered = remembered
        self._until: OrderedDict[str, float] = OrderedDict()
        """Until when the openings of a user use up what is allowed; in the order of the last one."""

    def __len__(self) -> int:
        return len(self._until)

    def may_open(self, user: str, now: float) -> bool:
        """Whether one more is allowed at ``now`` (seconds)."""
        return self._until.get(user, now) <= now + (AT_ONCE - 1) * self._each

    def opened(self, user: str, now: float) -> None:
        """Count one. One that had to be goes on the account, which is never overdrawn by more than one."""
        until = min(max(self._until.pop(user, now), now), now + (AT_ONCE - 1) * self._each)
        self._until[user] = until + self._each
        while self._until and (
            len(self._until) > self._remembered or next(iter(self._until.values())) <= now
        ):
            self._until.popitem(last=False)
