"""What the core asks its shell to do. Plain frozen values; the order in a returned list matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from relay.door import Request
from signaling.core.record import MatchEnded, MatchStarted
from signaling.messages import ServerMessage

SocketId = NewType("SocketId", int)
"""Chosen by the shell, never used twice."""


@dataclass(frozen=True, slots=True)
class Send:
    """Write one message to an open socket."""

    socket: SocketId
    message: ServerMessage


@dataclass(frozen=True, slots=True)
class Replay:
    """Write again, in order, what a resumed client missed. Bounded by the outbox, so it does not
    count against the socket's send queue."""

    socket: SocketId
    messages: tuple[ServerMessage, ...]


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """Close after everything sent before is written. The core has forgotten the socket already."""

    socket: SocketId
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class AskRelay:
    request: Request


@dataclass(frozen=True, slots=True)
class RecordStarted:
    """Hand to the match writer; never waits."""

    match: MatchStarted


@dataclass(frozen=True, slots=True)
class RecordEnded:
    """Hand to the match writer; never waits."""

    match: MatchEnded


@dataclass(frozen=True, slots=True)
class StoreBlock:
    """Store, then tell the core by ``stored`` how it went. ``seat`` and ``n`` name who is answered."""

    seat: str
    n: int
    match: str
    user: str
    blocked: str


@dataclass(frozen=True, slots=True)
class StoreReport:
    """Store, then tell the core by ``stored`` how it went."""

    seat: str
    n: int
    match: str
    user: str
    reported: str
    reason: str
    text: str


Store = StoreBlock | StoreReport
Effect = Send | Replay | CloseSocket | AskRelay | RecordStarted | RecordEnded | StoreBlock | StoreReport
