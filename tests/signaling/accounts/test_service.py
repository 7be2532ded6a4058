"""Accounts on both databases: what they reveal, what they cost, and what becomes of their tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import argon2
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from db.database import Database
from db.repositories import users
from signaling.accounts.passwords import Passwords
from signaling.accounts.service import GRACE_SECONDS, MAX_FAMILIES, Accounts, Session
from signaling.accounts.tokens import AccessTokens, Identity
from signaling.errors import (
    AlreadyRegistered,
    BadCredentials,
    BadRequest,
    SignalingError,
    TokenExpired,
    TokenReused,
    Unauthenticated,
)
from tests.db.rows import fetch
from tests.signaling.accounts.people import CONSENT, PASSWORD, Clock, registration


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that go to the database meanwhile."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def count(database: Database, table: str) -> int:
    [(number,)] = await fetch(database, f"SELECT count(*) FROM {table}")  # noqa: S608 - named by the test
    return int(number)


async def guest(accounts: Accounts) -> Session:
    return await accounts.guest(name=None, **CONSENT)


# --- registering and logging in -------------------------------------------------------------------


async def test_who_registers_can_log_in(accounts: Accounts) -> None:
    await accounts.register(**registration("Ann@Example.org"))
    session = await accounts.login(email="ann@example.ORG ", password=PASSWORD)
    assert session.account.email == "ann@example.org"
    assert session.account.kind == "registered"
    assert session.account.role == "user"
    identity = await accounts.authenticate(session.access_token)
    assert (identity.user_id, identity.name) == (session.account.id, "Ann")


async def test_what_was_accepted_is_recorded_with_the_time(accounts: Accounts, database: Database) -> None:
    await accounts.register(**registration())
    [(version, at, age_at)] = await fetch(
        database, "SELECT terms_version, terms_accepted_at, age_confirmed_at FROM users"
    )
    assert version == "2026-11"
    assert str(at).startswith("2026-11-24 12:00:00")
    assert at == age_at


async def test_registering_a_taken_address_is_the_same_work_and_changes_nothing(
    accounts: Accounts, passwords: Passwords, database: Database
) -> None:
    with statements() as free:
        await accounts.register(**registration())
    assert passwords.runs == 1
    with statements() as taken:
        await accounts.register(**registration(password="another password", name="Eve"))
    assert passwords.runs == 2
    assert taken == free
    assert await count(database, "users") == 1
    session = await accounts.login(email="ann@example.org", password=PASSWORD)
    assert session.account.name == "Ann"
    with pytest.raises(BadCredentials):
        await accounts.login(email="ann@example.org", password="another password")


async def test_both_registrations_write_a_row(accounts: Accounts, database: Database, clock: Clock) -> None:
    """A commit that writes nothing returns sooner: the time of the attempt is written either way."""
    await accounts.register(**registration())
    clock.pass_seconds(60)
    await accounts.register(**registration())
    [(at, created)] = await fetch(database, "SELECT registration_attempted_at, created_at FROM users")
    assert str(at).startswith("2026-11-24 12:01:00")
    assert str(created).startswith("2026-11-24 12:00:00")


async def test_a_failed_login_is_the_same_work_for_an_unknown_address(
    accounts: Accounts, passwords: Passwords
) -> None:
    await accounts.register(**registration())
    before = passwords.runs
    with statements() as wrong, pytest.raises(BadCredentials) as one:
        await accounts.login(email="ann@example.org", password="wrong password")
    assert passwords.runs == before + 1
    with statements() as unknown, pytest.raises(BadCredentials) as other:
        await accounts.login(email="nobody@example.org", password="wrong password")
    assert passwords.runs == before + 2
    assert wrong == unknown
    assert (one.value.message, one.value.details) == (other.value.message, other.value.details)


async def test_registrations_of_one_address_at_once_make_one_account(
    accounts: Accounts, database: Database
) -> None:
    await asyncio.gather(
        *(accounts.register(**registration(password=f"password {n}", name=f"Ann {n}")) for n in range(8))
    )
    assert await count(database, "users") == 1
    logins = await asyncio.gather(
        *(accounts.login(email="ann@example.org", password=f"password {n}") for n in range(8)),
        return_exceptions=True,
    )
    assert [type(login) for login in logins].count(Session) == 1
    assert sum(isinstance(login, BadCredentials) for login in logins) == 7


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"age_confirmed": False}, "age_confirmed"),
        ({"terms_version": "1999-01"}, "terms_version"),
        ({"email": "nonsense"}, "email"),
        ({"password": "short"}, "password"),
        ({"name": "\u202e"}, "name"),
    ],
)
async def test_a_bad_registration_costs_no_run(
    changes: dict[str, object], field: str, accounts: Accounts, passwords: Passwords
) -> None:
    with pytest.raises(BadRequest) as caught:
        await accounts.register(**registration() | changes)
    assert caught.value.details["field"] == field
    assert passwords.runs == 0


async def test_an_outdated_hash_is_renewed_at_login(accounts: Accounts, database: Database) -> None:
    await accounts.register(**registration())
    old = argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    [(user_id, new)] = await fetch(database, "SELECT id, password_hash FROM users")
    await database.write(lambda s: users.set_password_hash(s, user_id, old=new, new=old))
    await accounts.login(email="ann@example.org", password=PASSWORD)
    [(renewed,)] = await fetch(database, "SELECT password_hash FROM users")
    assert "t=1," in renewed
    await accounts.login(email="ann@example.org", password=PASSWORD)


# --- guests ---------------------------------------------------------------------------------------


async def test_a_guest_gets_a_name_and_no_email(accounts: Accounts) -> None:
    session = await guest(accounts)
    assert session.account.kind == "guest"
    assert session.account.email is None
    assert session.account.name.startswith("Guest ")
    named = await accounts.guest(name="Zoe", **CONSENT)
    assert named.account.name == "Zoe"


async def test_an_upgraded_guest_is_the_same_user(accounts: Accounts) -> None:
    before = await guest(accounts)
    identity = await accounts.authenticate(before.access_token)
    after = await accounts.upgrade(identity, email="zoe@example.org", password=PASSWORD, name="Zoe")
    assert after.account.id == before.account.id
    assert (after.account.kind, after.account.name) == ("registered", "Zoe")
    assert (await accounts.login(email="zoe@example.org", password=PASSWORD)).account.id == after.account.id
    assert (await accounts.authenticate(before.access_token)).kind == "registered"


async def test_an_upgrade_ends_the_guests_other_sign_ins(accounts: Accounts) -> None:
    before = await guest(accounts)
    identity = await accounts.authenticate(before.access_token)
    after = await accounts.upgrade(identity, email="zoe@example.org", password=PASSWORD, name=None)
    with pytest.raises(Unauthenticated):
        await accounts.refresh(before.refresh_token)
    await accounts.refresh(after.refresh_token)


async def test_an_upgrade_to_a_taken_address_is_bad_credentials(
    accounts: Accounts, passwords: Passwords
) -> None:
    await accounts.register(**registration())
    identity = await accounts.authenticate((await guest(accounts)).access_token)
    runs = passwords.runs
    with pytest.raises(BadCredentials):
        await accounts.upgrade(identity, email="ann@example.org", password=PASSWORD, name=None)
    assert passwords.runs == runs + 1
    assert (await accounts.profile(identity)).kind == "guest"


async def test_upgrades_at_once_succeed_once(accounts: Accounts, database: Database) -> None:
    identity = await accounts.authenticate((await guest(accounts)).access_token)
    done = await asyncio.gather(
        *(
            accounts.upgrade(identity, email=f"zoe{n}@example.org", password=PASSWORD, name=None)
            for n in range(5)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(d, Session) for d in done) == 1
    assert sum(isinstance(d, AlreadyRegistered) for d in done) == 4
    assert await count(database, "token_families") == 1


# --- refreshing -----------------------------------------------------------------------------------


async def test_each_use_of_a_refresh_token_replaces_it(accounts: Accounts, clock: Clock) -> None:
    session = await guest(accounts)
    tokens = [session.refresh_token]
    for _ in range(5):
        clock.pass_seconds(900)
        session = await accounts.refresh(session.refresh_token)
        tokens.append(session.refresh_token)
        await accounts.authenticate(session.access_token)
    assert len(set(tokens)) == 6


async def test_tokens_are_not_stored_as_they_are(accounts: Accounts, database: Database) -> None:
    session = await guest(accounts)
    session = await accounts.refresh(session.refresh_token)
    stored = await fetch(database, "SELECT * FROM refresh_tokens")
    assert len(stored) == 2
    assert session.refresh_token not in str(stored)
    assert session.refresh_token.encode() not in b"".join(bytes(row[0]) for row in stored)
    assert session.refresh_token not in repr(session)
    assert session.access_token not in repr(session)


async def test_reuse_of_an_old_token_revokes_its_family(accounts: Accounts, clock: Clock) -> None:
    first = await guest(accounts)
    second = await accounts.refresh(first.refresh_token)
    clock.pass_seconds(GRACE_SECONDS + 1)
    with pytest.raises(TokenReused):
        await accounts.refresh(first.refresh_token)
    with pytest.raises(TokenReused):  # the newest one too, whoever has it
        await accounts.refresh(second.refresh_token)


async def test_reuse_in_one_sign_in_leaves_the_others(accounts: Accounts, clock: Clock) -> None:
    await accounts.register(**registration())
    phone = await accounts.login(email="ann@example.org", password=PASSWORD)
    laptop = await accounts.login(email="ann@example.org", password=PASSWORD)
    await accounts.refresh(phone.refresh_token)
    clock.pass_seconds(GRACE_SECONDS + 1)
    with pytest.raises(TokenReused):
        await accounts.refresh(phone.refresh_token)
    await accounts.refresh(laptop.refresh_token)


async def test_two_tabs_that_refresh_at_once_get_the_same_successor(
    accounts: Accounts, clock: Clock, database: Database
) -> None:
    first = await guest(accounts)
    done = await asyncio.gather(*(accounts.refresh(first.refresh_token) for _ in range(8)))
    assert len({session.refresh_token for session in done}) == 1
    assert await count(database, "refresh_tokens") == 2
    clock.pass_seconds(GRACE_SECONDS)
    late = await accounts.refresh(first.refresh_token)
    assert late.refresh_token == done[0].refresh_token
    await accounts.refresh(late.refresh_token)


async def test_a_thief_within_the_grace_is_found_out_at_the_next_use(
    accounts: Accounts, clock: Clock
) -> None:
    """The grace makes no second line of tokens: victim and thief hold the same one, and one will reuse it."""
    first = await guest(accounts)
    victim = await accounts.refresh(first.refresh_token)
    thief = await accounts.refresh(first.refresh_token)
    clock.pass_seconds(900)
    stolen = await accounts.refresh(thief.refresh_token)
    clock.pass_seconds(GRACE_SECONDS + 1)
    with pytest.raises(TokenReused):
        await accounts.refresh(victim.refresh_token)
    with pytest.raises(TokenReused):
        await accounts.refresh(stolen.refresh_token)


async def test_the_grace_ends_when_the_successor_is_used(accounts: Accounts) -> None:
    first = await guest(accounts)
    second = await accounts.refresh(first.refresh_token)
    await accounts.refresh(second.refresh_token)
    with pytest.raises(TokenReused):
        await accounts.refresh(first.refresh_token)


async def test_reuse_and_rotation_at_once_leave_no_living_token(accounts: Accounts, clock: Clock) -> None:
    for _ in range(5):
        first = await guest(accounts)
        second = await accounts.refresh(first.refresh_token)
        clock.pass_seconds(GRACE_SECONDS + 1)
        done = await asyncio.gather(
            accounts.refresh(second.refresh_token),
            accounts.refresh(first.refresh_token),
            return_exceptions=True,
        )
        assert isinstance(done[1], TokenReused)
        if isinstance(done[0], Session):
            with pytest.raises(TokenReused):
                await accounts.refresh(done[0].refresh_token)


async def test_a_refresh_token_ends(accounts: Accounts, clock: Clock) -> None:
    session = await guest(accounts)
    clock.pass_seconds(2_592_000)
    with pytest.raises(TokenExpired):
        await accounts.refresh(session.refresh_token)


async def test_an_expired_token_is_refused_and_later_forgotten(
    accounts: Accounts, clock: Clock, database: Database
) -> None:
    for _ in range(3):
        session = await guest(accounts)
        await accounts.refresh(session.refresh_token)
    clock.pass_seconds(2_592_001)
    await guest(accounts)
    assert await count(database, "token_families") == 1
    assert await count(database, "refresh_tokens") == 1


async def test_used_tokens_of_a_living_family_do_not_pile_up(
    accounts: Accounts, clock: Clock, database: Database
) -> None:
    session = await guest(accounts)
    for _ in range(10):
        clock.pass_seconds(864_000)  # ten days
        session = await accounts.refresh(session.refresh_token)
    assert await count(database, "refresh_tokens") <= 5


async def test_an_account_keeps_so_many_sign_ins(accounts: Accounts, clock: Clock) -> None:
    await accounts.register(**registration())
    sessions = []
    for _ in range(MAX_FAMILIES + 2):
        clock.pass_seconds(60)
        sessions.append(await accounts.login(email="ann@example.org", password=PASSWORD))
    for session in sessions[:2]:
        with pytest.raises(Unauthenticated):
            await accounts.refresh(session.refresh_token)
    for session in sessions[2:]:
        await accounts.refresh(session.refresh_token)


@pytest.mark.parametrize("token", ["", "nonsense", "a" * 43, "a" * 5000, "\0" * 43])
async def test_what_was_never_issued_is_nobodys(token: str, accounts: Accounts) -> None:
    with pytest.raises(Unauthenticated):
        await accounts.refresh(token)
    await accounts.logout(token)


async def test_logout_ends_the_whole_family_and_no_other(accounts: Accounts) -> None:
    await accounts.register(**registration())
    phone = await accounts.login(email="ann@example.org", password=PASSWORD)
    laptop = await accounts.login(email="ann@example.org", password=PASSWORD)
    newer = await accounts.refresh(phone.refresh_token)
    await accounts.logout(phone.refresh_token)  # an old one of the family will do
    with pytest.raises(Unauthenticated):
        await accounts.refresh(newer.refresh_token)
    await accounts.refresh(laptop.refresh_token)
    await accounts.logout(None)


# --- who is asking --------------------------------------------------------------------------------


async def test_authenticate_knows_what_changed_since_the_token(
    accounts: Accounts, database: Database
) -> None:
    await accounts.register(**registration())
    session = await accounts.login(email="ann@example.org", password=PASSWORD)
    identity = await accounts.authenticate(session.access_token)
    await accounts.change_profile(identity, name="Anna", interests=("Music", "music"))
    await database.write(lambda s: users.set_role(s, "ann@example.org", "operator"))
    now = await accounts.authenticate(session.access_token)
    assert (now.name, now.role) == ("Anna", "operator")
    assert (await accounts.profile(now)).interests == ("music",)


async def test_the_token_of_a_removed_account_is_nobodys(
    accounts: Accounts, passwords: Passwords, clock: Clock, database: Database
) -> None:
    identity = Identity("gone", "Gone", "registered", "operator")
    token = accounts._access.issue(identity, clock())
    assert accounts.identify(token) == identity
    for attempt in (accounts.authenticate(token), accounts.profile(identity)):
        with pytest.raises(Unauthenticated):
            await attempt
    with pytest.raises(Unauthenticated):
        await accounts.change_profile(identity, name="Ghost")
    with pytest.raises(Unauthenticated):
        await accounts.upgrade(identity, email="ghost@example.org", password=PASSWORD, name=None)


async def test_an_access_token_ends(accounts: Accounts, clock: Clock) -> None:
    session = await guest(accounts)
    clock.pass_seconds(session.expires_in)
    with pytest.raises(TokenExpired):
        await accounts.authenticate(session.access_token)


async def test_the_token_is_believed_while_the_database_is_away(
    accounts: Accounts, database: Database
) -> None:
    session = await guest(accounts)
    await database.close()
    identity = await accounts.authenticate(session.access_token)
    assert identity.user_id == session.account.id
    with pytest.raises(SignalingError):
        await accounts.authenticate(session.access_token + "x")


async def test_an_old_token_is_not_believed_while_the_database_is_away(
    accounts: Accounts, database: Database, clock: Clock
) -> None:
    """``burrow user token --minutes 1440`` makes one that lives for a day; its role may be gone by now."""
    await accounts.register(**registration())
    account = (await accounts.login(email="ann@example.org", password=PASSWORD)).account
    long_lived = AccessTokens(accounts._access._key.hex(), 86_400)
    token = long_lived.issue(Identity(account.id, "Ann", "registered", "operator"), clock())
    clock.pass_seconds(3600)
    assert (await accounts.authenticate(token)).role == "user", "the database knows better"
    await database.close()
    with pytest.raises(TokenExpired):
        await accounts.authenticate(token)
