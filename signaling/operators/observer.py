"""The task that looks at the node on a tick: for all pages, the minutes and each call's course at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec
import structlog

from db.records import CallSampled, MinutePassed
from relay.door import Relay
from signaling.core.record import MatchEnded, MatchStarted
from signaling.live.operations import NodeStatus
from signaling.live.ports import StorageUnavailable
from signaling.live.service import LiveService
from signaling.operators.bodies import CallBody, FeedState, RecentEnd, Sample
from signaling.operators.calls import call_body, count, sample, worst_first
from signaling.operators.minute_book import Look, MinuteBook
from signaling.operators.rates import Rates
from signaling.operators.samples import CallCourse

WATCHED_SECONDS = 2.0
"""Between two looks while a page is open."""
UNWATCHED_SECONDS = 5.0
FEED_CALLS = 100
RECENT_ENDS = 20
KEEP_DAYS = 30
PRUNE_SECONDS = 3600.0

_log = structlog.get_logger(__name__)


class Keeps(Protocol):
    """What is kept of all this."""

    def add(self, record: MinutePassed | CallSampled) -> None:
        """Never waits and never fails."""

    async def prune(self, before: datetime) -> None:
        """Delete what is older. Raises :class:`StorageUnavailable`."""


class Pages(Protocol):
    """Who is shown each state."""

    @property
    def watched(self) -> bool: ...

    def publish(self, state: FeedState) -> None: ...

    async def opened(self) -> None:
        """Until a page opens."""


class Observer:
    """:meth:`start` it, :meth:`stop` it. Told of matches as the store is (:meth:`started`, :meth:`ended`)."""

    def __init__(
        self,
        live: LiveService,
        relay: Relay,
        status: Callable[[], NodeStatus],
        keeps: Keeps,
        pages: Pages,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._live, self._relay, self._status = live, relay, status
        self._keeps, self._pages, self._clock = keeps, pages, clock
        self._rates = Rates()
        self._book: MinuteBook | None = None
        self._courses: dict[str, CallCourse] = {}
        self._connected: set[str] = set()
        """Matches in progress whose time to connect is counted."""
        self._ends: deque[RecentEnd] = deque(maxlen=RECENT_ENDS)
        self._tasks: list[asyncio.Task[None]] = []
        self.calls: tuple[CallBody, ...] = ()
        """As of the last look."""
        self.look_seconds = 0.0
        """What the last look took of the event loop."""

    async def start(self) -> None:
        self._look()
        self._tasks = [
            asyncio.create_task(self._run(), name="operators' observer"),
            asyncio.create_task(self._prune(), name="operators' pruning"),
        ]

    async def stop(self) -> None:
        """Hand over the minute that is not over yet, and the courses of calls that are cut off."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = []
        if self._book is not None:
            self._keeps.add(self._book.close(self._clock()))

    # --- what happens in between ------------------------------------------------------------------

    def started(self, _match: MatchStarted) -> None:
        if self._book is not None:
            self._book.began()

    def ended(self, match: MatchEnded) -> None:
        """Also counts what no look saw: a match shorter than the time between two."""
        match_id, troubles = match.match.match_id, match.troubles
        if self._book is not None:
            if match_id not in self._connected and match.connect_ms is not None and match.routes:
                self._book.connected(match.routes[0], match.connect_ms)
            self._book.ended(match.reason, Counter(f"{t.route} {t.step}" for t in troubles))
        self._connected.discard(match_id)
        self._ends.appendleft(
            RecentEnd(
                match=match_id,
                ended_at=match.ended_at,
                seconds=round(match.ended_at - match.match.started_at, 1),
                reason=match.reason,
                by=match.by,
                routes=match.routes,
                connect_ms=match.connect_ms,
                step=troubles[-1].step if troubles else None,
            )
        )
        course = self._courses.pop(match_id, None)
        if course is not None and course.samples:
            kept = tuple(msgspec.to_builtins(taken) for taken in course.samples)
            self._keeps.add(CallSampled(match_id, datetime.fromtimestamp(match.ended_at, UTC), kept))

    def samples(self, match_id: str) -> tuple[Sample, ...]:
        """Of a match in progress."""
        course = self._courses.get(match_id)
        return () if course is None else course.samples

    def now(self) -> tuple[CallBody, ...]:
        """Every call as it is now, with the rates of the last look."""
        return tuple(call_body(view, self._rates.legs) for view in self._live.calls())

    # --- inside -----------------------------------------------------------------------------------

    async def _run(self) -> None:
        opened = asyncio.create_task(self._pages.opened(), name="operators' first page")
        try:
            while True:
                # The first page to open is shown something fresh; after that the tick is short enough.
                seconds = WATCHED_SECONDS if self._pages.watched else UNWATCHED_SECONDS
                await asyncio.wait({opened}, timeout=seconds)
                if opened.done():
                    opened = asyncio.create_task(self._pages.opened(), name="operators' next page")
                try:
                    self._look()
                except Exception:  # noqa: BLE001  # the tick's edge: one look that fails must not end all of them
                    _log.exception("operators_look_failed")
        finally:
            opened.cancel()

    def _look(self) -> None:
        begun = time.perf_counter()
        at = self._clock()
        snapshot, status = self._relay.snapshot(), self._status()
        self._rates.look(snapshot, at)
        calls = self.calls = self.now()
        counts = count(calls)
        look = Look(
            load=status.load,
            relay=snapshot,
            drops=self._rates.drops,
            counts=counts,
            online=status.online,
            waiting=status.queued,
            legs=status.legs,
        )
        if self._book is None:
            self._book = MinuteBook(look, at)
        self._note_calls(calls)
        passed = self._book.look(look, at)
        if passed is not None:
            self._keeps.add(passed)
        if self._pages.watched:
            self._pages.publish(
                FeedState(
                    at=at,
                    node=status,
                    traffic=self._rates.traffic,
                    counts=counts,
                    calls=worst_first(calls, FEED_CALLS),
                    calls_total=len(calls),
                    ends=tuple(self._ends),
                )
            )
        self.look_seconds = time.perf_counter() - begun

    def _note_calls(self, calls: tuple[CallBody, ...]) -> None:
        assert self._book is not None
        for call in calls:
            if call.connect_ms is not None and call.match not in self._connected and call.route is not None:
                self._connected.add(call.match)
                self._book.connected(call.route, call.connect_ms)
            self._courses.setdefault(call.match, CallCourse()).add(sample(call))

    async def _prune(self) -> None:
        while True:
            try:
                await self._keeps.prune(
                    datetime.fromtimestamp(self._clock(), UTC) - timedelta(days=KEEP_DAYS)
                )
            except StorageUnavailable:
                _log.warning("operators_pruning_put_off")
            except Exception:  # noqa: BLE001  # the task's edge: what cannot be deleted now is tried again
                _log.exception("operators_pruning_failed")
            await asyncio.sleep(PRUNE_SECONDS)
