"""What the live part needs of others, as small as it needs it. The composition root plugs them in."""

from __future__ import annotations

from collections.abc import Set
from typing import Protocol

from signaling.core.effects import StoreBlock, StoreReport
from signaling.core.identity import Identity
from signaling.core.record import MatchEnded, MatchStarted


class AuthenticationFailed(Exception):
    """The token opens nothing. ``code`` is ``unauthenticated`` or ``token_expired``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class StorageUnavailable(Exception):
    """The database does not answer, or not in time."""

    code = "database_unavailable"


class Accounts(Protocol):
    async def authenticate(self, token: str) -> Identity:
        """Whose token it is. Raises :class:`AuthenticationFailed`, :class:`StorageUnavailable`."""


class SafetyStore(Protocol):
    async def blocks_of(self, user: str) -> Set[str]:
        """Ids of users this one must not meet. Raises :class:`StorageUnavailable`."""

    async def store_block(self, block: StoreBlock) -> None:
        """Raises :class:`StorageUnavailable`. Storing the same again must be harmless."""

    async def store_report(self, report: StoreReport) -> None:
        """Raises :class:`StorageUnavailable`."""


class MatchRecords(Protocol):
    """Neither method waits or fails: what cannot be written now is kept or dropped there."""

    def started(self, match: MatchStarted) -> None: ...

    def ended(self, match: MatchEnded) -> None: ...
