"""The operator's TURN server: the secret shared with it, and a look at it at the start and now and then."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from burrow.turn_check import TurnFinding, check_turn
from signaling.accounts.secrets import read_private
from signaling.core.turn import TurnAccess
from signaling.errors import SecretsInvalid
from signaling.settings import TurnSettings

FILE_NAME = "turn.secret"
VARIABLE = "BURROW_TURN_SECRET"
SECRET_BYTES = 32
SHORTEST_SECRET = 16
_CHECKER = "self-check"

_log = structlog.get_logger("burrow")


def turn_access(settings: TurnSettings, data_dir: Path, environ: Mapping[str, str]) -> TurnAccess | None:
    """``None`` without a server. Raises :class:`SecretsInvalid` for a secret that cannot be used."""
    if not settings.urls:
        return None
    path = data_dir / FILE_NAME
    secret, where = environ.get(VARIABLE, ""), VARIABLE
    if not secret:
        where = str(path)
        try:
            secret = read_private(path, _new_secret).decode().strip()
        except UnicodeDecodeError:
            secret = ""
    if len(secret) < SHORTEST_SECRET or not secret.isprintable():
        raise SecretsInvalid(
            f"The TURN secret of {where} is of no use: it must have {SHORTEST_SECRET} printable characters "
            "at least. Write the TURN server's static-auth-secret there, or remove it to make a new one."
        )
    return TurnAccess(settings.urls, secret, settings.credential_seconds)


def _new_secret() -> bytes:
    return secrets.token_hex(SECRET_BYTES).encode() + b"\n"


class TurnWatch:
    """Checks every URL when :meth:`run` begins and then each ``check_seconds``; a finding is logged when it
    is another than before."""

    def __init__(self, access: TurnAccess, check_seconds: float, relay: tuple[str, int] | None) -> None:
        self._access = access
        self._check_seconds = check_seconds
        self._relay = relay
        self.findings: tuple[TurnFinding, ...] = ()
        """Of the last look, in the order of the URLs; empty before the first one is done."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001  # the watch's edge: one look that fails must not end all of them
                _log.exception("turn_look_failed")
            await asyncio.sleep(self._check_seconds)

    async def look(self) -> None:
        """Check every URL once."""
        turn = self._access.credentials(_CHECKER, time.time())
        async with asyncio.TaskGroup() as group:
            checks = [group.create_task(check_turn(url, turn, self._relay)) for url in turn.urls]
        found = tuple(check.result() for check in checks)
        known = {finding.url: finding.code for finding in self.findings}
        for finding in found:
            if known.get(finding.url) == finding.code:
                continue
            say = _log.info if finding.code == "ok" else _log.warning
            say("turn_checked", url=finding.url, code=finding.code, message=finding.message)
        self.findings = found

    def states(self) -> tuple[Mapping[str, str], ...]:
        """For ``/ready``: each URL with its code."""
        return tuple({"url": finding.url, "code": finding.code} for finding in self.findings)
