"""The states of a match's two routes, a type each, and the steps its coordinator decides on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relay.door import LegId, LinkId
from signaling.core.side import Side
from signaling.core.trouble import Trouble
from signaling.messages import EndReason, FailedStep, RouteName

RouteState = Literal["trying", "linked", "connected", "interrupted", "unlinked"]

# --- the relay's route ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standby:
    """Not wanted now: another route is tried or carries the match."""


@dataclass(frozen=True, slots=True)
class Trying:
    """Waiting for both legs. ``until`` is ``None`` while a side that must act has no socket."""

    until: float | None


@dataclass(frozen=True, slots=True)
class Linking:
    """The relay was asked for the link."""

    link: LinkId
    until: float


@dataclass(frozen=True, slots=True)
class Linked:
    """The link is up and nothing has flowed yet."""

    link: LinkId
    until: float


@dataclass(frozen=True, slots=True)
class Flowing:
    """Connected, with or without interruptions ``since`` then."""

    link: LinkId
    since: float


@dataclass(frozen=True, slots=True)
class Silent:
    """Interrupted: the link is there, but a leg is not heard."""

    link: LinkId
    since: float


RelayState = Standby | Trying | Linking | Linked | Flowing | Silent

# --- the direct route -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Off:
    """No attempt is under way."""


@dataclass(frozen=True, slots=True)
class Attempting:
    """The two try each other; over at ``until``."""

    until: float


@dataclass(frozen=True, slots=True)
class Up:
    """Both ends say that ICE and DTLS are up."""

    since: float


@dataclass(frozen=True, slots=True)
class Down:
    """It was up and an end hears nothing. It may come back by itself until ``until``."""

    until: float


DirectPhase = Off | Attempting | Up | Down


# --- the match ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Over:
    """``by`` is ``None`` when the service ended it."""

    reason: EndReason
    by: Side | None
    at: float


# --- steps: what the coordinator wants done, in order ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Tell:
    """A ``route`` message to both; ``side`` is whose connection is the reason, ``None`` nobody's."""

    route: RouteName
    state: RouteState
    attempt: int
    reason: str | None = None
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Link:
    link: LinkId
    a: LegId
    b: LegId


@dataclass(frozen=True, slots=True)
class Unlink:
    link: LinkId


@dataclass(frozen=True, slots=True)
class OpenAfresh:
    side: Side


@dataclass(frozen=True, slots=True)
class Finish:
    """The match is over; the last step of a match."""

    reason: EndReason
    by: Side | None
    step: FailedStep | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something went wrong; it stands in the match's record already."""

    trouble: Trouble


Step = Tell | Link | Unlink | OpenAfresh | Note | Finish

# --- what the relay's route says to the coordinator ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Carries:
    """Media flows by relay, or nobody sends (``no_media``)."""

    reason: str | None


@dataclass(frozen=True, slots=True)
class Lost:
    """The link is gone, and both legs are waited for again."""


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no route by relay. The coordinator calls :meth:`RelayRoute.stop`."""

    reason: EndReason
    side: Side | None


RelayStep = Tell | Link | Unlink | OpenAfresh | Carries | Lost | Failed
