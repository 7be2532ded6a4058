"""Who has met whom lately, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque


class Rematch:
    """Pairs that parted less than ``seconds`` ago.

    The window is the same for all, so the order of parting is the order of expiry and one ordered map
    is enough. At most ``memory`` pairs are kept; beyond that the one that parted longest ago is free
    early. Every pair that becomes free comes out of :meth:`pop_free` once, so that somebody who was
    passed over because of it can be looked at again without a search.
    """

    def __init__(self, seconds: float, memory: int) -> None:
        self._seconds = seconds
        self._memory = memory
        self._until: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._early: deque[tuple[str, str]] = deque(maxlen=memory)

    def __len__(self) -> int:
        return len(self._until)

    def remember(self, a: str, b: str, now: float) -> None:
        if self._seconds <= 0:
            return
        pair = (a, b) if a < b else (b, a)
        self._until[pair] = now + self._seconds
        self._until.move_to_end(pair)
        if len(self._until) > self._memory:
            self._early.append(self._until.popitem(last=False)[0])

    def met(self, a: str, b: str, now: float) -> bool:
        until = self._until.get((a, b) if a < b else (b, a))
        return until is not None and until > now

    def next_free(self) -> float | None:
        """When the next pair becomes free; in the past for those that already are."""
        if self._early:
            return float("-inf")
        return next(iter(self._until.values()), None)

    def pop_free(self, now: float) -> tuple[str, str] | None:
        """Take one pair that has become free; call again until ``None``."""
        if self._early:
            return self._early.popleft()
        if self._until:
            pair = next(iter(self._until))
            if self._until[pair] <= now:
                del self._until[pair]
                return pair
        return None
