"""A match's states, a type each, and the steps its coordinator decides on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from relay.door import LegId, LinkId
from signaling.core.side import Side
from signaling.messages import EndReason

RouteState = Literal["trying", "linked", "connected", "interrupted", "unlinked"]

# --- states -------------------------------------------------------------------------------------


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
    """Connected."""

    link: LinkId


@dataclass(frozen=True, slots=True)
class Silent:
    """Interrupted: the link is there, but a leg is not heard."""

    link: LinkId


@dataclass(frozen=True, slots=True)
class Over:
    """``by`` is ``None`` when the service ended it."""

    reason: EndReason
    by: Side | None
    at: float


State = Trying | Linking | Linked | Flowing | Silent | Over

# --- steps: what the coordinator wants done, in order ----------------------------------------------


@dataclass(frozen=True, slots=True)
class Tell:
    """A ``route`` message to both; ``side`` is whose connection is the reason, ``None`` nobody's."""

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


Step = Tell | Link | Unlink | OpenAfresh | Finish
