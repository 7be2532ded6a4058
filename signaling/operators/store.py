"""What operators read of the database, and what is deleted when it is old."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from db.database import Database
from db.errors import DatabaseUnavailable
from db.match_writer import MatchWriter
from db.records import ActionTaken, CallSampled, MinutePassed
from db.repositories import actions, matches, minutes, users
from db.repositories.matches import MatchRow, MatchStory
from db.repositories.users import Account
from signaling.live.ports import StorageUnavailable
from signaling.operators.lists import Place


class OperatorStore:
    """Reads raise :class:`DatabaseUnavailable` while the database is away. What is written goes by the match
    writer: in order, kept and bounded meanwhile."""

    def __init__(self, database: Database, writer: MatchWriter) -> None:
        self._database, self._writer = database, writer

    def add(self, record: MinutePassed | CallSampled | ActionTaken) -> None:
        """Never waits and never fails."""
        self._writer.add(record)

    async def prune(self, before: datetime) -> None:
        """Delete minutes and courses of calls that are older. Raises :class:`StorageUnavailable`."""
        try:
            while await self._database.write(lambda session: minutes.prune(session, before)):
                pass
            while await self._database.write(lambda session: matches.prune_samples(session, before)):
                pass
        except DatabaseUnavailable as error:
            raise StorageUnavailable from error

    async def story(self, match_id: str, *, needed: bool) -> MatchStory | None:
        """One match. Unless it is ``needed``, a database that is away is as good as nothing found."""
        try:
            return await self._database.read(lambda session: matches.story(session, match_id))
        except DatabaseUnavailable:
            if needed:
                raise
            return None

    async def matches(self, user_id: str | None, before: Place | None, most: int) -> Sequence[MatchRow]:
        return await self._database.read(
            lambda session: matches.find(session, user_id=user_id, before=before, most=most)
        )

    async def user(self, user_id: str) -> Account | None:
        return await self._database.read(lambda session: users.by_id(session, user_id))

    async def users(self, text: str, most: int) -> Sequence[Account]:
        if "\0" in text:
            return ()  # nobody's name has one, and PostgreSQL refuses to look
        return await self._database.read(lambda session: users.search(session, text, most))

    async def minutes(self, since: datetime, until: datetime, most: int) -> Sequence[MinutePassed]:
        return await self._database.read(lambda session: minutes.between(session, since, until, most))

    async def actions(self, before: Place | None, most: int) -> Sequence[ActionTaken]:
        return await self._database.read(lambda session: actions.latest(session, before=before, most=most))
