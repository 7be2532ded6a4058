"""Debian's coturn with the configuration of ``deploy/coturn``, as a process of a test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

CONFIGURATION = Path(__file__).parents[1] / "deploy" / "coturn" / "turnserver.conf"
START_SECONDS = 15.0
SECRET = "a secret of the tests, shared by both"
"""Any will do."""


def configuration(changes: dict[str, str], extra: Sequence[str] = ()) -> str:
    """The deployed file with its lines marked CHANGE set to ``changes``; all of them must be."""
    marked: list[str] = []
    lines: list[str] = []
    change = False
    for line in CONFIGURATION.read_text().splitlines():
        key, equals, _ = line.partition("=")
        if line.startswith("#"):
            change = change or "CHANGE:" in line
        elif change and equals:
            marked.append(key)
            lines.append(f"{key}={changes[key]}")
            change = key == "cert"  # one comment for the certificate and its key
            continue
        elif key in changes:
            line = f"{key}={changes[key]}"
        lines.append(line)
    assert len(marked) == 7, marked
    return "\n".join([*lines, *extra, ""])


@contextlib.asynccontextmanager
async def turn_server(
    folder: Path,
    certificate: tuple[Path, Path],
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    peer: str = "127.0.0.1",
    secret: str = SECRET,
    inside: Sequence[str] = (),
    changes: dict[str, str] | None = None,
) -> AsyncIterator[Path]:
    """coturn at ``address`` and ``port``, for the relay at ``peer``; gives its log. ``inside`` is a
    command that runs it (:meth:`tests.lab.host.Host.inside`)."""
    loopback = address.startswith("127.")
    file, log = folder / "turnserver.conf", folder / "turnserver.log"
    file.write_text(
        configuration(
            {
                "listening-ip": address,
                "relay-ip": address,
                "tls-listening-port": str(port),
                "cert": str(certificate[0]),
                "pkey": str(certificate[1]),
                "static-auth-secret": secret,
                "realm": "turn.example.org",
                "allowed-peer-ip": peer,
                **(changes or {}),
            },
            [
                f"pidfile={folder / 'turnserver.pid'}",
                f"userdb={folder / 'turndb'}",
                "verbose",
                *(["allow-loopback-peers"] if loopback else []),
            ],
        )
    )
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *inside, "turnserver", "-c", str(file), stdout=asyncio.subprocess.PIPE, stderr=out
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            await _listening(process.stdout, log)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    drain = asyncio.create_task(_drain(process.stdout, log), name="coturn log")
    try:
        yield log
    finally:
        process.terminate()
        await process.wait()
        await drain


async def _listening(out: asyncio.StreamReader, log: Path) -> None:
    while line := await out.readline():
        _write(log, line)
        if b"TLS listener opened" in line:
            return
    raise AssertionError(f"coturn did not start, see {log}")


async def _drain(out: asyncio.StreamReader, log: Path) -> None:
    while line := await out.readline():
        _write(log, line)


def _write(log: Path, line: bytes) -> None:
    with log.open("ab") as file:
        file.write(line)
