"""Numbers on both directions of a seat: nothing lost, nothing doubled (docs/protocol.md 2.2)."""

from __future__ import annotations

import enum
from collections import deque

import msgspec

from signaling.messages import ServerMessage

REPLAY_MESSAGES = 256
"""Unacknowledged messages kept for a client that resumes. The oldest goes first; who misses it starts
anew. With chat at its longest that is at most about a megabyte for a seat that never acknowledges."""


class Outbox:
    """Numbers server messages from 1 and keeps the unacknowledged ones."""

    def __init__(self) -> None:
        self.last = 0
        self._log: deque[ServerMessage] = deque(maxlen=REPLAY_MESSAGES)

    def __len__(self) -> int:
        return len(self._log)

    def number(self, message: ServerMessage) -> ServerMessage:
        self.last += 1
        numbered = msgspec.structs.replace(message, seq=self.last)
        self._log.append(numbered)
        return numbered

    def acknowledge(self, received: int) -> None:
        """Forget all up to ``received``. A number that was never sent is not believed."""
        if received > self.last:
            return
        while self._log and self._log[0].seq <= received:
            self._log.popleft()

    def after(self, received: int) -> tuple[ServerMessage, ...] | None:
        """Everything later than ``received``, or ``None`` when that cannot be told in full."""
        if received > self.last or received < self.last - len(self._log):
            return None
        return tuple(message for message in self._log if message.seq > received)


class Arrival(enum.Enum):
    """What a client message's number says about it."""

    NEW = enum.auto()
    SEEN = enum.auto()
    GAP = enum.auto()


class Inbox:
    """Takes each client message once."""

    def __init__(self) -> None:
        self.last = 0

    def take(self, n: int) -> Arrival:
        if n <= self.last:
            return Arrival.SEEN
        if n > self.last + 1:
            return Arrival.GAP
        self.last = n
        return Arrival.NEW
