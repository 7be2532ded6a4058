"""Whether a TURN server works for this service's users: what is wrong is named, by a stable code too.

Each URL is used as a browser would use it: resolve the name, connect, check the certificate against the name
and the system's authorities, allocate with fresh credentials (aioice's client), and ask the relay's own STUN
port for the mapped address through the allocation, which fails when the server refuses the relay as a peer.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Literal

from aioice import stun
from aioice.turn import TurnTransport, create_turn_endpoint

from signaling.messages import Turn

STEP_SECONDS = 5.0
CLOSE_SECONDS = 1.0
EXPIRES_SOON_SECONDS = 14 * 86_400
_PORTS = {"turn": 3478, "turns": 5349}
_HIGHEST_PORT = 65_535
_FORBIDDEN = 403
_WRONG_HOST = 62  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH
_WRONG_ADDRESS = 64  # X509_V_ERR_IP_ADDRESS_MISMATCH
_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_NOT_YET = 9  # X509_V_ERR_CERT_NOT_YET_VALID

TurnCode = Literal[
    "ok",
    "certificate_expires_soon",
    "host_unknown",
    "unreachable",
    "tls_failed",
    "certificate_wrong_host",
    "certificate_expired",
    "certificate_untrusted",
    "no_answer",
    "credentials_refused",
    "allocation_refused",
    "relay_refused",
    "relay_unreachable",
]


@dataclass(frozen=True, slots=True)
class TurnFinding:
    """What one URL's check found. ``message`` says what happened and what to do."""

    url: str
    code: TurnCode
    message: str

    @property
    def works(self) -> bool:
        return self.code in ("ok", "certificate_expires_soon")


class _Wrong(Exception):
    def __init__(self, code: TurnCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Server:
    secure: bool
    host: str
    port: int
    transport: Literal["udp", "tcp"]


async def check_turn(url: str, turn: Turn, relay: tuple[str, int] | None) -> TurnFinding:
    """Look at one of ``turn.urls``. ``relay``: the relay's STUN address as the server would send to it,
    ``None`` to leave that out. Takes 20 s at most; raises nothing for whatever the server does."""
    server = _parse(url)
    try:
        soon = await _check_connection(server)
        await _check_allocation(server, turn, relay)
    except _Wrong as wrong:
        return TurnFinding(url, wrong.code, str(wrong))
    if soon is not None:
        return TurnFinding(url, "certificate_expires_soon", soon)
    return TurnFinding(url, "ok", "Works.")


def _parse(url: str) -> _Server:
    scheme, _, rest = url.partition(":")
    where, _, transport = rest.partition("?transport=")
    found = re.fullmatch(r"(\[[^]]*\]|[^:]*)(?::([0-9]+))?", where)
    if found is None or scheme not in _PORTS:
        raise ValueError(f"{url} is no TURN URL")
    secure = scheme == "turns"
    port = int(found[2] or _PORTS[scheme])
    return _Server(secure, found[1].strip("[]"), port, "tcp" if secure or transport == "tcp" else "udp")


async def _check_connection(server: _Server) -> str | None:
    """Name, port, certificate. A sentence when the certificate is about to expire."""
    if server.port > _HIGHEST_PORT:
        # Said here: getaddrinfo takes it modulo 65536, or raises, as the platform likes.
        raise _Wrong(
            "host_unknown", f"There is no port {server.port}: the last one is 65535. Correct turn.urls."
        )
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError, TimeoutError) as error:
        # UnicodeError: a name with an empty label, or one that is too long.
        raise _Wrong(
            "host_unknown",
            f"The name {server.host} cannot be resolved. Correct turn.urls or the name's DNS record.",
        ) from error
    if server.transport == "udp":
        return None
    context = ssl.create_default_context() if server.secure else None
    try:
        async with asyncio.timeout(STEP_SECONDS):
            _, writer = await asyncio.open_connection(server.host, server.port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        raise _certificate(server, error) from error
    except ssl.SSLError as error:
        raise _Wrong(
            "tls_failed",
            f"What listens at {server.host} port {server.port} speaks no TLS ({error.reason}). "
            "Set tls-listening-port, cert and pkey of the TURN server.",
        ) from error
    except (OSError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or "no answer"
        raise _Wrong(
            "unreachable",
            f"Nothing can be reached at {server.host} port {server.port} ({reason}). "
            "Start the TURN server, and open the port in the firewall.",
        ) from error
    try:
        return _expires_soon(server, writer.get_extra_info("peercert"))
    finally:
        writer.transport.abort()


def _certificate(server: _Server, error: ssl.SSLCertVerificationError) -> _Wrong:
    reason = error.verify_message
    if error.verify_code in (_WRONG_HOST, _WRONG_ADDRESS):
        return _Wrong(
            "certificate_wrong_host",
            f"The certificate at {server.host} port {server.port} is for another name ({reason}). "
            "Get one for this name, or write its name into turn.urls.",
        )
    if error.verify_code in (_EXPIRED, _NOT_YET):
        return _Wrong(
            "certificate_expired",
            f"The certificate at {server.host} port {server.port} is not valid today ({reason}). "
            "Renew it, and let the TURN server load it (SIGUSR2).",
        )
    return _Wrong(
        "certificate_untrusted",
        f"The certificate at {server.host} port {server.port} is not trusted here ({reason}). "
        "Let cert of the TURN server hold the whole chain of an authority that browsers know.",
    )


def _expires_soon(server: _Server, certificate: dict[str, str] | None) -> str | None:
    if not certificate:
        return None
    left = ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()
    if left > EXPIRES_SOON_SECONDS:
        return None
    return f"The certificate at {server.host} expires in {left / 86_400:.0f} days. Renew it before."


class _Asker(asyncio.DatagramProtocol):
    """One Binding request through an allocation, in the shape that aioice's transactions ask for."""

    def __init__(self) -> None:
        self._transport: TurnTransport | None = None
        self._id = b""
        self._transaction: stun.Transaction | None = None
        self._refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport | TurnTransport) -> None:
        assert isinstance(transport, TurnTransport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("the allocation is gone"))
        self._gone.set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with contextlib.suppress(ValueError):
            message = stun.parse_message(data)
            if self._transaction is not None and message.transaction_id == self._id:
                self._transaction.response_received(message, addr)

    def error_received(self, exc: Exception) -> None:
        self._fail(exc)

    def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(bytes(message), addr)

    async def ask(self, relay: tuple[str, int]) -> None:
        """Raises what aioice raises when the server refuses, or no answer comes."""
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        self._id = request.transaction_id
        self._transaction = stun.Transaction(request, relay, self)
        answer = asyncio.create_task(self._transaction.run(), name="ask through TURN")
        try:
            either: set[asyncio.Future[Any]] = {answer, self._refused}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            next(future for future in (answer, self._refused) if future.done()).result()
        finally:
            answer.cancel()
            await asyncio.wait({answer})

    async def close(self) -> None:
        """Give the allocation back; a server that does not answer frees it when it expires."""
        assert self._transport is not None
        self._transport.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._gone.wait()

    def _fail(self, error: Exception) -> None:
        if not self._refused.done():
            self._refused.set_exception(error)
            # Nobody may ask any more when the allocation ends; that is no loss.
            self._refused.exception()


async def _check_allocation(server: _Server, turn: Turn, relay: tuple[str, int] | None) -> None:
    at = f"The TURN server at {server.host} port {server.port}"
    try:
        async with asyncio.timeout(STEP_SECONDS):
            _, asker = await create_turn_endpoint(
                _Asker,
                (server.host, server.port),
                turn.username,
                turn.credential,
                ssl=server.secure or None,
                transport=server.transport,
            )
    except stun.TransactionFailed as error:
        raise _refused_allocation(at, error.response.attributes.get("ERROR-CODE", (0, ""))) from error
    except (stun.TransactionError, OSError, TimeoutError) as error:
        raise _Wrong(
            "no_answer",
            f"{at} does not answer as one. Look at its log, and whether another service has the port.",
        ) from error
    try:
        if relay is not None:
            await _check_relay(at, asker, relay)
    finally:
        await asker.close()


def _refused_allocation(at: str, error: tuple[int, str]) -> _Wrong:
    code, reason = error
    if code in (400, 401, 403, 438, 441):
        return _Wrong(
            "credentials_refused",
            f"{at} refuses our credentials ({code} {reason}). Its static-auth-secret must be the secret of "
            "this service (turn.secret or BURROW_TURN_SECRET), and its clock right.",
        )
    return _Wrong(
        "allocation_refused",
        f"{at} gives no allocation ({code} {reason}). "
        "Look at its quotas (user-quota, total-quota) and ports.",
    )


async def _check_relay(at: str, asker: _Asker, relay: tuple[str, int]) -> None:
    host, port = relay
    try:
        async with asyncio.timeout(STEP_SECONDS):
            await asker.ask(relay)
    except stun.TransactionFailed as error:
        if error.response.attributes.get("ERROR-CODE", (0, ""))[0] != _FORBIDDEN:
            raise _Wrong("allocation_refused", f"{at} sends nothing to {host} ({error}).") from error
        raise _Wrong(
            "relay_refused",
            f"{at} may not send to the relay's address {host}. Add the line allowed-peer-ip={host} there.",
        ) from error
    except (stun.TransactionError, OSError, TimeoutError) as error:
        raise _Wrong(
            "relay_unreachable",
            f"{at} gets no answer from the relay at {host} UDP port {port}. Look at the firewalls between.",
        ) from error
