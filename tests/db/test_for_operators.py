"""What operators read: minutes, calls with their course, their own actions, accounts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from db.database import Database
from db.match_writer import MatchWriter
from db.records import ActionTaken, CallSampled, MinutePassed
from db.repositories import actions, matches, minutes, users
from tests.db.rows import CONSENT, NOW, add_guests, ended, started
from tests.db.test_match_writer import QUICK


async def write(database: Database, *records: Any) -> None:
    """By the one who writes them in the service."""
    writer = MatchWriter(database, 100, retry_seconds=QUICK, now=lambda: NOW)
    await writer.start()
    for record in records:
        writer.add(record)
        writer.add(record)  # an answer that was lost: written again over itself
    assert await writer.stop(5) == 0
    assert writer.refused == 0


def minute(number: int, **fields: Any) -> MinutePassed:
    return MinutePassed(at=NOW + timedelta(minutes=number), seconds=60.0, **fields)


async def test_minutes_come_back_as_they_were_and_are_pruned(database: Database) -> None:
    full = minute(
        1, stress=0.4, stress_max=1.2, level="soft", cpu=0.7, lag_ms=3.5, packets_in=2**40, bytes_out=2**50,
        calls_relay=300, matches=7, connected={"relay": 5}, ends={"next": 4}, troubles={"relay dtls": 1},
        drops={"unlinked": 9}, connect_ms={"relay": [0, 1, 4, 0, 0, 0, 0, 0, 0, 0]},
    )  # fmt: skip
    await write(database, *(minute(n) for n in (0, 2, 3)), full)

    async def read(since: int, until: int, most: int) -> list[MinutePassed]:
        borders = (NOW + timedelta(minutes=since), NOW + timedelta(minutes=until))
        return await database.read(lambda session: minutes.between(session, *borders, most))

    assert await read(0, 3, 10) == [minute(0), full, minute(2)]
    assert await read(0, 4, 2) == [minute(2), minute(3)], "of too many, the newest"
    gone = await database.write(lambda session: minutes.prune(session, NOW + timedelta(minutes=2)))
    assert gone == 2
    assert await read(0, 9, 10) == [minute(2), minute(3)]
    assert await database.write(lambda session: minutes.prune(session, NOW)) == 0


async def test_a_call_with_its_course(database: Database) -> None:
    await add_guests(database, "ann", "bob", "cleo")
    match = started(1)
    over = ended(match)
    sampled = CallSampled(match.match_id, over.ended_at, ((0, "relay", 1.5, None), (10_000, "direct", 2, 3)))
    await write(database, match, over, sampled)
    story = await database.read(lambda session: matches.story(session, match.match_id))
    assert story is not None
    assert story.row.users == (("ann", "Guest ann"), ("bob", "Guest bob"))
    assert (story.row.end_reason, story.row.routes, story.row.connect_ms) == (
        "next",
        ("direct", "relay"),
        312,
    )
    assert (story.route_changes, story.troubles, story.events) == (
        over.route_changes, over.troubles, over.events,
    )  # fmt: skip
    assert story.samples == ([0, "relay", 1.5, None], [10_000, "direct", 2, 3])
    assert await database.read(lambda session: matches.story(session, "nothing")) is None

    later = over.ended_at + timedelta(days=1)
    assert await database.write(lambda session: matches.prune_samples(session, later)) == 1
    story = await database.read(lambda session: matches.story(session, match.match_id))
    assert story is not None
    assert story.samples == ()


async def test_matches_are_found_by_user_page_by_page(database: Database) -> None:
    await add_guests(database, "ann", "bob", "cleo")
    mine = [started(n) for n in range(1, 6)]
    others = started(9, "bob", "cleo")
    await write(database, *mine, others, *(ended(m) for m in mine))

    found: list[str] = []
    before = None
    while page := await database.read(
        lambda session, before=before: matches.find(session, user_id="ann", before=before, most=2)  # type: ignore[misc]  # a default binds the loop's value
    ):
        found += [row.match_id for row in page]
        before = (page[-1].started_at, page[-1].match_id)
    assert found == [f"match-{n}" for n in (5, 4, 3, 2, 1)]
    newest = await database.read(lambda session: matches.find(session, user_id=None, before=None, most=1))
    assert [(row.match_id, row.ended_at) for row in newest] == [("match-9", None)]


async def test_actions_are_kept_in_order(database: Database) -> None:
    taken = [
        ActionTaken(
            action_id=f"a{n}", at=NOW + timedelta(seconds=n // 2), operator_id="gone", operator_name="Olga",
            action="node.limits", target="node", outcome="done", before={"hard": 0.9}, after={"hard": n},
        )
        for n in range(5)
    ]  # fmt: skip
    await write(database, *taken)
    first = await database.read(lambda session: actions.latest(session, before=None, most=3))
    assert first == [taken[4], taken[3], taken[2]]
    place = (first[-1].at, first[-1].action_id)
    assert await database.read(lambda session: actions.latest(session, before=place, most=3)) == [
        taken[1], taken[0],
    ]  # fmt: skip


async def test_accounts_are_found_by_id_address_and_beginning_of_the_name(database: Database) -> None:
    await add_guests(database, "ann", "bob")
    await database.write(
        lambda session: users.register(
            session, user_id="olga", email="olga@example.org", password_hash="h", name="100%_Olga",
            consent=CONSENT, role="operator",
        )
    )  # fmt: skip

    async def found(text: str) -> list[str]:
        accounts = await database.read(lambda session: users.search(session, text, 10))
        return [account.id for account in accounts]

    assert await found("bob") == ["bob"]
    assert await found("Olga@Example.org") == ["olga"]
    assert await found("gUEST ") == ["ann", "bob"]
    assert await found("100%") == ["olga"]
    assert await found("%") == [], "nobody's name begins with it"
    assert await found("100_") == []
    assert [a.id for a in await database.read(users.operators)] == ["olga"]
