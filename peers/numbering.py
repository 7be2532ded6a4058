"""The numbers of docs/protocol.md section 2.2, from the client's side: no I/O, no clock.

Nothing is lost and nothing doubled over any number of sockets: what was sent is kept until the service has
acknowledged it, and what is received is handled once, in order.
"""

from __future__ import annotations

import enum
from collections import deque

import msgspec

from peers.errors import Backlogged, ProtocolViolation
from signaling.messages import ClientMessage

OUTBOX = 256
"""Messages kept unacknowledged. Beyond it sending is refused: dropping any would be a gap."""


class Outbox:
    """What this client sent and the service may not have handled yet."""

    def __init__(self) -> None:
        self._next = 1
        self._kept: deque[ClientMessage] = deque()

    def add(self, message: ClientMessage) -> ClientMessage:
        """Number a message and keep it. Raises :class:`Backlogged`."""
        if len(self._kept) >= OUTBOX:
            raise Backlogged(f"{OUTBOX} messages wait for the service to acknowledge them.")
        numbered = msgspec.structs.replace(message, n=self._next)
        self._next += 1
        self._kept.append(numbered)
        return numbered

    def acknowledged(self, received: int) -> None:
        """The service has handled all up to ``received``. Raises :class:`ProtocolViolation`."""
        if received >= self._next:
            raise ProtocolViolation(f"The service acknowledged message {received}, which was never sent.")
        while self._kept and self._kept[0].n <= received:
            self._kept.popleft()

    def after(self, n: int) -> list[ClientMessage]:
        """The kept messages later than ``n``, in order."""
        return [message for message in self._kept if message.n > n]

    def restart(self) -> None:
        """The seat is a new one: its count begins at 1, and what was kept belonged to the old one."""
        self._next = 1
        self._kept.clear()


class Arrival(enum.Enum):
    NEW = enum.auto()
    DUPLICATE = enum.auto()
    GAP = enum.auto()
    UNNUMBERED = enum.auto()


class Inbox:
    """The last message of the service that was handled."""

    def __init__(self) -> None:
        self.received = 0

    def take(self, seq: int) -> Arrival:
        """What a message's number says. Only ``NEW`` moves the count; at ``GAP`` something before this one is
        missing, and the socket has to be resumed from ``received``."""
        if seq == 0:
            return Arrival.UNNUMBERED
        if seq <= self.received:
            return Arrival.DUPLICATE
        if seq > self.received + 1:
            return Arrival.GAP
        self.received = seq
        return Arrival.NEW

    def restart(self) -> None:
        self.received = 0


class Backoff:
    """Seconds to wait before each attempt to come back: at once, then doubling up to a cap, shortened by up
    to a half at random (``fraction`` in 0..1) so that many clients do not come back together."""

    _FIRST, _CAP = 0.25, 5.0

    def __init__(self) -> None:
        self.attempts = 0

    def next_delay(self, fraction: float) -> float:
        self.attempts += 1
        if self.attempts == 1:
            return 0.0
        full = min(self._CAP, self._FIRST * 2.0 ** min(self.attempts - 2, 16))
        return full * (1 - fraction / 2)

    def succeeded(self) -> None:
        self.attempts = 0
