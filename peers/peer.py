"""A headless peer: sign in, meet strangers, one after another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict, Unpack

import aiohttp
from yarl import URL

from peers.account import Account, service_url
from peers.connection import GIVE_UP_SECONDS, Connection, Offline, Online
from peers.errors import Backlogged, PeerClosed, PeerError
from peers.match import Match
from peers.media.source import Media
from peers.media.writer import check_recordable
from peers.network import check_network
from peers.seat import Seat
from peers.tasks import Pulse, TaskOwner
from signaling import messages as wire

PeerEvent = Online | Offline | wire.ServerMessage
SignIn = Callable[[aiohttp.ClientSession, URL], Awaitable[Account]]
_LEAVE_SECONDS = 2.0


class PeerOptions(TypedDict, total=False):
    """How a peer behaves; everything may be left out."""

    media: Media | None
    """What it sends; ``None``: nothing."""
    record: Path | None
    """File for what it receives (.mkv, .mp4, .webm); later matches get a number before the suffix."""
    hide_address: bool
    """Ask for relayed routes only."""
    direct: bool
    """Whether to try the direct route (default: yes). A peer that records does not: two routes' clocks do not
    make one file."""
    take_over: bool
    """Continue the account's seat when another connection has it; else that is :class:`SeatTaken`."""
    on_event: Callable[[PeerEvent], None]
    """Called with every message of the service after it was handled, and with each loss and return of the
    connection. Must not block."""
    give_up_seconds: float
    """How long a lost connection is tried again."""


class Peer:
    """Everything a browser can do, from Python::

        async with Peer.guest(url, media=SyntheticMedia()) as peer:
            match = await peer.meet()
            await match.chat("hi")
            async for event in match:
                ...
            await match.next()

    Entering it signs in and connects; leaving it leaves the match or the queue and closes everything. Every
    waiting method raises a :class:`peers.errors.PeerError` as soon as the peer cannot go on.

    What may be given besides the sign-in is in :class:`PeerOptions`.
    """

    def __init__(self, url: str, sign_in: SignIn, **options: Unpack[PeerOptions]) -> None:
        self._url = service_url(url)
        record = options.get("record")
        if record is not None:
            check_recordable(record)
        self._sign_in = sign_in
        self._options = options
        self._on_event = options.get("on_event", _ignore)
        self._changed = Pulse()
        self._checked = asyncio.Event()
        """The network check is done."""
        self._tasks = TaskOwner(self._fail)
        self._seat = Seat(options.get("media"), record, changed=self._changed, fail=self._fail)
        self._http: aiohttp.ClientSession | None = None
        self._account: Account | None = None
        self._connection: Connection | None = None

    @classmethod
    def guest(cls, url: str, *, name: str | None = None, **options: Unpack[PeerOptions]) -> Self:
        """A peer that signs in as a new guest."""
        return cls(url, lambda http, at: Account.guest(http, at, name=name), **options)

    @classmethod
    def login(cls, url: str, *, email: str, password: str, **options: Unpack[PeerOptions]) -> Self:
        """A peer that logs in to an account."""
        return cls(url, lambda http, at: Account.login(http, at, email=email, password=password), **options)

    @classmethod
    def register(
        cls, url: str, *, email: str, password: str, name: str, **options: Unpack[PeerOptions]
    ) -> Self:
        """A peer that registers an account and logs in to it."""
        return cls(
            url,
            lambda http, at: Account.register(http, at, email=email, password=password, name=name),
            **options,
        )

    async def __aenter__(self) -> Self:
        # Cookies of a host given by its address are refused by default, and so the refresh token would be.
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        try:
            self._account = await self._sign_in(self._http, self._url)
            self._connection = Connection(
                self._http,
                self._url,
                self._account,
                on_message=self._message,
                on_change=self._change,
                take_over=self._options.get("take_over", False),
                direct=self._options.get("direct", True) and self._options.get("record") is None,
                give_up_seconds=self._options.get("give_up_seconds", GIVE_UP_SECONDS),
            )
            self._seat.send = self._connection.send
            self._seat.reconnect = self._connection.reconnect
            self._tasks.start(self._connection.run(), name="connection")
            await self._until(lambda: self._connection is not None and self._connection.welcome is not None)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            with contextlib.suppress(PeerError, TimeoutError):
                async with asyncio.timeout(_LEAVE_SECONDS):
                    await self.leave()
                    if self._account is not None and self._seat.failure is None:
                        await self._account.logout()
        finally:
            await self._close()

    @property
    def user(self) -> wire.Self:
        """Who this peer is signed in as. Raises :class:`PeerClosed` before it is entered."""
        if self._connection is None or self._connection.welcome is None:
            raise PeerClosed("This peer is not signed in.")
        return self._connection.welcome.user

    @property
    def state(self) -> str:
        """``idle``, ``queued`` or ``matched``."""
        return self._seat.state

    @property
    def match(self) -> Match | None:
        """The current match, or the last one."""
        return self._seat.match

    async def meet(self, *, interests: tuple[str, ...] = (), languages: tuple[str, ...] = ()) -> Match:
        """Wait for the next stranger, joining the queue when this peer is not in it. Raises
        :class:`peers.errors.RelayRefused`, :class:`peers.errors.LegFailed` or
        :class:`peers.errors.Refused` when it cannot."""
        seat = self._seat
        if seat.state == "idle":
            seat.refusal = None  # of an attempt before this one
        while True:
            if seat.unclaimed is not None:
                match, seat.unclaimed = seat.unclaimed, None
                return match
            if seat.refusal is not None:
                refusal, seat.refusal = seat.refusal, None
                raise refusal
            if seat.state == "idle" and seat.joining is None:
                await self._checked.wait()  # what it found counts from the next match on
                seat.joining = seat.send(
                    wire.Join(
                        interests=interests,
                        languages=languages,
                        hide_address=self._options.get("hide_address", False),
                    )
                )
            await self._wait()

    async def open_leg(self) -> None:
        """Open the leg without joining, and wait until it is connected: the network test."""
        seat = self._seat
        seat.refusal = None
        seat.send(wire.OpenLeg())
        while seat.leg_state != "connected":
            if seat.refusal is not None:
                refusal, seat.refusal = seat.refusal, None
                raise refusal
            await self._wait()

    async def leave(self) -> None:
        """Leave the match or the queue; nothing when in neither."""
        seat = self._seat
        if seat.state == "matched" and seat.match is not None and seat.match.ended is None:
            await seat.match.leave()
        elif seat.state == "queued" or seat.joining is not None:
            seat.send(wire.Leave())
            await self._until(lambda: seat.state == "idle" and seat.joining is None)

    def _message(self, message: wire.ServerMessage) -> None:
        self._seat.handle(message)
        self._on_event(message)

    def _change(self, change: Online | Offline) -> None:
        if self._connection is not None and self._connection.welcome is not None:
            self._seat.stun = self._connection.welcome.stun
        if isinstance(change, Online) and not change.resumed:
            self._seat.restart()
        if isinstance(change, Online):
            self._tasks.start(self._check_network(), name="network check")
        self._changed.fire()
        self._on_event(change)

    async def _check_network(self) -> None:
        self._checked.clear()
        try:
            found = await check_network(self._seat.stun)
            if found is not None:
                with contextlib.suppress(Backlogged):  # the next socket brings another
                    self._seat.send(found)
        finally:
            self._checked.set()

    def _fail(self, error: BaseException) -> None:
        if self._seat.failure is None:
            self._seat.failure = error
        self._changed.fire()

    async def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            await self._wait()

    async def _wait(self) -> None:
        if self._seat.failure is not None:
            raise self._seat.failure
        await self._changed.wait()

    async def _close(self) -> None:
        self._fail(PeerClosed("The peer was closed."))
        await self._seat.close()
        await self._tasks.close()
        if self._http is not None:
            await self._http.close()


def _ignore(event: PeerEvent) -> None:
    """For a caller that wants no events."""
    del event
