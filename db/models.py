"""The tables. What is unique, allowed or linked is said here and enforced by the database itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.types import Id, UtcDateTime

Kind = Literal["guest", "registered"]
Role = Literal["user", "moderator", "operator"]


class Base(DeclarativeBase):
    """Constraints have predictable names, so that migrations can name them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, list[str]: JSON, dict[str, Any]: JSON}  # noqa: RUF012 - SQLAlchemy's own name


class User(Base):
    """An account, registered or guest: a guest has no email and no password until upgraded."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("kind IN ('guest', 'registered')", name="kind"),
        CheckConstraint("role IN ('user', 'moderator', 'operator')", name="role"),
        CheckConstraint(
            "(kind = 'registered') = (email IS NOT NULL) AND (email IS NULL) = (password_hash IS NULL)",
            name="registered_has_email",
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(16))
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    """Normalised (``signaling.accounts.fields``): two spellings of one address are one account."""
    password_hash: Mapped[str | None] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(64))
    interests: Mapped[list[str]]
    languages: Mapped[list[str]]
    terms_version: Mapped[str] = mapped_column(String(32))
    terms_accepted_at: Mapped[datetime]
    age_confirmed_at: Mapped[datetime]
    created_at: Mapped[datetime]
    registration_attempted_at: Mapped[datetime | None]
    """Last registration with this address, also one refused: so both outcomes cost one written row."""


class TokenFamily(Base):
    """One sign-in: the refresh token given then and all that replaced it, one after the other."""

    __tablename__ = "token_families"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    """When its newest token does; later than that the family is deleted."""
    revoked_at: Mapped[datetime | None]


class RefreshToken(Base):
    """A refresh token, known only by its SHA-256. A used one is kept to recognise its reuse."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    family_id: Mapped[str] = mapped_column(ForeignKey("token_families.id", ondelete="CASCADE"), index=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Match(Base):
    """Two users paired. A row without ``ended_at`` is a match in progress, or one a crash left open."""

    __tablename__ = "matches"
    __table_args__ = (
        CheckConstraint("user_a_id <> user_b_id", name="two_users"),
        CheckConstraint("ended_by IN ('a', 'b', 'service')", name="ended_by"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_has_reason"),
        Index("ix_matches_user_a_id_started_at", "user_a_id", "started_at"),
        Index("ix_matches_user_b_id_started_at", "user_b_id", "started_at"),
        Index("ix_matches_started_at", "started_at"),
        Index("ix_matches_ended_at", "ended_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_a_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    user_b_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(32))
    ended_by: Mapped[str | None] = mapped_column(String(8))
    routes: Mapped[list[str]]
    """Routes used, in order."""
    connect_ms: Mapped[int | None]
    packets_a_to_b: Mapped[int] = mapped_column(BigInteger)
    bytes_a_to_b: Mapped[int] = mapped_column(BigInteger)
    lost_a_to_b: Mapped[int] = mapped_column(BigInteger)
    packets_b_to_a: Mapped[int] = mapped_column(BigInteger)
    bytes_b_to_a: Mapped[int] = mapped_column(BigInteger)
    lost_b_to_a: Mapped[int] = mapped_column(BigInteger)
    route_changes: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    """``None`` in these three: ended before they were recorded, or not ended."""
    troubles: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    direct_stats: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    events: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    """Steps that are neither a change of route nor a trouble; ``None`` as above."""


class Block(Base):
    """``blocker_id`` is never matched with ``blocked_id`` again, nor the other way round."""

    __tablename__ = "blocks"
    __table_args__ = (CheckConstraint("blocker_id <> blocked_id", name="two_users"),)

    blocker_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    blocked_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime]


class Report(Base):
    """A user's report of a stranger, for a moderator."""

    __tablename__ = "reports"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    match_id: Mapped[str] = mapped_column(Id, index=True)
    """No foreign key: while the database was away the match may be written later, or was dropped."""
    reporter_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    reported_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    reason: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(index=True)


class Minute(Base):
    """What the node did in ``seconds`` from ``at`` on. A whole minute, or less of it at a start or stop."""

    __tablename__ = "minutes"

    at: Mapped[datetime] = mapped_column(primary_key=True)
    seconds: Mapped[float]
    stress: Mapped[float]
    stress_max: Mapped[float]
    level: Mapped[str] = mapped_column(String(8))
    """The worst one."""
    cpu: Mapped[float]
    lag_ms: Mapped[float]
    packets_in: Mapped[int] = mapped_column(BigInteger)
    packets_out: Mapped[int] = mapped_column(BigInteger)
    bytes_in: Mapped[int] = mapped_column(BigInteger)
    bytes_out: Mapped[int] = mapped_column(BigInteger)
    online: Mapped[int]
    waiting: Mapped[int]
    calls_direct: Mapped[int]
    calls_relay: Mapped[int]
    calls_connecting: Mapped[int]
    legs: Mapped[int]
    """The most at once, like those above."""
    matches: Mapped[int]
    """Begun."""
    connected: Mapped[dict[str, Any]]
    """Matches that got their first route, by route."""
    ends: Mapped[dict[str, Any]]
    """By reason."""
    troubles: Mapped[dict[str, Any]]
    """By "route step"."""
    drops: Mapped[dict[str, Any]]
    """Packets by reason."""
    connect_ms: Mapped[dict[str, Any]]
    """By route: how many connected within each of :data:`db.records.CONNECT_MS`, and how many later."""


class CallSamples(Base):
    """How one call went over time. Apart from its match, because it is kept for less long."""

    __tablename__ = "call_samples"

    match_id: Mapped[str] = mapped_column(Id, primary_key=True)
    ended_at: Mapped[datetime] = mapped_column(index=True)
    samples: Mapped[list[Any]] = mapped_column(JSON)


class OperatorAction(Base):
    """What an operator did. Without foreign keys: it outlives the accounts it names."""

    __tablename__ = "operator_actions"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    operator_id: Mapped[str] = mapped_column(Id)
    operator_name: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(String(64))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    outcome: Mapped[str] = mapped_column(String(32))
    """``done``, or the code of why not."""


METADATA: MetaData = Base.metadata
