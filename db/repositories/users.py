"""Accounts: found by id or email, made, upgraded, changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from sqlalchemy import CursorResult, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from db.errors import EmailTaken, UnknownUser
from db.models import Kind, Role, User
from db.repositories.upsert import insert_into


@dataclass(frozen=True, slots=True)
class Account:
    """A user as the services see one."""

    id: str
    kind: Kind
    role: Role
    email: str | None
    password_hash: str | None = field(repr=False)
    name: str
    interests: tuple[str, ...]
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consent:
    """What a user accepted at ``at``: these terms, and that they are old enough."""

    terms_version: str
    at: datetime


async def by_id(session: AsyncSession, user_id: str) -> Account | None:
    """The account with this id."""
    user = await session.get(User, user_id)
    return _account(user) if user else None


async def by_email(session: AsyncSession, email: str) -> Account | None:
    """The account with this normalised email address."""
    user = (await session.execute(select(User).where(User.email == email))).scalar_one_or_none()
    return _account(user) if user else None


async def search(session: AsyncSession, text: str, most: int) -> list[Account]:
    """Accounts whose id is ``text``, whose address is it, or whose name begins with it (in any case)."""
    start = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # The index answers the first two; the third reads all names, so it is only asked when they find nobody.
    exact = select(User).where(or_(User.id == text, User.email == text.lower())).limit(most)
    found = (await session.execute(exact)).scalars().all()
    if not found:
        named = (
            select(User)
            .where(func.lower(User.name).like(f"{start.lower()}%", escape="\\"))
            .order_by(User.name, User.id)
            .limit(most)
        )
        found = (await session.execute(named)).scalars().all()
    return [_account(user) for user in found]


async def operators(session: AsyncSession) -> list[Account]:
    """The accounts with the role ``operator``, the oldest first."""
    chosen = select(User).where(User.role == "operator").order_by(User.created_at, User.id)
    return [_account(user) for user in (await session.execute(chosen)).scalars()]


async def register(
    session: AsyncSession,
    *,
    user_id: str,
    email: str,
    password_hash: str,
    name: str,
    consent: Consent,
    role: Role = "user",
) -> None:
    """Make a registered account, or do nothing visible when the address is taken.

    One statement that writes one row either way: neither its answer nor its time tells which it was.
    """
    statement = insert_into(session, User).values(
        id=user_id,
        kind="registered",
        role=role,
        email=email,
        password_hash=password_hash,
        name=name,
        interests=[],
        languages=[],
        terms_version=consent.terms_version,
        terms_accepted_at=consent.at,
        age_confirmed_at=consent.at,
        created_at=consent.at,
        registration_attempted_at=consent.at,
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[User.email], set_={"registration_attempted_at": consent.at}
        )
    )


async def add_guest(session: AsyncSession, *, user_id: str, name: str, consent: Consent) -> Account:
    """Make a guest account."""
    user = User(
        id=user_id,
        kind="guest",
        role="user",
        email=None,
        password_hash=None,
        name=name,
        interests=[],
        languages=[],
        terms_version=consent.terms_version,
        terms_accepted_at=consent.at,
        age_confirmed_at=consent.at,
        created_at=consent.at,
        registration_attempted_at=None,
    )
    session.add(user)
    await session.flush()
    return _account(user)


async def upgrade(
    session: AsyncSession, *, user_id: str, email: str, password_hash: str, name: str | None
) -> bool:
    """Give a guest an address and a password; ``False`` when the account is no guest (any more).

    Raises :class:`EmailTaken`; the transaction is then over.
    """
    values: dict[str, str] = {"kind": "registered", "email": email, "password_hash": password_hash}
    if name is not None:
        values["name"] = name
    try:
        result = await session.execute(
            update(User).where(User.id == user_id, User.kind == "guest").values(values)
        )
    except IntegrityError as error:
        raise EmailTaken("Another account has this email address.") from error
    return cast("CursorResult[object]", result).rowcount == 1


async def change(
    session: AsyncSession,
    user_id: str,
    *,
    name: str | None = None,
    interests: tuple[str, ...] | None = None,
    languages: tuple[str, ...] | None = None,
) -> Account | None:
    """Change what is given; ``None`` when there is no such account."""
    user = await session.get(User, user_id, with_for_update=True)
    if user is None:
        return None
    if name is not None:
        user.name = name
    if interests is not None:
        user.interests = list(interests)
    if languages is not None:
        user.languages = list(languages)
    await session.flush()
    return _account(user)


async def set_password_hash(session: AsyncSession, user_id: str, *, old: str, new: str) -> None:
    """Replace a hash by one of the same password with newer parameters, unless it changed meanwhile."""
    await session.execute(
        update(User).where(User.id == user_id, User.password_hash == old).values(password_hash=new)
    )


async def set_role(session: AsyncSession, email: str, role: Role) -> None:
    """Promote or demote the account with this address. Raises :class:`UnknownUser`."""
    result = await session.execute(update(User).where(User.email == email).values(role=role))
    if cast("CursorResult[object]", result).rowcount != 1:
        raise UnknownUser(f"There is no account with the address {email}.")


def _account(user: User) -> Account:
    return Account(
        id=user.id,
        kind=cast("Kind", user.kind),
        role=cast("Role", user.role),
        email=user.email,
        password_hash=user.password_hash,
        name=user.name,
        interests=tuple(user.interests),
        languages=tuple(user.languages),
    )
