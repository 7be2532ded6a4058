"""Plug the database and the accounts into what the live part asks for."""

from __future__ import annotations

import secrets
from collections.abc import Set
from datetime import UTC, datetime

import msgspec

from db.database import Database
from db.errors import DatabaseUnavailable
from db.match_writer import MatchWriter
from db.records import BlockMade, Details, Direction, ReportMade
from db.records import MatchEnded as EndedRecord
from db.records import MatchStarted as StartedRecord
from db.repositories import safety
from relay.door import DirectionTotals
from relay.node import RelayNode
from signaling.accounts.service import Accounts
from signaling.core.course import CallEvent
from signaling.core.effects import StoreBlock, StoreReport
from signaling.core.identity import Identity
from signaling.core.record import MatchEnded, MatchStarted, RouteChange
from signaling.core.side import Side
from signaling.core.trouble import Trouble
from signaling.errors import SignalingError
from signaling.live.ports import AuthenticationFailed, MatchRecords, StorageUnavailable


class LiveAccounts:
    """:class:`signaling.live.ports.Accounts` on the accounts service."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def authenticate(self, token: str) -> Identity:
        try:
            found = await self._accounts.authenticate(token)
        except SignalingError as error:
            raise AuthenticationFailed(error.code, error.message) from error
        except DatabaseUnavailable as error:
            raise StorageUnavailable from error
        return Identity(found.user_id, found.name, found.kind, found.role)


class LiveSafety:
    """:class:`signaling.live.ports.SafetyStore` on the database."""

    def __init__(self, database: Database, writer: MatchWriter) -> None:
        self._database, self._writer = database, writer

    async def blocks_of(self, user: str) -> Set[str]:
        try:
            return await self._database.read(lambda session: safety.apart(session, user))
        except DatabaseUnavailable as error:
            raise StorageUnavailable from error

    # Both go the way of the matches they are about: in order after them, and kept while the database is
    # away, so they are done as soon as they are handed over.

    async def store_block(self, block: StoreBlock) -> None:
        self._writer.add(BlockMade(block.user, block.blocked, datetime.now(UTC)))

    async def store_report(self, report: StoreReport) -> None:
        self._writer.add(
            ReportMade(
                secrets.token_hex(16),
                report.match,
                report.user,
                report.reported,
                report.reason,
                report.text,
                datetime.now(UTC),
            )
        )


class LiveRecords:
    """:class:`signaling.live.ports.MatchRecords` on the match writer."""

    def __init__(self, writer: MatchWriter) -> None:
        self._writer = writer

    def started(self, match: MatchStarted) -> None:
        self._writer.add(_started(match))

    def ended(self, match: MatchEnded) -> None:
        self._writer.add(
            EndedRecord(
                match=_started(match.match),
                ended_at=_time(match.ended_at),
                reason=match.reason,
                ended_by=match.by,
                routes=match.routes,
                connect_ms=match.connect_ms,
                a_to_b=_direction(match.a_to_b),
                b_to_a=_direction(match.b_to_a),
                route_changes=tuple(_change(change) for change in match.route_changes),
                troubles=tuple(_trouble(trouble) for trouble in match.troubles),
                direct_stats=tuple(
                    None if stats is None else msgspec.to_builtins(stats) for stats in match.direct_stats
                ),
                events=tuple(_event(event) for event in match.events),
            )
        )


class SharedRecords:
    """A :class:`signaling.live.ports.MatchRecords` for several, told in the order in which they came."""

    def __init__(self, *first: MatchRecords) -> None:
        self._told = list(first)

    def tell(self, records: MatchRecords) -> None:
        """Have one more told, from now on."""
        self._told.append(records)

    def started(self, match: MatchStarted) -> None:
        for records in self._told:
            records.started(match)

    def ended(self, match: MatchEnded) -> None:
        for records in self._told:
            records.ended(match)


def stun_urls(relay: RelayNode) -> tuple[str, ...]:
    """What clients are told to ask for their mapped address: the relay's own ports (RFC 7064)."""
    asked = (*relay.bound, *relay.bound_stun)
    hosts = [(f"[{a.host}]" if ":" in a.host else a.host, a.port) for a in asked]
    return tuple(f"stun:{host}:{port}" for host, port in hosts)


def _started(match: MatchStarted) -> StartedRecord:
    return StartedRecord(match.match_id, match.user_a, match.user_b, _time(match.started_at))


def _change(change: RouteChange) -> Details:
    """Field names are the wire's; the side is the record's ``a`` or ``b``."""
    return {
        "at_ms": change.at_ms,
        "route": change.route,
        "state": change.state,
        "attempt": change.attempt,
        "reason": change.reason,
        "side": _side(change.side),
    }


def _trouble(trouble: Trouble) -> Details:
    return {
        "at_ms": trouble.at_ms,
        "route": trouble.route,
        "step": trouble.step,
        "side": _side(trouble.side),
    }


def _event(event: CallEvent) -> Details:
    return {
        "at_ms": event.at_ms,
        "event": event.event,
        "side": _side(event.side),
        "detail": event.detail,
    }


def _side(side: Side | None) -> str | None:
    return None if side is None else side.name.lower()


def _time(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(unix_seconds, UTC)


def _direction(totals: DirectionTotals) -> Direction:
    return Direction(totals.packets, totals.bytes, totals.lost)
