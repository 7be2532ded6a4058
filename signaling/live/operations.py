"""What an operator may ask of this node, and what it answers: status, drain, limits."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

import structlog

from relay.door import LoadReading, NodeLimits, Relay, SelfTestReport
from signaling.errors import BadRequest, NotDraining, StopAsked
from signaling.live.service import LiveService

_log = structlog.get_logger(__name__)

SELF_TEST_PATIENCE = 3
"""Failed self-tests in a row after which new users are not sent here."""

DrainBy = Literal["operator", "signal"]


@dataclass(frozen=True, slots=True)
class DrainStatus:
    """Times in Unix seconds."""

    by: DrainBy
    since: float
    deadline: float
    """Calls that still go on then are ended."""
    calls_left: int


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One look at the node."""

    engine: str
    version: str
    started_at: float
    """Unix seconds."""
    not_ready: tuple[str, ...]
    """Why ``/ready`` answers 503, the database apart: ``draining``, ``stopping``, ``self_test_failed``;
    empty when it does not."""
    drain: DrainStatus | None
    load: LoadReading
    limits: NodeLimits
    self_test: SelfTestReport | None
    online: int
    """Users with a seat."""
    sockets: int
    queued: int
    matches: int
    legs: int


class Operations:
    """One node's. All methods are called on the event loop's thread and none blocks."""

    def __init__(
        self,
        live: LiveService,
        relay: Relay,
        *,
        engine: str,
        version: str,
        drain_seconds: float = 900.0,
        drain_calls: int = 0,
    ) -> None:
        """``drain_seconds``: the deadline of a drain that names none. ``drain_calls``: with no more
        calls than that a drain is over."""
        self._live, self._relay = live, relay
        self._engine, self._version = engine, version
        self._drain_seconds, self._drain_calls = drain_seconds, drain_calls
        self._started_at = time.time()
        self._drain: tuple[DrainBy, float, float] | None = None
        self._draining: asyncio.Task[None] | None = None
        self._waits: set[asyncio.Task[None]] = set()
        self.drained = asyncio.Event()
        """Set when a drain is over, and the service is to stop."""

    def status(self) -> NodeStatus:
        counts = self._live.counts
        return NodeStatus(
            engine=self._engine,
            version=self._version,
            started_at=self._started_at,
            not_ready=self.not_ready(),
            drain=None if self._drain is None else DrainStatus(*self._drain, calls_left=counts["matches"]),
            load=self._relay.load(),
            limits=self._relay.limits(),
            self_test=self._relay.self_test(),
            online=counts["seats"],
            sockets=counts["open"],
            queued=counts["waiting"],
            matches=counts["matches"],
            legs=counts["legs"],
        )

    def not_ready(self) -> tuple[str, ...]:
        """Why new users should not be sent here; empty when they may be."""
        if self._live.stopping:
            return ("stopping",)
        reasons: list[str] = []
        if self._drain is not None:
            reasons.append("draining")
        tested = self._relay.self_test()
        if tested is not None and tested.failures >= SELF_TEST_PATIENCE:
            reasons.append("self_test_failed")
        return tuple(reasons)

    def drain(self, deadline_seconds: float | None = None, *, by: DrainBy = "operator") -> None:
        """Make no new matches, and stop when the calls are over or ``deadline_seconds`` from now (``None``:
        as configured). Again while draining: the new deadline holds, and a signal is not taken back."""
        now = time.time()
        seconds = self._drain_seconds if deadline_seconds is None else deadline_seconds
        if self._drain is None:
            self._live.drain()
        else:
            by = "signal" if self._drain[0] == "signal" else by
        self._drain = (by, now if self._drain is None else self._drain[1], now + seconds)
        self._stop_waiting()
        self._draining = asyncio.create_task(self._wait_for_calls(seconds), name="drain")
        _log.warning("draining", by=by, deadline_seconds=seconds, calls=self._live.counts["matches"])

    def undrain(self) -> None:
        """Take users again. Raises :class:`NotDraining`, and :class:`StopAsked` after a signal or when the
        drain is over."""
        if self._drain is None:
            raise NotDraining
        if self._drain[0] == "signal" or self.drained.is_set():
            raise StopAsked
        self._drain = None
        self._stop_waiting()
        self._live.undrain()
        _log.warning("drain_taken_back", calls=self._live.counts["matches"])

    async def close(self) -> None:
        """Leave no task."""
        self._stop_waiting()
        if self._waits:
            await asyncio.wait(self._waits)

    def _stop_waiting(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
            self._waits.add(self._draining)
            self._draining.add_done_callback(self._waits.discard)
            self._draining = None

    async def _wait_for_calls(self, seconds: float) -> None:
        outcome = "calls_over"
        try:
            async with asyncio.timeout(seconds):
                while self._live.counts["matches"] > self._drain_calls:
                    await self._live.changed()
        except TimeoutError:
            outcome = "deadline"
        _log.warning("drained", outcome=outcome, calls=self._live.counts["matches"])
        self.drained.set()

    def set_limits(self, limits: NodeLimits) -> None:
        """From now on, until the process ends. Raises :class:`BadRequest`."""
        try:
            self._relay.set_limits(limits)
        except ValueError as error:
            raise BadRequest(str(error)) from error
