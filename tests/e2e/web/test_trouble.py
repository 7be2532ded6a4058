"""When something breaks: the socket, the relay, the service."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS, Person
from tests.e2e.web.service import WebService, web_service

pytestmark = pytest.mark.media

LOBBY = "Ready when you are"
AGAIN_MS = 40_000
"""A service that starts again, and a client that comes back to it."""


async def back_in_lobby(person: Person) -> None:
    await person.button("Back to the lobby").click()
    await expect(person.page.get_by_role("heading", name=LOBBY)).to_be_visible()


async def test_a_lost_socket_comes_back_and_nothing_is_lost_or_doubled(house: House) -> None:
    ada, bea = await house.pair()
    await ada.page.evaluate(
        # What is written while the socket is away must arrive once.
        """() => {
            window.states = [];
            const call = document.querySelector("[data-call]");
            new MutationObserver(() => states.push(call.dataset.call))
                .observe(call, {attributes: true, attributeFilter: ["data-call"]});
        }"""
    )
    frames = await ada.frames()
    for number in range(3):
        await ada.say(f"before {number}")
        await ada.drop_socket()
        await ada.say(f"after {number}")
        await ada.until("watch.sockets.length === given && watch.sockets.at(-1).readyState === 1", number + 2)
    texts = bea.page.locator("[data-from=stranger] p[dir=auto]")
    await expect(texts).to_have_count(6, timeout=STEP_MS)
    said = [text.removeprefix("Ada: ") for text in await texts.all_inner_texts()]
    assert [text.split("\n")[-1].strip() for text in said] == [
        f"{when} {number}" for number in range(3) for when in ("before", "after")
    ]
    await expect(ada.call).to_have_attribute("data-call", "connected", timeout=STEP_MS)
    assert "reconnecting" in await ada.page.evaluate("states")
    assert await ada.sockets() == 4
    assert await ada.legs() == 1, "the leg does not depend on the socket"
    assert await ada.frames() > frames
    await ada.moving()
    await expect(ada.page.locator("[data-status]").last).to_have_attribute(
        "data-status", "delivered", timeout=STEP_MS
    )


async def test_a_full_relay_is_told_and_blocks_nobody_from_the_line(browser: Browser, tmp_path: Path) -> None:
    async with web_service(tmp_path, RELAY_MAX_LEGS="1") as service, House(browser, service.url) as house:
        ada = await house.guest("Ada")
        await expect(ada.page.get_by_text("Your network is ready.")).to_be_visible(timeout=STEP_MS)
        bea = await house.guest("Bea")
        await expect(bea.page.get_by_text("The relay is full just now.")).to_be_visible(timeout=STEP_MS)
        await expect(bea.button("Find someone")).to_be_enabled()
        await bea.find()
        await expect(bea.page.get_by_text("You keep your place; it tries again by itself.")).to_be_visible(
            timeout=STEP_MS
        )
        # Ada goes, and her leg with her: Bea's turn comes without a hand.
        await ada.button("Account").click()
        await ada.button("Log out").click()
        await expect(bea.page.get_by_text("You keep your place; it tries again by itself.")).to_have_count(
            0, timeout=AGAIN_MS
        )


async def test_a_service_that_is_restarted(house: House, service: WebService) -> None:
    ada, bea = await house.pair()
    await service.stop()
    await ada.ended()
    await expect(ada.page.get_by_text("The service is being restarted.").first).to_be_visible()
    await service.start()
    for person in (ada, bea):
        await expect(person.page.get_by_text("Coming back…")).to_have_count(0, timeout=AGAIN_MS)
        await person.button("Find someone else").click()
    await ada.connected()
    await bea.connected()
    await ada.moving()


async def test_a_service_that_dies_and_comes_back(house: House, service: WebService) -> None:
    ada, bea = await house.pair()
    await service.stop(signal.SIGKILL)
    await expect(ada.call).to_have_attribute("data-call", "reconnecting", timeout=STEP_MS)
    await expect(ada.page.get_by_text("Lost touch with the service.")).to_be_visible()
    # The last picture stays.
    await expect(ada.stranger).to_have_css("opacity", "1")
    await ada.say("into the void")
    await service.start()
    await ada.ended()
    await expect(ada.page.get_by_text("The service was restarted. You are connected again.")).to_be_visible()
    await expect(ada.page.locator("[data-status]")).to_have_attribute(
        "data-status", "failed", timeout=STEP_MS
    )
    await back_in_lobby(ada)
    await expect(ada.page.get_by_text("Your network is ready.")).to_be_visible(timeout=AGAIN_MS)
    await bea.ended()


async def test_the_lobby_says_when_the_service_is_away(house: House, service: WebService) -> None:
    ada = await house.guest("Ada")
    await service.stop()
    await expect(ada.button("Try now")).to_be_visible(timeout=STEP_MS)
    await service.start()
    await expect(ada.button("Try now")).to_have_count(0, timeout=AGAIN_MS)
    await expect(ada.page.get_by_role("heading", name=LOBBY)).to_be_visible()
