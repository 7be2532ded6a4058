"""The one place where it is decided who is an operator."""

from __future__ import annotations

from aiohttp import web

from signaling.accounts.service import Accounts
from signaling.accounts.tokens import Identity
from signaling.errors import Forbidden, Unauthenticated


class Gate:
    """By the account's role as the database has it now, so that it ends at once when it is taken away. While
    the database is away the word of a token is taken that is not older than ``auth.access_token_seconds``: a
    node must be drained all the same."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def operator(self, request: web.Request) -> Identity:
        """Who asks. Raises as :meth:`operator_of`."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated
        return await self.operator_of(token.strip())

    async def operator_of(self, token: str) -> Identity:
        """Whose access token this is. Raises :class:`Unauthenticated`, ``TokenExpired``, or
        :class:`Forbidden` for an account that is no operator."""
        identity = await self._accounts.authenticate(token)
        if identity.role != "operator":
            raise Forbidden("This is for operators, and this account is none.")
        return identity
