"""A match's direct route: the attempts of two clients to reach each other, as they report them.

``off → attempting → up ⇄ down → off``. It believes an end only about itself: the route is up when both say
so, and down as soon as one does. Times in seconds.
"""

from __future__ import annotations

from signaling.core.match_states import Attempting, DirectPhase, Down, Off, Up
from signaling.core.negotiation import Negotiation
from signaling.core.rules import Rules
from signaling.core.side import Side
from signaling.messages import DirectState, DirectStats


class DirectRoute:
    def __init__(self, hidden: tuple[bool, bool], rules: Rules) -> None:
        self.phase: DirectPhase = Off()
        self.attempt = 0
        self.attempts = 0
        """How many were made in this match."""
        self.was_up = False
        """In this match, in any attempt."""
        self.broken = False
        """Whether it was lost since it last carried the match: it must be stable before it does again."""
        self.stats: list[DirectStats | None] = [None, None]
        self.negotiation = Negotiation(hidden)
        self._hidden = hidden
        self._rules = rules
        self._connected = [False, False]
        self._flowing = [False, False]

    @property
    def hopeful(self) -> bool:
        """Whether it is up or may still come up."""
        return not isinstance(self.phase, Off)

    def start(self, attempt: int, now: float) -> None:
        self.attempt = attempt
        self.attempts += 1
        self.phase = Attempting(now + self._rules.direct_give_up_seconds)
        self.negotiation = Negotiation(self._hidden)
        self._connected = [False, False]
        self._flowing = [False, False]

    def stop(self) -> None:
        self.phase = Off()

    def is_about(self, attempt: int) -> bool:
        """Whether a word of this attempt is still of interest."""
        return self.hopeful and attempt == self.attempt

    def reports(self, side: Side, message: DirectState, now: float) -> None:
        """An end says how it is, in the attempt under way."""
        if message.stats is not None:
            self.stats[side] = message.stats
        self._connected[side] = message.state == "connected"
        if message.state == "connected":
            if all(self._connected) and not isinstance(self.phase, Up):
                self.phase = Up(now)
                self.was_up = True
            return
        if isinstance(self.phase, Up):
            self.broken = True
            self._flowing = [False, False]
            self.phase = Down(now + self._rules.direct_keep_seconds)
        if message.state == "failed":
            self.phase = Off()

    def flows_to(self, side: Side) -> None:
        """An end says that the other's media plays there."""
        self._flowing[side] = isinstance(self.phase, Up)

    def flowing(self, side: Side) -> bool:
        return self._flowing[side]

    @property
    def flowing_somewhere(self) -> bool:
        return any(self._flowing)

    def unconnected(self) -> list[Side]:
        """The ends that have not said they are connected."""
        return [side for side in Side if not self._connected[side]]

    def over_at(self) -> float | None:
        """When the attempt ends by itself if nothing is heard."""
        return self.phase.until if isinstance(self.phase, Attempting | Down) else None

    def stable_at(self) -> float | None:
        """From when on it counts as stable, ``None`` while it is not up."""
        return self.phase.since + self._rules.stable_seconds if isinstance(self.phase, Up) else None

    def may_carry(self, now: float, *, alone: bool) -> bool:
        """Whether it takes a match that nothing carries: at once the first time, but one that has broken only
        when it is stable, or when there is no other (``alone``)."""
        phase = self.phase
        if not isinstance(phase, Up):
            return False
        if self.broken and not alone and now < phase.since + self._rules.stable_seconds:
            return False
        return self.flowing_somewhere or now >= phase.since + self._rules.no_media_seconds
