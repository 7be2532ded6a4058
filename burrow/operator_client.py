"""Talks to a running node as an operator: where it is, whose token, and what went wrong in plain words."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from burrow.config import Config
from db.database import Database
from db.repositories import users
from db.repositories.users import Account
from signaling.accounts.secrets import load_secrets
from signaling.accounts.tokens import AccessTokens, Identity

TOKEN_VARIABLE = "BURROW_OPERATOR_TOKEN"  # noqa: S105  # the name of a variable, not a token
URL_VARIABLE = "BURROW_OPERATOR_URL"
ANSWER_SECONDS = 15.0
MINT_SECONDS = 120
"""Life of a token that a command makes for itself."""
API = "/api/v1/operator"


class OperatorError(Exception):
    """The command cannot be carried out. The sentence says what happened, why, and what to do next."""

    code = "operator_failed"


@dataclass(frozen=True, slots=True)
class Node:
    """``url`` without a slash at its end."""

    url: str
    token: str = field(repr=False)

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Ask once; the answer. Raises :class:`OperatorError`."""
        return asyncio.run(self._ask(method, path, body))

    async def _ask(self, method: str, path: str, body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"}
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                # A redirection would carry the token to whoever is named there.
                session.request(
                    method, f"{self.url}{API}{path}", headers=headers, json=body, allow_redirects=False
                ) as response,
            ):
                answer = await response.json(content_type=None)
                status = response.status
        except TimeoutError as error:
            raise OperatorError(
                f"{self.url} did not answer within {ANSWER_SECONDS:g} s. Is the node overloaded? Try again."
            ) from error
        except aiohttp.ClientConnectionError as error:
            raise OperatorError(
                f"Nothing answers at {self.url}. Start the service, or say where it is: "
                f"--url or {URL_VARIABLE}."
            ) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise self._other() from error
        if status != 200:
            raise OperatorError(_sentence(status, answer))
        if not isinstance(answer, dict):
            raise self._other()
        return answer

    def _other(self) -> OperatorError:
        return OperatorError(
            f"What answers at {self.url} is not Burrow. Say where it is: --url or {URL_VARIABLE}."
        )


def find_node(
    config: Config, data_dir: Path, environ: Mapping[str, str], url: str | None, account: str | None
) -> Node:
    """Where the node is and with which token to ask it.

    The address: ``url``, ``BURROW_OPERATOR_URL``, else the configured one. The token:
    ``BURROW_OPERATOR_TOKEN``, else one made here with the key in ``data_dir``, which whoever owns the machine
    can read. Raises :class:`OperatorError`.
    """
    where = (url or environ.get(URL_VARIABLE) or _configured(config)).rstrip("/")
    parts = urlsplit(where)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise OperatorError(f"{where} is no address of a service, such as http://127.0.0.1:8080.")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise OperatorError(
            f"{where} would take an operator's token in the clear. Use its https address, or an SSH tunnel."
        )
    token = environ.get(TOKEN_VARIABLE, "")
    return Node(where, token or asyncio.run(mint(config, data_dir, account, MINT_SECONDS)))


async def mint(config: Config, data_dir: Path, email: str | None, seconds: int) -> str:
    """An access token of the account ``email``, or of the first operator. Raises :class:`OperatorError`."""
    if not (data_dir / "secrets.json").exists():
        raise OperatorError(
            f"There is no key of a service in {data_dir} to make a token with. Run this where the service "
            f"runs, with its --config, or set {TOKEN_VARIABLE}."
        )
    keys = load_secrets(data_dir)
    database = await Database.open(config.database, data_dir)
    try:
        account = await _account(database, email)
    finally:
        await database.close()
    who = Identity(account.id, account.name, account.kind, account.role)
    return AccessTokens(keys.access_token_key, seconds).issue(who, datetime.now(UTC))


async def _account(database: Database, email: str | None) -> Account:
    if email is not None:
        found = await database.read(lambda session: users.by_email(session, email))
        if found is None:
            raise OperatorError(f"There is no account with the address {email}. See: burrow user add --help")
        return found
    operators = await database.read(users.operators)
    if not operators:
        raise OperatorError(
            "There is no operator's account yet. Make one: burrow user add YOU@example.org --role operator"
        )
    return operators[0]


def _sentence(status: int, answer: Any) -> str:
    said = answer.get("message") if isinstance(answer, dict) else None
    code = answer.get("code") if isinstance(answer, dict) else None
    if status == 401:
        return (
            f"The token is not accepted: {said or 'no reason given'} Unset or renew {TOKEN_VARIABLE} "
            "(burrow user token), or run this with the service's own --config."
        )
    if status == 403:
        return f"{said or 'Not allowed.'} Make it one: burrow user promote ADDRESS --role operator"
    if isinstance(said, str) and isinstance(code, str):
        return said
    return f"The service answered with status {status} and no reason. Is a proxy in between?"


def _configured(config: Config) -> str:
    server = config.server
    if server.port == 0:
        raise OperatorError(
            "server.port is 0, so the service has another port at each start. "
            f"Say where it is: --url or {URL_VARIABLE}."
        )
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.host, server.host)  # noqa: S104  # where it listens
    return f"http://[{host}]:{server.port}" if ":" in host else f"http://{host}:{server.port}"


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
