"""Adds up what the node does into minutes. Pure; Unix time is an argument."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from db.records import CONNECT_MS, MinutePassed
from relay.door import LoadLevel, LoadReading, RelaySnapshot
from signaling.operators.bodies import CallCounts

MINUTE_SECONDS = 60.0
_WORSE: tuple[LoadLevel, ...] = ("normal", "soft", "hard")


@dataclass(frozen=True, slots=True)
class Look:
    """The node at one moment. Drops, like the relay's other counters, since its start."""

    load: LoadReading
    relay: RelaySnapshot
    drops: Mapping[str, int]
    counts: CallCounts
    online: int
    waiting: int
    legs: int


@dataclass(slots=True)
class _Page:
    """The minute that is being written."""

    since: float
    looks: int = 0
    stress: float = 0.0
    stress_max: float = 0.0
    cpu: float = 0.0
    lag_ms: float = 0.0
    level: LoadLevel = "normal"
    most: Counter[str] = field(default_factory=Counter)
    matches: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    connect_ms: dict[str, list[int]] = field(default_factory=dict)


class MinuteBook:
    """:meth:`look` on each tick, with :meth:`began`, :meth:`connected` and :meth:`ended` in between."""

    def __init__(self, look: Look, at: float) -> None:
        self._base = self._last = look
        self._page = _Page(at)

    def look(self, look: Look, at: float) -> MinutePassed | None:
        """Take a look; answers the minute that is over with it, if one is."""
        self._last = look
        page, load = self._page, look.load
        page.looks += 1
        page.stress += load.stress
        page.stress_max = max(page.stress_max, load.stress)
        page.cpu += load.cpu
        page.lag_ms = max(page.lag_ms, load.lag_ms)
        page.level = max(page.level, load.level, key=_WORSE.index)
        for name, value in (
            ("online", look.online),
            ("waiting", look.waiting),
            ("legs", look.legs),
            ("calls_direct", look.counts.direct),
            ("calls_relay", look.counts.relay),
            ("calls_connecting", look.counts.connecting),
        ):
            page.most[name] = max(page.most[name], value)
        # Minutes of the clock, so that rows of two days lie over each other.
        return self.close(at) if int(at // MINUTE_SECONDS) > int(page.since // MINUTE_SECONDS) else None

    def close(self, at: float) -> MinutePassed:
        """Hand out what there is, and begin anew."""
        page, base, last = self._page, self._base, self._last
        self._page, self._base = _Page(at), last
        looks = max(1, page.looks)
        return MinutePassed(
            at=datetime.fromtimestamp(page.since, UTC),
            seconds=round(at - page.since, 3),
            stress=page.stress / looks,
            stress_max=page.stress_max,
            level=page.level,
            cpu=page.cpu / looks,
            lag_ms=page.lag_ms,
            packets_in=last.relay.packets_in - base.relay.packets_in,
            packets_out=last.relay.packets_out - base.relay.packets_out,
            bytes_in=last.relay.bytes_in - base.relay.bytes_in,
            bytes_out=last.relay.bytes_out - base.relay.bytes_out,
            online=page.most["online"],
            waiting=page.most["waiting"],
            calls_direct=page.most["calls_direct"],
            calls_relay=page.most["calls_relay"],
            calls_connecting=page.most["calls_connecting"],
            legs=page.most["legs"],
            matches=page.matches,
            connected={route: sum(classes) for route, classes in page.connect_ms.items()},
            ends=dict(page.ends),
            troubles=dict(page.troubles),
            drops={
                reason: more
                for reason, total in last.drops.items()
                if (more := total - base.drops.get(reason, 0)) > 0
            },
            connect_ms=page.connect_ms,
        )

    def began(self) -> None:
        """A match began."""
        self._page.matches += 1

    def connected(self, route: str, connect_ms: int) -> None:
        """A match got its first route."""
        classes = self._page.connect_ms.setdefault(route, [0] * (len(CONNECT_MS) + 1))
        classes[bisect_left(CONNECT_MS, connect_ms)] += 1

    def ended(self, reason: str, troubles: Counter[str]) -> None:
        """A match ended; ``troubles`` by "route step"."""
        self._page.ends[reason] += 1
        self._page.troubles.update(troubles)
