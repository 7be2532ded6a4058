"""What an operator may ask of this node, and what it answers: status, drain, limits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from relay.door import LoadReading, NodeLimits, Relay, SelfTestReport
from signaling.errors import BadRequest, NotDraining, StopAsked
from signaling.live.service import LiveService

DrainBy = Literal["operator", "signal"]


@dataclass(frozen=True, slots=True)
class DrainStatus:
    """Times in Unix seconds."""

    by: DrainBy
    since: float
    deadline: float | None
    """Calls that still go on then are ended; ``None``: they are waited for without end."""
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

    def __init__(self, live: LiveService, relay: Relay, *, engine: str, version: str) -> None:
        self._live, self._relay = live, relay
        self._engine, self._version = engine, version
        self._started_at = time.time()
        self._drain: tuple[DrainBy, float, float | None] | None = None

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
        return ("draining",) if self._drain is not None else ()

    def drain(self, deadline_seconds: float | None = None, *, by: DrainBy = "operator") -> None:
        """Make no new matches, and stop when the calls are over or ``deadline_seconds`` from now (``None``:
        as configured). Again while draining: the new deadline holds."""
        now = time.time()
        self._drain = (by, now, None if deadline_seconds is None else now + deadline_seconds)

    def undrain(self) -> None:
        """Take users again. Raises :class:`NotDraining`, and :class:`StopAsked` after a signal."""
        if self._drain is None:
            raise NotDraining
        if self._drain[0] == "signal":
            raise StopAsked
        self._drain = None

    def set_limits(self, limits: NodeLimits) -> None:
        """From now on, until the process ends. Raises :class:`BadRequest`."""
        try:
            self._relay.set_limits(limits)
        except ValueError as error:
            raise BadRequest(str(error)) from error
