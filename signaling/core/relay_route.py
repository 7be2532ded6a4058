"""A match's route by relay: both legs, their link, and what is tried when one is lost.

``standby → trying → linking → linked → flowing ⇄ silent``. It hears what becomes of the legs and of its own
links, and answers with steps. Whether it is wanted is the coordinator's decision (:meth:`RelayRoute.start`,
:meth:`RelayRoute.stop`).
"""

from __future__ import annotations

from collections.abc import Callable

from relay.door import DirectionTotals, LegId, LinkId
from signaling.core.leg import Answered, Connected, Interrupted, Leg, Offered
from signaling.core.match_states import (
    Carries,
    Failed,
    Flowing,
    Link,
    Linked,
    Linking,
    Lost,
    OpenAfresh,
    RelayState,
    RelayStep,
    Silent,
    Standby,
    Tell,
    Trying,
    Unlink,
)
from signaling.core.record import add_totals
from signaling.core.rules import Rules
from signaling.core.side import Side
from signaling.messages import EndReason

_CLOSED: dict[str, EndReason] = {
    "not_answered": "no_answer",
    "ice_failed": "ice_failed",
    "dtls_failed": "dtls_failed",
}


class RelayRoute:
    """``next_attempt`` numbers the match's attempts, whatever their route. Times in seconds."""

    def __init__(self, match_id: str, next_attempt: Callable[[], int], rules: Rules) -> None:
        self.state: RelayState = Standby()
        self.attempt = 0
        self.received = [False, False]
        """Which sides this link has brought media to."""
        self.totals = [DirectionTotals(), DirectionTotals()]
        self.legs: list[Leg | None] = [None, None]
        self._match_id = match_id
        self._next_attempt = next_attempt
        self._rules = rules
        self._afresh = [False, False]
        self._away = [False, False]
        self._doubtful = False
        self._links = 0
        self._uncounted: set[LinkId] = set()

    @property
    def wanted(self) -> bool:
        return not isinstance(self.state, Standby)

    @property
    def link(self) -> LinkId | None:
        return None if isinstance(self.state, Standby | Trying) else self.state.link

    def uncounted(self) -> tuple[LinkId, ...]:
        """Links whose counts have not come."""
        return tuple(self._uncounted)

    # --- wanted or not --------------------------------------------------------------------------

    def open_missing(self) -> list[RelayStep]:
        """Ask for the legs that are not there, so that they are up when they are wanted."""
        return [OpenAfresh(side) for side in Side if self.legs[side] is None]

    def start(self, reason: str | None, side: Side | None, now: float) -> list[RelayStep]:
        self.attempt = self._next_attempt()
        self._try(now)
        tell = Tell("relay", "trying", self.attempt, reason, side)
        return [*self.open_missing(), tell, *self._link(now)]

    def stop(self, reason: str | None = None) -> list[RelayStep]:
        """Another route carries the match, or none: unlink; the legs stay."""
        if isinstance(self.state, Standby):
            return []
        link = self.link
        self.state = Standby()
        tell = Tell("relay", "unlinked", self.attempt, reason)
        return [tell] if link is None else [tell, Unlink(link)]

    def end(self) -> list[RelayStep]:
        """The match is over, which says everything."""
        link = self.link
        self.state = Standby()
        return [] if link is None else [Unlink(link)]

    # --- time -----------------------------------------------------------------------------------

    def away(self, side: Side, away: bool, now: float) -> list[RelayStep]:
        """The side lost, or got back, its socket. While it is away no deadline runs that only it could
        meet: its seat's own time says when it is lost."""
        self._away[side] = away
        if away or not isinstance(self.state, Trying):
            return []
        self._try(now)
        return [OpenAfresh(side)] if self.legs[side] is None else []

    def next_deadline(self) -> float | None:
        match self.state:
            case Trying(until):
                return until
            case Linking(_, until) | Linked(_, until):
                return until
            case _:
                return None

    def tick(self, now: float) -> list[RelayStep]:
        match self.state:
            case Trying(until) if until is not None and now >= until:
                return self._blame()
            case Linking(_, until) if now >= until:
                return [Failed("media_lost", None)]
            case Linked(link, until) if now >= until:
                return self._carries(link, "no_media", now)
            case _:
                return []

    # --- legs -----------------------------------------------------------------------------------

    def leg(self, side: Side, leg: Leg, now: float) -> list[RelayStep]:
        """The side's leg is in a new state, or is a new leg."""
        before, self.legs[side] = self.legs[side], leg
        self._doubtful = False
        match self.state:
            case Trying():
                return self._link(now)
            case Flowing(link, since) if isinstance(leg, Interrupted):
                self.state = Silent(link, since)
                return [Tell("relay", "interrupted", self.attempt, side=side)]
            case Silent(link, since) if isinstance(before, Interrupted) and self._linkable() is not None:
                self.state = Flowing(link, since)
                return [Tell("relay", "connected", self.attempt)]
            case _:
                return []

    def leg_closed(self, side: Side, reason: str, now: float) -> list[RelayStep]:
        """The side's leg is gone: a fresh one is tried, once for each side until the route has been
        connected for a while. Who has no socket gets one with the next socket."""
        self.legs[side] = None
        self._doubtful = False
        if isinstance(self.state, Standby):
            return []  # opened when it is wanted
        if reason == "relay_stopping":
            return [Failed("relay_stopping", None)]
        self._forgive(now)
        if not self._afresh[side]:
            self._afresh[side] = True
            return [*self._lose_link(side, now), OpenAfresh(side)]
        if self._away[side]:
            return self._lose_link(side, now)
        return [Failed(_CLOSED.get(reason, "media_lost"), side)]

    def leg_replaced(self, side: Side, now: float) -> list[RelayStep]:
        """The user says that the leg is dead; a fresh one is under way already."""
        self.legs[side] = None
        self._doubtful = False
        return [] if isinstance(self.state, Standby) else self._lose_link(side, now)

    def leg_refused(self, code: str) -> list[RelayStep]:
        """The relay takes no further leg, so there is no route."""
        if isinstance(self.state, Standby):
            return []
        return [Failed("relay_stopping" if code == "relay_stopping" else "relay_full", None)]

    # --- links ----------------------------------------------------------------------------------

    def link_up(self, link: LinkId, now: float) -> list[RelayStep]:
        match self.state:
            case Linking(link=current) if current == link:
                self.state = Linked(link, now + self._rules.no_media_seconds)
                return [Tell("relay", "linked", self.attempt)]
            case _:
                return []

    def link_flowing(self, link: LinkId, leg: LegId, now: float) -> list[RelayStep]:
        if link != self.link:
            return []
        for side in Side:
            here = self.legs[side]
            if here is not None and here.id == leg:
                self.received[side] = True
        return self._carries(link, None, now) if isinstance(self.state, Linked) else []

    def link_down(
        self, link: LinkId, reason: str, a_to_b: DirectionTotals, b_to_a: DirectionTotals, now: float
    ) -> list[RelayStep]:
        if link not in self._uncounted:
            return []
        self._uncounted.discard(link)
        self.totals[0] = add_totals(self.totals[0], a_to_b)
        self.totals[1] = add_totals(self.totals[1], b_to_a)
        if link != self.link:
            return []
        if reason == "no_shared_codec":
            # The link is gone already: nothing to unlink.
            self.state = Trying(None)
            return [Failed("no_shared_codec", None)]
        self._forgive(now)
        # A leg's own event says which side it was; until one comes both look linkable here.
        self._doubtful = True
        return self._lose_link(None, now)

    # --- inside ---------------------------------------------------------------------------------

    def _try(self, now: float) -> None:
        self.state = Trying(now + self._rules.connect_seconds)

    def _linkable(self) -> tuple[LegId, LegId] | None:
        a, b = self.legs
        if self._doubtful or not isinstance(a, Connected) or not isinstance(b, Connected):
            return None
        return a.id, b.id

    def _link(self, now: float) -> list[RelayStep]:
        legs = self._linkable()
        if legs is None:
            return []
        self._links += 1
        link = LinkId(f"{self._match_id}-{self._links}")
        self._uncounted.add(link)
        self.received = [False, False]
        self.state = Linking(link, now + self._rules.connect_seconds)
        return [Link(link, *legs)]

    def _carries(self, link: LinkId, reason: str | None, now: float) -> list[RelayStep]:
        steps: list[RelayStep] = [Carries(reason)]
        silent = next((side for side in Side if isinstance(self.legs[side], Interrupted)), None)
        if silent is None:
            self.state = Flowing(link, now)
            return steps
        self.state = Silent(link, now)
        return [*steps, Tell("relay", "interrupted", self.attempt, side=silent)]

    def _forgive(self, now: float) -> None:
        """After a while of being connected a lost leg is not the one before's story any more."""
        if isinstance(self.state, Flowing | Silent) and (
            now - self.state.since >= self._rules.fresh_leg_seconds
        ):
            self._afresh = [False, False]

    def _lose_link(self, side: Side | None, now: float) -> list[RelayStep]:
        """Back to waiting for both legs, with the next attempt if there was a link."""
        if isinstance(self.state, Trying):
            self._try(now)
            return []
        linked, attempt = not isinstance(self.state, Linking), self.attempt
        self._try(now)
        self.attempt = self._next_attempt()
        if not linked:
            return [Lost()]
        return [
            Tell("relay", "unlinked", attempt, side=side),
            Tell("relay", "interrupted", self.attempt, side=side),
            Lost(),
        ]

    def _blame(self) -> list[RelayStep]:
        """The legs were not up in time: say whose."""
        failed = [side for side in Side if not isinstance(self.legs[side], Connected)]
        if any(self._away[side] for side in failed):
            self.state = Trying(None)
            return []
        reasons: list[EndReason] = []
        for side in failed:
            match self.legs[side]:
                case Offered():
                    reasons.append("no_answer")
                case Answered():
                    reasons.append("ice_failed")
                case Interrupted():
                    reasons.append("media_lost")
                case _:
                    # The relay has not even offered: not the user's doing.
                    return [Failed("media_lost", None)]
        alone = failed[0] if len(failed) == 1 else None
        return [Failed(reasons[0] if reasons else "media_lost", alone)]
