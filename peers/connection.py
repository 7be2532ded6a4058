"""The live connection: one WebSocket after another, one unbroken conversation over them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import aiohttp
import msgspec
from yarl import URL

from peers.account import Account
from peers.errors import (
    LoginRefused,
    PeerError,
    ProtocolViolation,
    RateLimited,
    Replaced,
    SeatTaken,
    ServiceStopping,
    ServiceUnavailable,
    ServiceUnreachable,
)
from peers.numbering import Arrival, Backoff, Inbox, Outbox
from peers.tasks import Pulse
from signaling import messages as wire

GIVE_UP_SECONDS = 60.0
"""A lost socket is tried again for this long; the service keeps the seat for less (``resume_seconds``)."""
_OPEN_SECONDS = 10.0
_WELCOME_SECONDS = 10.0
_CLIENT = "burrow-peer/1"
_MESSAGE_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Online:
    """A socket is up. Not ``resumed``: the seat is a new one, and what was before is over."""

    resumed: bool


@dataclass(frozen=True, slots=True)
class Offline:
    """The socket was lost; the next attempt is made in ``delay_seconds``."""

    reason: str
    delay_seconds: float


class _Lost(Exception):
    """This socket is of no use any more; another one continues."""


class Connection:
    """Speaks docs/protocol.md section 2 as the user of ``account``.

    ``on_message`` gets every numbered message once and in order (and the few unnumbered ones), ``on_change``
    each :class:`Online` and :class:`Offline`. Messages given to :meth:`send` reach the service once and in
    order, unless its seat is gone.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: URL,
        account: Account,
        *,
        on_message: Callable[[wire.ServerMessage], None],
        on_change: Callable[[Online | Offline], None],
        take_over: bool = False,
        direct: bool = False,
        give_up_seconds: float = GIVE_UP_SECONDS,
    ) -> None:
        self.welcome: wire.Welcome | None = None
        self._http = http
        self._url = url / "ws"
        self._account = account
        self._on_message = on_message
        self._on_change = on_change
        self._take_over = take_over
        self._direct = direct
        self._give_up_seconds = give_up_seconds
        self._outbox = Outbox()
        self._inbox = Inbox()
        self._unsent = Pulse()
        self._renew = Pulse()
        self._sent = 0
        self._pongs_missing = 0
        self._closing: wire.Closing | None = None
        self._last_error: wire.Error | None = None

    def send(self, message: wire.ClientMessage) -> int:
        """Queue a message; its number. Raises :class:`peers.errors.Backlogged`."""
        numbered = self._outbox.add(message)
        self._unsent.fire()
        return numbered.n

    def reconnect(self) -> None:
        """Go on with another socket at once: this one's network is gone. Nothing while there is none."""
        self._renew.fire()

    async def run(self) -> NoReturn:
        """Hold the conversation until it is cancelled or cannot go on; then a :class:`PeerError` says why.
        The first socket must succeed at once, later ones are tried for ``give_up_seconds``."""
        backoff = Backoff()
        lost_at: float | None = None
        renewed = False
        while True:
            try:
                await self._converse(backoff)
            except LoginRefused:
                # The token may have run out while the socket was away. A fresh one decides.
                if renewed:
                    raise
                renewed = True
                await self._account.renew()
                continue
            except (_Lost, ServiceUnreachable) as error:
                if self.welcome is None:
                    raise _unreachable(self._url, str(error)) from error
                now = time.monotonic()
                # A socket that was welcomed starts the time anew.
                lost_at = now if lost_at is None or backoff.attempts == 0 else lost_at
                delay = backoff.next_delay(random.random())  # noqa: S311 - spreads load, guards nothing
                if now - lost_at + delay > self._give_up_seconds:
                    raise _unreachable(self._url, str(error)) from error
                renewed = False
                self._on_change(Offline(reason=str(error), delay_seconds=delay))
                await asyncio.sleep(delay)

    async def _converse(self, backoff: Backoff) -> None:
        """One socket from its opening to its end, which is always an exception."""
        try:
            token = await self._account.token()
        except ServiceUnavailable as error:
            raise (error if self.welcome is None else _Lost(str(error))) from error
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                socket = await self._http.ws_connect(
                    self._url,
                    max_msg_size=_MESSAGE_MAX_BYTES,
                    autoclose=True,
                    compress=0,
                    timeout=_CLOSE_QUICKLY,
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _Lost(f"cannot open the WebSocket: {_words(error)}") from error
        try:
            await self._greet(socket, token)
            backoff.succeeded()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(socket), name="connection-read")
                group.create_task(self._write(socket), name="connection-write")
                group.create_task(self._ping(socket), name="connection-ping")
                group.create_task(self._leave_socket(), name="connection-leave")
        except BaseExceptionGroup as errors:
            raise _weightiest(errors) from None
        finally:
            await socket.close()

    async def _greet(self, socket: aiohttp.ClientWebSocketResponse, token: str) -> None:
        seat = self.welcome.seat if self.welcome is not None else None
        resume = None if seat is None else wire.Resume(seat=seat, received=self._inbox.received)
        hello = wire.Hello(
            token=token, resume=resume, take_over=self._take_over, direct=self._direct, client=_CLIENT
        )
        self._last_error = None
        await _send(socket, hello)
        try:
            async with asyncio.timeout(_WELCOME_SECONDS):
                message = await self._receive(socket)
                while not isinstance(message, wire.Welcome):
                    self._remember(message)
                    message = await self._receive(socket)
        except TimeoutError as error:
            raise _Lost("the service does not answer the hello") from error
        if message.protocol != wire.PROTOCOL_VERSION:
            raise ProtocolViolation(
                f"The service speaks protocol {message.protocol}, this peer {wire.PROTOCOL_VERSION}."
            )
        if message.resumed and self.welcome is not None:
            self._outbox.acknowledged(message.received)
            self._sent = message.received
        else:
            self._outbox.restart()
            self._inbox.restart()
            self._sent = 0
        self.welcome = message
        # Taking over is for the first socket: another one that takes this seat over later shall keep it.
        self._take_over = False
        self._pongs_missing = 0
        self._on_change(Online(resumed=message.resumed))

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            self._handle(await self._receive(socket))

    def _handle(self, message: wire.ServerMessage) -> None:
        if isinstance(message, wire.Pong):
            self._pongs_missing = 0
            self._outbox.acknowledged(message.received)
            return
        arrival = self._inbox.take(message.seq)
        if arrival is Arrival.GAP:
            raise _Lost(f"message {self._inbox.received + 1} of the service is missing")
        if arrival is Arrival.DUPLICATE:
            return
        self._remember(message)
        if not isinstance(message, wire.Welcome):
            self._on_message(message)

    def _remember(self, message: wire.ServerMessage) -> None:
        """Keep what explains the socket's end when it comes."""
        if isinstance(message, wire.Closing):
            self._closing = message
        elif isinstance(message, wire.Error):
            self._last_error = message

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            waiting = self._outbox.after(self._sent)
            for message in waiting:
                await _send(socket, message)
                self._sent = message.n
            if not waiting:
                await self._unsent.wait()

    async def _ping(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while self.welcome is not None:
            await asyncio.sleep(self.welcome.limits.ping_seconds)
            if self._pongs_missing >= 2:
                raise _Lost("the service does not answer pings")
            self._pongs_missing += 1
            await _send(socket, wire.Ping(received=self._inbox.received))

    async def _leave_socket(self) -> None:
        await self._renew.wait()
        raise _Lost("this machine's address has changed")

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> wire.ServerMessage:
        frame = await socket.receive()
        if frame.type is aiohttp.WSMsgType.TEXT:
            try:
                return wire.server_decoder.decode(frame.data)
            except msgspec.MsgspecError as error:
                raise ProtocolViolation(
                    f"The service sent a message that cannot be read: {error}."
                ) from error
        raise self._end(socket.close_code)

    def _end(self, code: int | None) -> Exception:
        """What a closed socket means (docs/protocol.md section 2)."""
        said = self._last_error.message if self._last_error is not None else ""
        if self._closing is not None or code == 1012:
            return ServiceStopping(
                self._closing.message if self._closing else "The service stops.",
                retry_after_seconds=self._closing.retry_after_seconds if self._closing else None,
            )
        match code:
            case 4000:
                return ProtocolViolation(said or "The service found a message that the protocol forbids.")
            case 4001:
                return Replaced("Another connection of this account took over.")
            case 4002:
                return LoginRefused(said or "The service did not accept the sign-in.")
            case 4003:
                return RateLimited(said or "Too many messages were sent.")
            case 4005:
                return SeatTaken(said or "This account is in use by another connection.")
            case _:
                return _Lost(f"the socket was closed ({code})" if code else "the connection broke")


_CLOSE_QUICKLY = aiohttp.ClientWSTimeout(ws_close=2.0)


async def _send(socket: aiohttp.ClientWebSocketResponse, message: wire.ClientMessage) -> None:
    # That the socket is closed is for the reader to find: it learns the close code, which says why.
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        await socket.send_str(wire.encoder.encode(message).decode())


def _weightiest(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of what several tasks of one socket met at its end, the one that says most."""
    for kind in (PeerError, _Lost):
        for error in errors.exceptions:
            if isinstance(error, kind):
                return error
    return errors


def _unreachable(url: URL, reason: str) -> ServiceUnreachable:
    return ServiceUnreachable(f"Cannot reach {url.origin()}: {reason.rstrip('.')}.")


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
