"""One user of a load: all of the signaling, ICE and DTLS, and none of the media, which a generator has."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Literal

import aiohttp
from yarl import URL

from burrow.bench.bare_leg import BareLeg
from burrow.load.generator import Generator
from peers.account import Account
from peers.connection import Connection, Offline, Online
from peers.errors import PeerError, RateLimited
from peers.tasks import Pulse, TaskOwner
from relay.dtls.endpoint import Certificate, DtlsError
from signaling import messages as wire

Step = Literal["sign_in", "leg", "match", "route", "call"]
"""Where on its way a user failed."""

OPEN_SECONDS = 30.0
"""For signing in, and for the leg to come up, each."""


class UserFailed(Exception):
    """This user did not get on: at which step, and what happened."""

    def __init__(self, step: Step, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step: Step = step
        self.reason = reason


class LoadUser:
    """A guest. :meth:`open`, then :meth:`call`; its times are milliseconds. ``changed`` is fired with it."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: URL,
        *,
        terms: str,
        generator: Generator,
        certificate: Certificate,
        host: str,
    ) -> None:
        self.sign_in_ms: float | None = None
        self.leg_ms: float | None = None
        self.connect_ms: float | None = None
        self.match: str | None = None
        self.ended: str | None = None
        """Why the match ended, when the service ended it."""
        self.number: int | None = None
        """Of its leg in the generator."""
        self._http, self._url, self._terms = http, url, terms
        self._generator, self._certificate, self._host = generator, certificate, host
        self._changed = Pulse()
        self._tasks = TaskOwner(self._fail)
        self._connection: Connection | None = None
        self._bare: BareLeg | None = None
        self._leg: str | None = None
        self._asked_at = self._matched_at = 0.0
        self._leg_up = False
        self._failure: UserFailed | None = None
        self._step: Step = "sign_in"

    @property
    def connected(self) -> bool:
        return self.connect_ms is not None

    async def open(self) -> None:
        """Sign in, open the socket and bring the leg up. Raises :class:`UserFailed`, and
        :class:`peers.errors.RateLimited`, which is no user's fault."""
        start = time.monotonic()
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                account = await Account.guest(self._http, self._url, terms=self._terms)
        except RateLimited:
            raise
        except (PeerError, TimeoutError) as error:
            raise UserFailed("sign_in", str(error) or "no answer in time") from error
        self._connection = connection = Connection(
            self._http, self._url, account, on_message=self._handle, on_change=self._change
        )
        self._tasks.start(connection.run(), name="load socket")
        await self._until(lambda: connection.welcome is not None, OPEN_SECONDS, "no welcome in time")
        self.sign_in_ms = _since(start)
        self._step = "leg"
        self._asked_at = time.monotonic()
        connection.send(wire.OpenLeg())
        await self._until(lambda: self._leg_up and self.number is not None, OPEN_SECONDS, "not up in time")

    async def call(self, everybody: asyncio.Event, seconds: float) -> None:
        """Join, and wait until media flows. Once ``everybody`` has joined who will, a stranger must come in
        ``seconds``. Raises :class:`UserFailed`."""
        assert self._connection is not None
        self._step = "match"
        self._connection.send(wire.Join())
        meeting = asyncio.ensure_future(self._until(lambda: self.match is not None, None, ""))
        waiting = asyncio.ensure_future(everybody.wait())
        try:
            await asyncio.wait({meeting, waiting}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({meeting}, timeout=seconds)
            if not meeting.done():
                raise UserFailed("match", "no stranger came")
            meeting.result()
        finally:
            for task in (meeting, waiting):
                task.cancel()
            await asyncio.wait({meeting, waiting})
        self._step = "route"
        await self._until(lambda: self.connected, OPEN_SECONDS, "not connected in time")
        self._step = "call"

    async def close(self) -> None:
        """End the seat, and with it match and leg."""
        await self._tasks.close()
        if self._bare is not None:
            # Connected to a relay that has gone already, or a handshake that never came to an end.
            with contextlib.suppress(OSError, ConnectionError):
                await self._bare.close()

    # ------------------------------------------------------------------------------------------------

    def _handle(self, message: wire.ServerMessage) -> None:
        match message:
            case wire.LegOffer():
                self._offered(message)
            case wire.LegState(leg=leg) if self._leg in (None, leg):
                self._leg_changed(message)
            case wire.Matched():
                self.match, self._matched_at = message.match, time.monotonic()
            case wire.Route(route="relay", match=match) if match == self.match:
                self._route(message)
            case wire.Ended(match=match) if match == self.match:
                self.ended = message.reason
                self._fail(UserFailed(self._step, f"ended: {message.reason}"))
            case wire.Error(about="join" | "leg_open" | "leg_answer"):
                self._fail(UserFailed(self._step, message.code))
            case _:
                pass
        self._changed.fire()

    def _offered(self, offer: wire.LegOffer) -> None:
        assert self._connection is not None
        if self._bare is not None and offer.leg == self._leg:
            self._connection.send(wire.LegAnswer(leg=offer.leg, sdp=self._bare.answer()))
        elif self._bare is None:
            self._leg = offer.leg
            self._bare = bare = BareLeg(offer.sdp, self._certificate, self._host)
            self._connection.send(wire.LegAnswer(leg=offer.leg, sdp=bare.answer()))
            self._tasks.start(self._bring_up(bare), name="load leg")
        # A second leg is for a call that has lost its first, which is a failure here.

    async def _bring_up(self, bare: BareLeg) -> None:
        try:
            await bare.connect()
        except (DtlsError, OSError) as error:
            raise UserFailed("leg", str(error)) from error
        self.number = self._generator.add(bare)
        self._changed.fire()

    def _leg_changed(self, message: wire.LegState) -> None:
        if message.state == "connected":
            self._leg_up = True
            if self.leg_ms is None:
                self.leg_ms = _since(self._asked_at)
        elif message.state in ("closed", "refused"):
            self._fail(UserFailed(self._step, message.code or message.state))

    def _route(self, message: wire.Route) -> None:
        if message.state == "linked" and self.number is not None:
            self._generator.begin(self.number)
        elif message.state == "connected" and self.connect_ms is None:
            self.connect_ms = _since(self._matched_at)

    def _change(self, change: Online | Offline) -> None:
        del change
        self._changed.fire()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            known = isinstance(error, UserFailed)
            self._failure = error if known else UserFailed(self._step, str(error))  # type: ignore[assignment]  # known
        self._changed.fire()

    async def _until(self, done: Callable[[], bool], seconds: float | None, late: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    if self._failure is not None:
                        raise self._failure
                    await self._changed.wait()
        except TimeoutError:
            raise UserFailed(self._step, late) from None


def _since(start: float) -> float:
    return (time.monotonic() - start) * 1000
