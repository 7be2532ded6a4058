"""Refresh tokens and their families. Tokens come as SHA-256 digests; the tokens themselves never get here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import RefreshToken, TokenFamily

PURGED_AT_ONCE = 50
"""Each new token pays for the removal of up to so many dead ones: the tables stay bounded without a task."""


@dataclass(frozen=True, slots=True)
class Known:
    """A refresh token as it stands, its family locked until the transaction ends."""

    family_id: str
    user_id: str
    expires_at: datetime
    used_at: datetime | None
    revoked: bool


async def find(session: AsyncSession, token_hash: bytes) -> Known | None:
    """Look a token up and lock its family: whatever is done to one family is done one after the other."""
    family_id = (
        await session.execute(select(RefreshToken.family_id).where(RefreshToken.token_hash == token_hash))
    ).scalar_one_or_none()
    if family_id is None:
        return None
    family = await session.get(TokenFamily, family_id, with_for_update=True)
    token = await session.get(RefreshToken, token_hash)
    if family is None or token is None:
        return None  # logged out between the two looks
    return Known(
        family_id=family.id,
        user_id=family.user_id,
        expires_at=token.expires_at,
        used_at=token.used_at,
        revoked=family.revoked_at is not None,
    )


async def unused(session: AsyncSession, token_hash: bytes) -> bool:
    """Whether this token exists and has not been used. Only sensible with its family locked."""
    found = await session.execute(
        select(RefreshToken.token_hash).where(
            RefreshToken.token_hash == token_hash, RefreshToken.used_at.is_(None)
        )
    )
    return found.scalar_one_or_none() is not None


async def start_family(
    session: AsyncSession,
    *,
    family_id: str,
    user_id: str,
    token_hash: bytes,
    now: datetime,
    expires_at: datetime,
    most_families: int,
) -> None:
    """Record a sign-in. A user keeps the newest ``most_families``; older ones are signed out."""
    await purge(session, now)
    kept = (
        select(TokenFamily.id)
        .where(TokenFamily.user_id == user_id)
        .order_by(TokenFamily.expires_at.desc(), TokenFamily.id)
        .limit(most_families - 1)
    )
    await session.execute(
        delete(TokenFamily).where(
            TokenFamily.user_id == user_id, TokenFamily.id.not_in(kept.subquery().select())
        )
    )
    session.add(
        TokenFamily(id=family_id, user_id=user_id, created_at=now, expires_at=expires_at, revoked_at=None)
    )
    await session.flush()
    await _add(session, family_id, token_hash, now, expires_at)


async def replace(
    session: AsyncSession,
    *,
    family_id: str,
    old_hash: bytes,
    new_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Mark a token used and add its successor; the family lives on until the successor's end."""
    await session.execute(update(RefreshToken).where(RefreshToken.token_hash == old_hash).values(used_at=now))
    await session.execute(
        update(TokenFamily).where(TokenFamily.id == family_id).values(expires_at=expires_at)
    )
    await _add(session, family_id, new_hash, now, expires_at)
    await purge(session, now)


async def revoke(session: AsyncSession, family_id: str, now: datetime) -> None:
    """No token of this family works any more; its tokens are still recognised."""
    await session.execute(update(TokenFamily).where(TokenFamily.id == family_id).values(revoked_at=now))


async def forget(session: AsyncSession, token_hash: bytes) -> None:
    """Log out: the family that this token belongs to is gone."""
    family = select(RefreshToken.family_id).where(RefreshToken.token_hash == token_hash)
    await session.execute(delete(TokenFamily).where(TokenFamily.id.in_(family)))


async def forget_user(session: AsyncSession, user_id: str) -> None:
    """Log a user out everywhere."""
    await session.execute(delete(TokenFamily).where(TokenFamily.user_id == user_id))


async def purge(session: AsyncSession, now: datetime) -> None:
    """Delete some families and tokens that ended; those another transaction holds are left to it."""
    families = (
        select(TokenFamily.id)
        .where(TokenFamily.expires_at < now)
        .order_by(TokenFamily.expires_at)
        .limit(PURGED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    ids = (await session.execute(families)).scalars().all()
    if ids:
        await session.execute(delete(TokenFamily).where(TokenFamily.id.in_(ids)))
    tokens = (
        select(RefreshToken.token_hash)
        .where(RefreshToken.expires_at < now)
        .order_by(RefreshToken.expires_at)
        .limit(PURGED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    hashes = (await session.execute(tokens)).scalars().all()
    if hashes:
        await session.execute(delete(RefreshToken).where(RefreshToken.token_hash.in_(hashes)))


async def _add(
    session: AsyncSession, family_id: str, token_hash: bytes, now: datetime, expires_at: datetime
) -> None:
    session.add(
        RefreshToken(
            token_hash=token_hash, family_id=family_id, issued_at=now, expires_at=expires_at, used_at=None
        )
    )
    await session.flush()
