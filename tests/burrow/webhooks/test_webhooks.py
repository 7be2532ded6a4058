"""Webhooks against a real receiver: signed, in order, tried again, bounded, and never in the way."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from burrow.config import ConfigError, WebhookSettings, load_config
from burrow.webhooks.announcer import AnnouncedRecords, AnnouncedSafety, Announcer
from burrow.webhooks.notice import KINDS, ended
from relay.door import DirectionTotals
from signaling.core.effects import StoreReport
from signaling.core.record import MatchEnded, MatchStarted
from signaling.live.ports import StorageUnavailable
from signaling.messages import EndReason
from tests.signaling.live.house import Backend

SECRET = "a secret that both know".replace(" ", "-")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Inbox:
    """A receiver; ``answer`` decides what it says."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer: Answer | None = None
        self._came = asyncio.Condition()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with self._came:
            self.got.append((dict(request.headers), body))
            self._came.notify_all()
        return web.Response(status=204) if self.answer is None else await self.answer(request)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: len(self.got) >= count)

    def matches(self) -> list[str]:
        return [msgspec.json.decode(body)["data"]["match"] for _, body in self.got]


@asynccontextmanager
async def inbox(port: int = 0) -> AsyncIterator[Inbox]:
    here = Inbox()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", here.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield here
    finally:
        await runner.cleanup()


@asynccontextmanager
async def announcer(*urls: str, queue: int = 1000, seconds: float = 5.0) -> AsyncIterator[Announcer]:
    settings = WebhookSettings(urls=urls, secret=SECRET, queue=queue)
    made = Announcer(settings, try_seconds=0.3, waits_seconds=(0.01, 0.02, 0.05))
    await made.start()
    try:
        yield made
    finally:
        await made.stop(seconds)


def match(number: int | str = 1) -> MatchStarted:
    return MatchStarted(f"m{number}", "anna", "bert", 1000.0)


def over(reason: EndReason = "left") -> MatchEnded:
    none = DirectionTotals()
    return MatchEnded(match(), 1010.5, reason, "a", 120, ("direct",), none, none)


async def test_it_is_signed_and_says_what_happened() -> None:
    backend = Backend()
    async with inbox() as here, announcer(here.url) as made:
        records, safety = AnnouncedRecords(backend, made), AnnouncedSafety(backend, made)
        records.started(match())
        records.ended(over())
        records.ended(over("ice_failed"))
        await safety.store_report(StoreReport("seat", 1, "m1", "anna", "bert", "spam", "what anna wrote"))
        await here.until(4)
    assert (len(backend.started_records), len(backend.ended_records), len(backend.reports)) == (1, 2, 1)
    bodies = [msgspec.json.decode(body) for _, body in here.got]
    assert [body["type"] for body in bodies] == list(KINDS)
    assert bodies[1]["data"] == {
        "match": "m1", "users": ["anna", "bert"], "seconds": 10.5, "reason": "left", "by": "a",
        "routes": ["direct"], "connect_ms": 120, "steps": [],
    }  # fmt: skip
    assert b"what anna wrote" not in here.got[3][1]
    for headers, body in here.got:
        stamp = headers["Burrow-Timestamp"]
        assert abs(time.time() - int(stamp)) < 60
        signed = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert headers["Burrow-Signature"] == f"v1={signed}"
        assert headers["Burrow-Event-Id"] == msgspec.json.decode(body)["id"]
        assert "Cookie" not in headers
    assert len({headers["Burrow-Event-Id"] for headers, _ in here.got}) == 4


async def test_a_report_that_is_not_stored_is_not_announced() -> None:
    backend = Backend()
    backend.available = False
    async with inbox() as here:
        async with announcer(here.url) as made:
            with pytest.raises(StorageUnavailable):
                await AnnouncedSafety(backend, made).store_report(
                    StoreReport("s", 1, "m", "a", "b", "spam", "")
                )
        assert here.got == []


async def test_a_receiver_that_fails_and_recovers_gets_everything_once_and_in_order() -> None:
    async with inbox() as here, announcer(here.url) as made:
        statuses = iter((500, 503, 429))

        async def recovers(_request: web.Request) -> web.Response:
            return web.Response(status=next(statuses, 200))

        here.answer = recovers
        for number in range(3):
            made.started(match(number))
        await made.receivers[0].idle()
        assert here.matches() == ["m0", "m0", "m0", "m0", "m1", "m2"]
        assert len({headers["Burrow-Event-Id"] for headers, _ in here.got[:4]}) == 1
        assert made.receivers[0].outcomes == {"delivered": 3}


async def test_a_receiver_that_is_down_is_tried_and_given_up() -> None:
    async with inbox() as here:
        url = here.url
    async with announcer(url) as made:
        made.started(match())
        await made.receivers[0].idle()
        assert made.receivers[0].outcomes == {"failed": 1}


async def test_a_slow_receiver_is_cut_off_and_holds_up_no_other() -> None:
    async with inbox() as slow, inbox() as quick, announcer(slow.url, quick.url) as made:
        never = asyncio.Event()

        async def hang(_request: web.Request) -> web.Response:
            await never.wait()
            return web.Response()

        slow.answer = hang
        began = time.monotonic()
        for number in range(5):
            made.started(match(number))
        await quick.until(5)
        assert quick.matches() == [f"m{number}" for number in range(5)]
        await slow.until(2)
        assert time.monotonic() - began < 5
        never.set()


@pytest.mark.parametrize("status", [400, 401, 404, 410])
async def test_a_refusal_is_final(status: int) -> None:
    async with inbox() as here, announcer(here.url) as made:

        async def refuse(_request: web.Request) -> web.Response:
            return web.Response(status=status)

        here.answer = refuse
        made.started(match())
        await made.receivers[0].idle()
        assert len(here.got) == 1
        assert made.receivers[0].outcomes == {"failed": 1}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_leads_nowhere(status: int) -> None:
    async with inbox() as private, inbox() as here, announcer(here.url) as made:

        async def point(_request: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": private.url})

        here.answer = point
        made.started(match())
        await made.receivers[0].idle()
        assert private.got == []
        assert made.receivers[0].outcomes == {"failed": 1}


async def test_an_answer_without_end_is_not_read() -> None:
    async with inbox() as here, announcer(here.url) as made:

        async def pour(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            try:
                while True:
                    await response.write(b"x" * 65_536)
            except ConnectionError:
                return response

        here.answer = pour
        made.started(match())
        await made.receivers[0].idle()
        assert made.receivers[0].outcomes == {"delivered": 1}


async def test_over_the_queues_bound_the_oldest_is_dropped_and_counted() -> None:
    async with inbox() as here, announcer(here.url, queue=3) as made:
        for number in range(10):
            made.started(match(number))
        assert made.receivers[0].waiting == 3
        await made.receivers[0].idle()
        assert here.matches() == ["m7", "m8", "m9"]
        assert made.receivers[0].outcomes == {"dropped": 7, "delivered": 3}


async def test_a_stop_waits_a_little_and_leaves_no_task() -> None:
    before = asyncio.all_tasks()
    async with inbox() as here:

        async def hang(_request: web.Request) -> web.Response:
            await asyncio.Event().wait()
            return web.Response()

        here.answer = hang
        began = time.monotonic()
        async with announcer(here.url, seconds=0.1) as made:
            for number in range(5):
                made.started(match(number))
            await here.until(1)
        assert time.monotonic() - began < 2
        assert made.receivers[0].outcomes["dropped"] == 4
        left = {task for task in asyncio.all_tasks() - before if "webhook" in task.get_name()}
        assert not left


async def test_only_what_is_wanted_is_sent() -> None:
    async with inbox() as here:
        made = Announcer(WebhookSettings(urls=(here.url,), secret=SECRET, events=("match.failed",)))
        await made.start()
        made.started(match())
        made.ended(over())
        made.ended(over("media_lost"))
        await made.stop(5)
        assert [msgspec.json.decode(body)["type"] for _, body in here.got] == ["match.failed"]


def test_a_failed_match_is_one_that_nobody_wished_to_end() -> None:
    assert ended("1", over("service_stopping")).kind == "match.ended"
    assert ended("1", over("relay_full")).kind == "match.failed"


@pytest.mark.parametrize(
    ("variables", "key"),
    [
        ({"BURROW_WEBHOOKS_URLS": "https://hooks.example/x"}, "webhooks.secret"),
        ({"BURROW_WEBHOOKS_URLS": "ftp://hooks.example", "BURROW_WEBHOOKS_SECRET": SECRET}, "webhooks.urls"),
        (
            {"BURROW_WEBHOOKS_URLS": "https://user:pw@hooks.example/", "BURROW_WEBHOOKS_SECRET": SECRET},
            "webhooks.urls",
        ),
        ({"BURROW_WEBHOOKS_SECRET": "short"}, "webhooks.secret"),
        ({"BURROW_WEBHOOKS_EVENTS": "match.paused"}, "webhooks.events"),
    ],
)
def test_settings_that_cannot_be_stop_the_start(variables: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        load_config(None, variables)
