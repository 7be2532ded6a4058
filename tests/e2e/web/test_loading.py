"""What is loaded, from where, and how soon one can begin."""

from __future__ import annotations

import json
import statistics
from urllib.parse import urlsplit

from playwright.async_api import Browser, Request, expect

from tests.e2e.web.browser import context_of
from tests.e2e.web.house import WATCH, House
from tests.e2e.web.person import STEP_MS, Person
from tests.e2e.web.service import WebService

INTERACTIVE_MS = 1_000
SLOW_DOWN = 4
RUNS = 5
FIRST_LOAD_BYTES = 200_000


async def test_the_first_screen_is_ready_within_a_second_on_a_slow_machine(
    browser: Browser, service: WebService
) -> None:
    """Cold: a new profile each time, with the processor slowed down four times."""
    times = []
    for _ in range(RUNS):
        context = await context_of(browser)
        await context.add_init_script(WATCH)
        person = Person(await context.new_page(), service.url)
        page = person.page
        session = await context.new_cdp_session(page)
        await session.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_DOWN})
        await page.goto(service.url)
        await person.until("watch.interactiveAt !== null")
        await page.get_by_role("tab", name="Register").click()
        await expect(page.get_by_role("heading", name="Make an account")).to_be_visible()
        times.append(float(await page.evaluate("watch.interactiveAt")))
        await context.close()
    assert statistics.median(times) < INTERACTIVE_MS, times


async def test_the_line_carries_no_more_than_the_budget(house: House) -> None:
    """What the build counts compressed must also go compressed."""
    ada = await house.visitor()
    scripts = await ada.page.evaluate(
        """performance.getEntriesByType("resource").filter(r => r.name.endsWith(".js"))
            .map(r => [r.encodedBodySize, r.decodedBodySize])"""
    )
    assert sum(encoded for encoded, _ in scripts) < FIRST_LOAD_BYTES
    assert all(encoded < decoded for encoded, decoded in scripts if decoded > 2_000)


async def test_everything_comes_from_the_own_origin_and_keeps_to_the_policy(house: House) -> None:
    ada = await house.visitor()
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    ada.page.on("request", note)
    await ada.page.reload()
    scripts_before_entry = [url for url in asked if url.endswith(".js")]
    assert scripts_before_entry
    assert not any("emoji" in url.lower() for url in asked), "emoji data are loaded when asked for"
    assert not any("CallScreen" in url for url in asked), "so are the call's parts"
    await ada.enter_as_guest("Ada")
    bea = await house.guest("Bea")
    await ada.find()
    await bea.find()
    await ada.connected()
    await ada.show_chat()
    await ada.button("Emoji").click()
    await expect(ada.page.get_by_role("gridcell").first).to_be_visible(timeout=STEP_MS)
    assert any(url.endswith("/emoji/en/data.json") for url in asked)
    own = urlsplit(house.url).netloc
    assert {urlsplit(url).netloc for url in asked} == {own}
    servers = await ada.page.evaluate(
        "watch.peers.flatMap(p => p.getConfiguration().iceServers.flatMap(s => s.urls))"
    )
    assert {server.rpartition(":")[0] for server in servers} <= {"stun:127.0.0.1"}, "the relay itself"
    assert await ada.page.evaluate("watch.violations") == []
    response = await ada.page.request.get(house.url)
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "<script>" not in await response.text()


async def test_it_can_be_installed(house: House) -> None:
    ada = await house.visitor()
    session = await ada.page.context.new_cdp_session(ada.page)
    manifest = await session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    said = json.loads(manifest["data"])
    for icon in said["icons"]:
        answer = await ada.page.request.get(f"{house.url}/{icon['src'].removeprefix('./')}")
        assert answer.ok
        assert answer.headers["content-type"] == icon["type"]
    assert any(icon["purpose"] == "maskable" for icon in said["icons"])


async def test_any_address_shows_the_page(house: House) -> None:
    ada = await house.visitor()
    await ada.page.goto(f"{house.url}/talk")
    await expect(ada.button("Continue as guest")).to_be_visible(timeout=STEP_MS)
