"""Real Chromium pages through the relay (the plain page of this folder, no web client)."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.service import RunningService, running_service

pytestmark = pytest.mark.media

# Chromium's fake microphone beeps once a second, its fake camera moves all the time.
ALIVE = """async () => {
    for (;;) {
        await client.frame();
        const seen = await client.stats();
        if (seen.video.framesDecoded > 20 && seen.outbound.framesEncoded > 20
            && seen.audio.packetsReceived > 100 && seen.audio.totalAudioEnergy > 0) return seen;
    }
}"""
ESTIMATE = """async () => {
    const start = performance.now();
    for (;;) {
        const estimate = (await client.stats()).pair?.availableOutgoingBitrate ?? 0;
        if (estimate > 1_500_000 || performance.now() - start > 5000) return estimate;
        await client.frame();
    }
}"""
TALK = """async () => {
    const before = (await client.stats()).video.framesDecoded;
    while ((await client.stats()).video.framesDecoded < before + 10) await client.frame();
}"""
PAGE = Path(__file__).parent / "page"
MATCH_SECONDS = 20.0


@contextlib.asynccontextmanager
async def client(browser: Browser, service: RunningService) -> AsyncIterator[Page]:
    """A signed-in client on the plain page, which is served under the service's own origin."""
    context = await browser.new_context(permissions=["camera", "microphone"])
    page = await context.new_page()

    async def serve(route: Any) -> None:
        await route.fulfill(path=PAGE / (route.request.url.rsplit("/", 1)[1] or "index.html"))

    await page.route("**/plain/*", serve)
    await page.goto(f"{service.url}/plain/index.html")
    await page.evaluate("url => (window.client = new Client(url)).start()", service.url)
    yield page
    await context.close()


async def stats(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate("client.stats()")
    return found


async def wait_for(page: Page, condition: str, argument: Any = None) -> Any:
    """The first logged message, past or to come, for which the JavaScript condition on ``m`` holds."""
    async with asyncio.timeout(MATCH_SECONDS):
        return await page.evaluate(f"a => client.wait(m => {condition})", argument)


async def both_linked(*pages: Page, at_least: int = 1) -> None:
    for page in pages:
        await page.wait_for_function(
            "n => client.log.filter(m => m.type === 'route' && m.state === 'linked').length >= n",
            arg=at_least,
            timeout=MATCH_SECONDS * 1000,
        )


@pytest.mark.timeout(120)
async def test_two_pages_see_and_hear_each_other(browser: Browser, service: RunningService) -> None:
    async with client(browser, service) as a, client(browser, service) as b:
        for page in (a, b):
            await page.evaluate("client.send({type: 'join'})")
        await both_linked(a, b)
        for page in (a, b):
            async with asyncio.timeout(MATCH_SECONDS):
                seen = await page.evaluate(ALIVE)
            assert seen["video"]["packetsLost"] == 0
            assert seen["audio"]["packetsLost"] == 0


@pytest.mark.timeout(180)
async def test_estimate_is_above_one_and_a_half_megabit_within_five_seconds(
    browser: Browser, service: RunningService
) -> None:
    """Chromium learns the path's rate from a few probes it sends at the start. A browser that is starved of
    CPU just then spoils its own probes and does not try again, so this asks for one good start of three;
    a relay that broke the feedback would spoil all of them."""
    estimates: list[float] = []
    for _ in range(3):
        async with client(browser, service) as a, client(browser, service) as b:
            for page in (a, b):
                await page.evaluate("client.send({type: 'join'})")
            await both_linked(a, b)
            pair = await asyncio.gather(*(page.evaluate(ESTIMATE) for page in (a, b)))
        estimates.append(min(pair))
        if estimates[-1] > 1_500_000:
            return
    pytest.fail(f"no estimate rose: {estimates}")


@pytest.mark.timeout(180)
async def test_next_shows_the_new_person_without_renegotiation(browser: Browser, tmp_path: Path) -> None:
    """One page stays; two others take turns with it. Its first frame after each link is timed in it. Each
    talk lasts for half a second: a Chromium that has just been asked for a keyframe ignores the next request
    for 300 ms, and one that got none asks again only after three seconds."""
    async with (
        running_service(tmp_path, matching_rematch_seconds="0") as service,
        client(browser, service) as stays,
        client(browser, service) as one,
        client(browser, service) as two,
    ):
        turn, waiting = one, two
        for page in (stays, turn):
            await page.evaluate("client.send({type: 'join'})")
        await both_linked(stays, turn)
        await stays.evaluate("client.frame()")
        await waiting.evaluate("client.send({type: 'join'})")
        delays: list[float] = []
        for number in range(2, 12):
            # Presentation of the first frame decoded after the link, by requestVideoFrameCallback's count.
            timing = stays.evaluate(
                """async (n) => {
                    const linked = () => client.log.filter(m => m.type === 'route' && m.state === 'linked');
                    const video = document.getElementById('remote');
                    client.send({type: 'next'});
                    await client.wait(m => m.type === 'route' && m.state === 'linked' && linked().length >= n,
                                      client.log.length);
                    const at = linked()[n - 1].at;
                    const decoded = (await client.stats()).video.framesDecoded;
                    for (;;) {
                        const shown = await client.frame();
                        if ((await client.stats()).video.framesDecoded > decoded) return shown - at;
                    }
                }""",
                number,
            )
            async with asyncio.timeout(MATCH_SECONDS):
                delays.append(await timing)
                await stays.evaluate(TALK)
            turn, waiting = waiting, turn
            await waiting.evaluate("client.send({type: 'join'})")
        assert statistics.median(delays) < 300, delays
        assert await stays.evaluate("client.offers") == 1
        seen = await stats(stays)
        assert seen["video"]["packetsLost"] == 0
