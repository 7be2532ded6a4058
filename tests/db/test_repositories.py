"""What the database itself refuses, and the queries that no service test shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.database import Database
from db.errors import EmailTaken, StatementRefused, UnknownUser
from db.records import BlockMade
from db.repositories import safety, tokens, users
from tests.db.rows import CONSENT, NOW, add_guests, fetch

TOKEN = b"t" * 32


def statement(sql: str) -> Any:
    async def work(session: Any) -> None:
        await session.execute(text(sql))

    return work


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("UPDATE users SET role = 'emperor'", id="unknown role"),
        pytest.param("UPDATE users SET kind = 'robot'", id="unknown kind"),
        pytest.param("UPDATE users SET kind = 'registered'", id="registered without email"),
        pytest.param("UPDATE users SET email = 'ann@example.org'", id="guest with email"),
        pytest.param("UPDATE users SET password_hash = 'x'", id="guest with password"),
        pytest.param("UPDATE users SET name = NULL", id="no name"),
        pytest.param("INSERT INTO blocks VALUES ('ann', 'ann', '2026-11-24')", id="blocks oneself"),
        pytest.param("INSERT INTO blocks VALUES ('ann', 'nobody', '2026-11-24')", id="blocks nobody"),
    ],
)
async def test_the_tables_hold_no_nonsense(sql: str, database: Database) -> None:
    await add_guests(database, "ann")
    with pytest.raises(StatementRefused):
        await database.write(statement(sql))


async def register(database: Database, user_id: str, email: str) -> None:
    await database.write(
        lambda session: users.register(
            session, user_id=user_id, email=email, password_hash="h", name="N", consent=CONSENT
        )
    )


async def test_roles_are_set_by_address(database: Database) -> None:
    await register(database, "ann", "ann@example.org")
    await database.write(lambda session: users.set_role(session, "ann@example.org", "moderator"))
    account = await database.read(lambda session: users.by_id(session, "ann"))
    assert account is not None
    assert account.role == "moderator"
    assert "password_hash" not in repr(account)
    with pytest.raises(UnknownUser):
        await database.write(lambda session: users.set_role(session, "bob@example.org", "operator"))


async def test_an_upgrade_to_a_taken_address_changes_nothing(database: Database) -> None:
    await register(database, "ann", "ann@example.org")
    await add_guests(database, "bob")
    with pytest.raises(EmailTaken):
        await database.write(
            lambda session: users.upgrade(
                session, user_id="bob", email="ann@example.org", password_hash="h", name="Bob"
            )
        )
    bob = await database.read(lambda session: users.by_id(session, "bob"))
    assert bob is not None
    assert (bob.kind, bob.name) == ("guest", "Guest bob")


async def test_a_hash_that_changed_meanwhile_is_left_alone(database: Database) -> None:
    await register(database, "ann", "ann@example.org")
    await database.write(lambda s: users.set_password_hash(s, "ann", old="other", new="new"))
    assert await fetch(database, "SELECT password_hash FROM users") == [("h",)]


async def test_blocks_keep_both_apart(database: Database) -> None:
    await add_guests(database, "ann", "bob", "cleo", "dan")
    blocks = [BlockMade("ann", "bob", NOW), BlockMade("cleo", "ann", NOW), BlockMade("bob", "dan", NOW)]
    await database.write(lambda session: safety.add_blocks(session, blocks))
    assert await database.read(lambda s: safety.apart(s, "ann")) == {"bob", "cleo"}
    assert await database.read(lambda s: safety.apart(s, "bob")) == {"ann", "dan"}
    assert await database.read(lambda s: safety.apart(s, "eve")) == frozenset()


async def test_a_removed_account_takes_its_sign_ins_along(database: Database) -> None:
    await add_guests(database, "ann")

    async def sign_in(session: Any) -> None:
        await tokens.start_family(
            session,
            family_id="family",
            user_id="ann",
            token_hash=TOKEN,
            now=NOW,
            expires_at=NOW + timedelta(days=1),
            most_families=3,
        )

    await database.write(sign_in)
    known = await database.write(lambda session: tokens.find(session, TOKEN))
    assert known == tokens.Known("family", "ann", NOW + timedelta(days=1), None, revoked=False)
    await database.write(statement("DELETE FROM users"))
    assert await fetch(database, "SELECT * FROM token_families") == []
    assert await fetch(database, "SELECT * FROM refresh_tokens") == []
