"""A user with a WebSocket and a leg without a media stack: a call for the price of two sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp

from burrow.bench.bare_leg import BareLeg
from relay.dtls.endpoint import Certificate
from tests.relay.rtp_packets import rtp
from tests.service import RunningService

WAIT_SECONDS = 30.0


class BareCaller:
    """Joins, answers its offer, and keeps what it is told; :meth:`told` waits for a kind of message."""

    def __init__(self, session: aiohttp.ClientSession, url: str, certificate: Certificate) -> None:
        self._session, self._url, self._certificate = session, url, certificate
        self._n = 0
        self._sequence = 0
        self._changed = asyncio.Condition()
        self.token = ""
        self.ws: aiohttp.ClientWebSocketResponse | None = None
        self.messages: list[dict[str, Any]] = []
        self.leg: BareLeg | None = None
        self.close_code: int | None = None

    async def run(self) -> None:
        """Until the socket closes."""
        async with self._session.get(f"{self._url}/api/v1/terms") as answer:
            terms = (await answer.json())["version"]
        body = {"age_confirmed": True, "terms_version": terms}
        async with self._session.post(f"{self._url}/api/v1/auth/guest", json=body) as answer:
            self.token = token = (await answer.json())["access_token"]
        self.ws = ws = await self._session.ws_connect(f"{self._url}/ws")
        await ws.send_json({"type": "hello", "token": token})
        await self.say("join")
        async with asyncio.TaskGroup() as tasks:
            async for frame in ws:
                message = frame.json()
                if message["type"] == "leg_offer" and self.leg is None:
                    self.leg = BareLeg(message["sdp"], self._certificate)
                    await self.say("leg_answer", leg=message["leg"], sdp=self.leg.answer())
                    tasks.create_task(self.leg.connect())
                async with self._changed:
                    self.messages.append(message)
                    self._changed.notify_all()
        async with self._changed:
            self.close_code = ws.close_code
            self._changed.notify_all()

    async def say(self, kind: str, **fields: Any) -> None:
        assert self.ws is not None
        self._n += 1
        await self.ws.send_json({"type": kind, "n": self._n, **fields})

    async def told(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The first message of this kind with these fields."""

        def found() -> dict[str, Any] | None:
            wanted = {"type": kind, **fields}.items()
            return next((m for m in self.messages if wanted <= m.items()), None)

        async with asyncio.timeout(WAIT_SECONDS), self._changed:
            await self._changed.wait_for(lambda: found() is not None or self.close_code is not None)
        message = found()
        assert message is not None, f"closed with {self.close_code} before {kind} {fields}: {self.messages}"
        return message

    def has(self, kind: str) -> bool:
        return any(message["type"] == kind for message in self.messages)

    def send_video(self) -> None:
        assert self.leg is not None
        self._sequence += 1
        self.leg.send_rtp(rtp(self.leg.video_ssrc, self._sequence))

    async def video(self) -> None:
        """Wait for a packet of the stranger."""
        assert self.leg is not None
        async with asyncio.timeout(WAIT_SECONDS):
            await self.leg.rtp.get()


@contextlib.asynccontextmanager
async def callers(service: RunningService, count: int) -> AsyncIterator[Sequence[BareCaller]]:
    """``count`` users who have joined; all are gone at the end."""
    certificate = Certificate.generateCertificate()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        made = [BareCaller(session, service.url, certificate) for _ in range(count)]
        tasks = [asyncio.create_task(caller.run()) for caller in made]
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(caller.ws.close() for caller in made if caller.ws is not None))
            for caller in made:
                if caller.leg is not None and caller.leg.socket.fileno() >= 0:
                    caller.leg.drop()
