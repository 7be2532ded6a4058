"""Named deadlines in one heap: set, move, clear, and learn which are due."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Deadlines(Generic[K]):
    """At most one deadline per key; all operations take logarithmic time.

    A key that is moved or cleared leaves a stale entry in the heap. Stale entries are thrown out when
    they outnumber the live ones, so memory follows the number of keys and not of changes.
    """

    def __init__(self) -> None:
        self._when: dict[K, tuple[float, int]] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._when)

    def set(self, key: K, when: float) -> None:
        self._count += 1
        self._when[key] = (when, self._count)
        if len(self._heap) > 2 * len(self._when) + 64:
            self._heap = [(at, count, k) for k, (at, count) in self._when.items()]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (when, self._count, key))

    def clear(self, key: K) -> None:
        self._when.pop(key, None)

    def next(self) -> float | None:
        """The earliest deadline, ``None`` when there is none."""
        heap = self._heap
        while heap and self._when.get(heap[0][2]) != (heap[0][0], heap[0][1]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: float) -> K | None:
        """Take the earliest key that is due; call again until ``None``."""
        when = self.next()
        if when is None or when > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._when[key]
        return key
