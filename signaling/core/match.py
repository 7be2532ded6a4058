"""The match coordinator: one match's life on its routes, as a state machine that asks and tells.

``trying → linked → connected ⇄ interrupted → ended(reason, by)``. It hears what becomes of both legs and
of its own links, and answers with steps for whoever holds the seats. A leg that closes is opened afresh
once for each side; the match then goes on with a further attempt, else it ends by the side that failed.
"""

from __future__ import annotations

from relay.door import DirectionTotals, LegId, LinkId
from signaling.core.conversation import Voice
from signaling.core.leg import Answered, Connected, Interrupted, Leg, Offered
from signaling.core.match_states import (
    Finish,
    Flowing,
    Link,
    Linked,
    Linking,
    OpenAfresh,
    Over,
    Silent,
    State,
    Step,
    Tell,
    Trying,
    Unlink,
)
from signaling.core.matchmaker import Wish
from signaling.core.record import MatchEnded, MatchStarted, RecordBy, add_totals
from signaling.core.route import RoutePlan
from signaling.core.rules import Rules
from signaling.core.side import Side
from signaling.messages import EndReason, RouteName

_CLOSED: dict[str, EndReason] = {
    "not_answered": "no_answer",
    "ice_failed": "ice_failed",
    "dtls_failed": "dtls_failed",
}


class Match:
    """Two users by side, their route and what the relay counted for them. Times in seconds."""

    def __init__(
        self,
        record: MatchStarted,
        wishes: tuple[Wish, Wish],
        plan: RoutePlan,
        rules: Rules,
        now: float,
    ) -> None:
        self.record = record
        self.id = record.match_id
        self.users = (record.user_a, record.user_b)
        self.wishes = wishes
        self.plan = plan
        self.voices = (Voice(), Voice())
        self.state: State = Trying(None)
        self.attempt = 1
        self._rules = rules
        self._legs: list[Leg | None] = [None, None]
        self._afresh = [False, False]
        self._away = [False, False]
        self._doubtful = False
        self._started = now
        self._hold_link_until = 0.0
        self._links = 0
        self._uncounted: set[LinkId] = set()
        self._routes: tuple[RouteName, ...] = ()
        self._connect_ms: int | None = None
        self._totals = [DirectionTotals(), DirectionTotals()]

    # --- life ---------------------------------------------------------------------------------

    def begin(self, legs: tuple[Leg | None, Leg | None], now: float) -> list[Step]:
        """The first call. A leg that is missing is opened."""
        self._legs = list(legs)
        self._hold_link_until = now + self.plan.relay_after_seconds
        self._try(now)
        steps: list[Step] = [OpenAfresh(side) for side in Side if self._legs[side] is None]
        return [*steps, Tell("trying", self.attempt), *self._link(now)]

    def end(self, reason: EndReason, by: Side | None, now: float) -> list[Step]:
        """Ends the match from any state; nothing when it is over already."""
        if isinstance(self.state, Over):
            return []
        link = None if isinstance(self.state, Trying) else self.state.link
        self.state = Over(reason, by, now)
        steps: list[Step] = [] if link is None else [Unlink(link)]
        return [*steps, Finish(reason, by)]

    def away(self, side: Side, away: bool, now: float) -> None:
        """The side lost, or got back, its socket. While it is away no deadline runs that only it could
        meet: its seat's own time says when it is lost."""
        self._away[side] = away
        if isinstance(self.state, Trying) and not away:
            self._try(now)

    def next_deadline(self) -> float | None:
        match self.state:
            case Trying(until):
                return until if self._linkable() is None else self._hold_link_until
            case Linking(_, until) | Linked(_, until):
                return until
            case _:
                return None

    def tick(self, now: float) -> list[Step]:
        """Call when :meth:`next_deadline` has passed."""
        match self.state:
            case Trying(until):
                if steps := self._link(now):
                    return steps
                return self._blame(now) if until is not None and now >= until else []
            case Linking(_, until) if now >= until:
                return self.end("media_lost", None, now)
            case Linked(link, until) if now >= until:
                return self._connected(link, "no_media", now)
            case _:
                return []

    # --- legs ---------------------------------------------------------------------------------

    def leg(self, side: Side, leg: Leg, now: float) -> list[Step]:
        """The side's leg is in a new state, or is a new leg."""
        before, self._legs[side] = self._legs[side], leg
        self._doubtful = False
        match self.state:
            case Trying():
                return self._link(now)
            case Flowing(link) if isinstance(leg, Interrupted):
                self.state = Silent(link)
                return [Tell("interrupted", self.attempt, side=side)]
            case Silent(link) if isinstance(before, Interrupted) and self._linkable() is not None:
                self.state = Flowing(link)
                return [Tell("connected", self.attempt)]
            case _:
                return []

    def leg_closed(self, side: Side, reason: str, now: float) -> list[Step]:
        """The side's leg is gone: once for each side a fresh one is tried."""
        self._legs[side] = None
        self._doubtful = False
        if isinstance(self.state, Over):
            return []
        if reason == "relay_stopping":
            return self.end("relay_stopping", None, now)
        if self._afresh[side]:
            return self.end(_CLOSED.get(reason, "media_lost"), side, now)
        self._afresh[side] = True
        return [*self._lose_link(side, now), OpenAfresh(side)]

    def leg_refused(self, code: str, now: float) -> list[Step]:
        """The relay takes no further leg, so there is no route."""
        return self.end("relay_stopping" if code == "relay_stopping" else "relay_full", None, now)

    # --- links --------------------------------------------------------------------------------

    def link_up(self, link: LinkId, now: float) -> list[Step]:
        match self.state:
            case Linking(link=current) if current == link:
                self.state = Linked(link, now + self._rules.no_media_seconds)
                self._routes = ("relay",)
                return [Tell("linked", self.attempt)]
            case _:
                return []

    def link_flowing(self, link: LinkId, now: float) -> list[Step]:
        match self.state:
            case Linked(link=current) if current == link:
                return self._connected(link, None, now)
            case _:
                return []

    def link_down(
        self, link: LinkId, reason: str, a_to_b: DirectionTotals, b_to_a: DirectionTotals, now: float
    ) -> list[Step]:
        if link not in self._uncounted:
            return []
        self._uncounted.discard(link)
        self._totals[0] = add_totals(self._totals[0], a_to_b)
        self._totals[1] = add_totals(self._totals[1], b_to_a)
        match self.state:
            case Linking(current, _) | Linked(current, _) | Flowing(current) | Silent(current) if (
                current == link
            ):
                if reason == "no_shared_codec":
                    # The link is gone already: nothing to unlink.
                    self.state = Over("no_shared_codec", None, now)
                    return [Finish("no_shared_codec", None)]
                # A leg's own event says which side it was; until one comes both look linkable here.
                self._doubtful = True
                return self._lose_link(None, now)
            case _:
                return []

    # --- record -------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Over, and every link's counts have come."""
        return isinstance(self.state, Over) and not self._uncounted

    def uncounted(self) -> tuple[LinkId, ...]:
        """Links whose counts have not come."""
        return tuple(self._uncounted)

    def ended_record(self, unix_offset: float) -> MatchEnded:
        """With what has been counted so far. Raises ``RuntimeError`` while the match goes on."""
        if not isinstance(self.state, Over):
            raise RuntimeError("the match is not over")  # noqa: TRY004  # not an argument's type: a call too early
        by: RecordBy = "service" if self.state.by is None else ("a" if self.state.by is Side.A else "b")
        return MatchEnded(
            match=self.record,
            ended_at=self.state.at + unix_offset,
            reason=self.state.reason,
            by=by,
            connect_ms=self._connect_ms,
            routes=self._routes,
            a_to_b=self._totals[0],
            b_to_a=self._totals[1],
        )

    # --- inside -------------------------------------------------------------------------------

    def _try(self, now: float) -> None:
        self.state = Trying(now + self._rules.connect_seconds)

    def _linkable(self) -> tuple[LegId, LegId] | None:
        a, b = self._legs
        if self._doubtful or not isinstance(a, Connected) or not isinstance(b, Connected):
            return None
        return a.id, b.id

    def _link(self, now: float) -> list[Step]:
        legs = self._linkable()
        if legs is None or now < self._hold_link_until:
            return []
        self._links += 1
        link = LinkId(f"{self.id}-{self._links}")
        self._uncounted.add(link)
        self.state = Linking(link, now + self._rules.connect_seconds)
        return [Link(link, *legs)]

    def _connected(self, link: LinkId, reason: str | None, now: float) -> list[Step]:
        if self._connect_ms is None:
            self._connect_ms = round((now - self._started) * 1000)
        steps: list[Step] = [Tell("connected", self.attempt, reason)]
        silent = next((side for side in Side if isinstance(self._legs[side], Interrupted)), None)
        if silent is None:
            self.state = Flowing(link)
            return steps
        self.state = Silent(link)
        return [*steps, Tell("interrupted", self.attempt, side=silent)]

    def _lose_link(self, side: Side | None, now: float) -> list[Step]:
        """Back to waiting for both legs, with the next attempt if there was a link."""
        if isinstance(self.state, Trying):
            self._try(now)
            return []
        linked = not isinstance(self.state, Linking)
        self._try(now)
        self.attempt += 1
        if not linked:
            return []
        return [Tell("unlinked", self.attempt - 1, side=side), Tell("interrupted", self.attempt, side=side)]

    def _blame(self, now: float) -> list[Step]:
        """The legs were not up in time: say whose."""
        failed = [side for side in Side if not isinstance(self._legs[side], Connected)]
        if any(self._away[side] for side in failed):
            self.state = Trying(None)
            return []
        reasons: list[EndReason] = []
        for side in failed:
            match self._legs[side]:
                case Offered():
                    reasons.append("no_answer")
                case Answered():
                    reasons.append("ice_failed")
                case Interrupted():
                    reasons.append("media_lost")
                case _:
                    # The relay has not even offered: not the user's doing.
                    return self.end("media_lost", None, now)
        if len(failed) == 1:
            return self.end(reasons[0], failed[0], now)
        return self.end(reasons[0] if reasons else "media_lost", None, now)
