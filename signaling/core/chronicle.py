"""What is kept of a match while it goes on: its routes' changes, its troubles, how soon it was connected."""

from __future__ import annotations

from signaling.core.course import Course
from signaling.core.direct_route import DirectRoute
from signaling.core.match_states import Over, Tell
from signaling.core.record import ROUTE_CHANGES, MatchEnded, MatchStarted, RecordBy, RouteChange
from signaling.core.relay_route import RelayRoute
from signaling.core.side import Side
from signaling.core.trouble import TROUBLES, Trouble
from signaling.messages import FailedStep, RouteName


class Chronicle:
    """Times in seconds of the core's clock. Lists are bounded and keep the first."""

    def __init__(self, record: MatchStarted, now: float) -> None:
        self.course = Course(now)
        self.connect_ms: int | None = None
        """From the match to its first route; ``None`` while there was none."""
        self._record = record
        self._started = now
        self._connected: tuple[RouteName, float] | None = None
        self._routes: tuple[RouteName, ...] = ()
        self._changes: list[RouteChange] = []
        self._troubles: list[Trouble] = []

    @property
    def changes(self) -> tuple[RouteChange, ...]:
        return tuple(self._changes)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        return tuple(self._troubles)

    def age_seconds(self, now: float) -> float:
        return now - self._started

    def told(self, tell: Tell, now: float) -> None:
        """Both are told this of a route."""
        if tell.state == "linked" and tell.route not in self._routes:
            self._routes = (*self._routes, tell.route)
        if len(self._changes) < ROUTE_CHANGES:
            self._changes.append(
                RouteChange(self._ms(now), tell.route, tell.state, tell.attempt, tell.reason, tell.side)
            )

    def trouble(self, step: FailedStep, side: Side | None, route: RouteName, now: float) -> Trouble:
        """Something went wrong, or slowly."""
        trouble = Trouble(step, side, route, self._ms(now))
        if len(self._troubles) < TROUBLES:
            self._troubles.append(trouble)
        return trouble

    def connected(self, route: RouteName, now: float) -> None:
        """This route carries the match from now on; the first one counts."""
        if self.connect_ms is None:
            self.connect_ms = self._ms(now)
            self._connected = (route, now - self._started)

    def take_connect(self) -> tuple[RouteName, float] | None:
        """By which route and after how many seconds the match was connected first; said once."""
        connected, self._connected = self._connected, None
        return connected

    def ended(self, over: Over, relay: RelayRoute, direct: DirectRoute, unix_offset: float) -> MatchEnded:
        """The whole of it, with what the routes have counted so far."""
        by: RecordBy = "service" if over.by is None else ("a" if over.by is Side.A else "b")
        return MatchEnded(
            match=self._record,
            ended_at=over.at + unix_offset,
            reason=over.reason,
            by=by,
            connect_ms=self.connect_ms,
            routes=self._routes,
            a_to_b=relay.totals[0],
            b_to_a=relay.totals[1],
            route_changes=self.changes,
            troubles=self.troubles,
            direct_stats=(direct.stats[0], direct.stats[1]),
            events=self.course.events,
        )

    def _ms(self, now: float) -> int:
        return round((now - self._started) * 1000)
