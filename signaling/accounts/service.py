"""What can be done with accounts, as ``docs/protocol.md`` sections 1 and 1.1 say."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from db.database import Database
from db.errors import DatabaseUnavailable, EmailTaken
from db.repositories import tokens as stored_tokens
from db.repositories import users
from db.repositories.users import Account, Consent
from signaling.accounts import fields
from signaling.accounts.passwords import Passwords
from signaling.accounts.secrets import Secrets
from signaling.accounts.tokens import (
    AccessTokens,
    Identity,
    digest,
    looks_like_refresh_token,
    new_refresh_token,
    successor,
)
from signaling.errors import (
    AlreadyRegistered,
    BadCredentials,
    BadRequest,
    Busy,
    SignalingError,
    TokenExpired,
    TokenReused,
    Unauthenticated,
)
from signaling.settings import AuthSettings

MAX_FAMILIES = 20
"""Sign-ins one account keeps; one more signs the oldest out."""
GRACE_SECONDS = 10
"""Two tabs may refresh with the same token within so many seconds; both get the same successor."""


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in: tokens and the account they are for. The tokens are kept out of its representation."""

    account: Account
    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(repr=False)
    refresh_seconds: int


class Accounts:
    """Methods that need the database raise :class:`db.errors.DatabaseUnavailable` while it is away."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        secret_keys: Secrets,
        settings: AuthSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._access = AccessTokens(secret_keys.access_token_key, settings.access_token_seconds)
        self._refresh_key = secret_keys.refresh_token_key
        self._settings = settings
        self._now = now

    # --- entering -------------------------------------------------------------------------------

    async def register(
        self, *, email: str, password: str, name: str, age_confirmed: bool, terms_version: str
    ) -> None:
        """Make an account, or nothing when the address is taken: the same work and no answer either way.

        Raises :class:`BadRequest`, :class:`Busy`.
        """
        consent = self._consent(age_confirmed, terms_version)
        email, name = fields.email_address(email), fields.display_name(name)
        password_hash = await self._passwords.hash(fields.password(password))
        await self._database.write(
            lambda session: users.register(
                session,
                user_id=_new_id(),
                email=email,
                password_hash=password_hash,
                name=name,
                consent=consent,
            )
        )

    async def login(self, *, email: str, password: str) -> Session:
        """Sign in. Raises :class:`BadCredentials` for an unknown address as for a wrong password, after the
        same work; :class:`BadRequest`, :class:`Busy`."""
        email, password = fields.email_address(email), fields.password(password)
        account = await self._database.read(lambda session: users.by_email(session, email))
        known = account.password_hash if account else None
        if not await self._passwords.verify(known, password) or account is None or known is None:
            raise BadCredentials
        renewed = await self._renewed_hash(known, password)

        async def work(session: AsyncSession) -> str:
            if renewed is not None:
                await users.set_password_hash(session, account.id, old=known, new=renewed)
            return await self._start_family(session, account)

        return self._session(account, await self._database.write(work))

    async def guest(self, *, name: str | None, age_confirmed: bool, terms_version: str) -> Session:
        """Make a guest account and sign in. Raises :class:`BadRequest`."""
        consent = self._consent(age_confirmed, terms_version)
        shown = fields.display_name(name) if name is not None else f"Guest {secrets.randbelow(9000) + 1000}"

        async def work(session: AsyncSession) -> tuple[Account, str]:
            account = await users.add_guest(session, user_id=_new_id(), name=shown, consent=consent)
            return account, await self._start_family(session, account)

        return self._session(*await self._database.write(work))

    async def upgrade(self, identity: Identity, *, email: str, password: str, name: str | None) -> Session:
        """Make a guest a registered user with the same id; the guest's sign-ins end, a new one begins.

        Raises :class:`AlreadyRegistered`, :class:`BadCredentials` (the address is taken),
        :class:`Unauthenticated` (no such account any more), :class:`BadRequest`, :class:`Busy`.
        """
        email = fields.email_address(email)
        shown = fields.display_name(name) if name is not None else None
        password_hash = await self._passwords.hash(fields.password(password))
        user_id = identity.user_id

        async def work(session: AsyncSession) -> tuple[Account, str]:
            changed = await users.upgrade(
                session, user_id=user_id, email=email, password_hash=password_hash, name=shown
            )
            account = await users.by_id(session, user_id)
            if account is None:
                raise Unauthenticated
            if not changed:
                raise AlreadyRegistered
            await stored_tokens.forget_user(session, user_id)
            return account, await self._start_family(session, account)

        try:
            return self._session(*await self._database.write(work))
        except EmailTaken as error:
            raise BadCredentials from error

    # --- staying --------------------------------------------------------------------------------

    async def refresh(self, refresh_token: str) -> Session:
        """Replace a refresh token by its successor.

        Raises :class:`Unauthenticated` (none of ours, or logged out), :class:`TokenExpired`, or
        :class:`TokenReused`, which revokes the whole family.
        """
        if not looks_like_refresh_token(refresh_token):
            raise Unauthenticated
        outcome = await self._database.write(lambda session: self._rotate(session, refresh_token))
        if isinstance(outcome, SignalingError):
            raise outcome
        return self._session(outcome, successor(self._refresh_key, refresh_token))

    async def logout(self, refresh_token: str | None) -> None:
        """End the sign-in that this token belongs to; an unknown one is no error."""
        if refresh_token is not None and looks_like_refresh_token(refresh_token):
            await self._database.write(lambda session: stored_tokens.forget(session, digest(refresh_token)))

    def identify(self, access_token: str) -> Identity:
        """Who an access token names, without a look into the database.

        Raises :class:`Unauthenticated`, :class:`TokenExpired`.
        """
        return self._access.check(access_token, self._now())

    async def authenticate(self, access_token: str) -> Identity:
        """Who is asking: the token says which account, the database what it is now.

        While the database is away the token's own word is taken, so that a user whose socket broke gets
        back into the match: of one at most ``access_token_seconds`` old, however long it was made for. Raises
        :class:`Unauthenticated`, :class:`TokenExpired`.
        """
        identity = self.identify(access_token)
        try:
            account = await self._database.read(lambda session: users.by_id(session, identity.user_id))
        except DatabaseUnavailable:
            return self._access.check(access_token, self._now(), recent=True)
        if account is None:
            raise Unauthenticated
        return _identity(account)

    # --- profile --------------------------------------------------------------------------------

    async def profile(self, identity: Identity) -> Account:
        """The account as it is now. Raises :class:`Unauthenticated` when it is gone."""
        account = await self._database.read(lambda session: users.by_id(session, identity.user_id))
        if account is None:
            raise Unauthenticated
        return account

    async def change_profile(
        self,
        identity: Identity,
        *,
        name: str | None = None,
        interests: tuple[str, ...] | None = None,
        languages: tuple[str, ...] | None = None,
    ) -> Account:
        """Change what is given. Raises :class:`BadRequest`, :class:`Unauthenticated`."""
        shown = fields.display_name(name) if name is not None else None
        liked = fields.tags("interests", interests) if interests is not None else None
        spoken = fields.tags("languages", languages) if languages is not None else None
        account = await self._database.write(
            lambda session: users.change(
                session, identity.user_id, name=shown, interests=liked, languages=spoken
            )
        )
        if account is None:
            raise Unauthenticated
        return account

    # --- inside ---------------------------------------------------------------------------------

    def _consent(self, age_confirmed: bool, terms_version: str) -> Consent:
        if not age_confirmed:
            raise BadRequest("Confirm your age first.", details={"field": "age_confirmed"})
        if terms_version != self._settings.terms_version:
            raise BadRequest(
                "These are not the terms in force. Read them again.",
                details={"field": "terms_version", "allowed": self._settings.terms_version},
            )
        return Consent(terms_version, self._now())

    async def _renewed_hash(self, password_hash: str, password: str) -> str | None:
        if not self._passwords.outdated(password_hash):
            return None
        try:
            return await self._passwords.hash(password)
        except Busy:
            return None  # the next login will do

    async def _start_family(self, session: AsyncSession, account: Account) -> str:
        refresh_token, now = new_refresh_token(), self._now()
        await stored_tokens.start_family(
            session,
            family_id=_new_id(),
            user_id=account.id,
            token_hash=digest(refresh_token),
            now=now,
            expires_at=now + timedelta(seconds=self._settings.refresh_token_seconds),
            most_families=MAX_FAMILIES,
        )
        return refresh_token

    async def _rotate(self, session: AsyncSession, refresh_token: str) -> Account | SignalingError:
        """An error is returned rather than raised: what it did to the family must be committed."""
        now = self._now()
        known = await stored_tokens.find(session, digest(refresh_token))
        if known is None:
            return Unauthenticated()
        if known.revoked:
            return TokenReused()
        if known.expires_at <= now:
            return TokenExpired()
        new_hash = digest(successor(self._refresh_key, refresh_token))
        if known.used_at is None:
            await stored_tokens.replace(
                session,
                family_id=known.family_id,
                old_hash=digest(refresh_token),
                new_hash=new_hash,
                now=now,
                expires_at=now + timedelta(seconds=self._settings.refresh_token_seconds),
            )
        elif now - known.used_at > timedelta(seconds=GRACE_SECONDS) or not await stored_tokens.unused(
            session, new_hash
        ):
            await stored_tokens.revoke(session, known.family_id, now)
            return TokenReused()
        return await users.by_id(session, known.user_id) or Unauthenticated()

    def _session(self, account: Account, refresh_token: str) -> Session:
        return Session(
            account=account,
            access_token=self._access.issue(_identity(account), self._now()),
            expires_in=self._settings.access_token_seconds,
            refresh_token=refresh_token,
            refresh_seconds=self._settings.refresh_token_seconds,
        )


def _identity(account: Account) -> Identity:
    return Identity(account.id, account.name, account.kind, account.role)


def _new_id() -> str:
    return str(uuid.uuid4())
