"""Two people meet through the built client: picture, sound, chat, next, and the end."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS

PATH = re.compile("^(Direct|Relayed)$")
pytestmark = pytest.mark.media


async def test_two_strangers_see_and_hear_each_other(house: House) -> None:
    ada, bea = await house.pair()
    for person, other in ((ada, "Bea"), (bea, "Ada")):
        await person.moving()
        assert await person.loudness() > 0.01
        await expect(person.page.get_by_role("main")).to_contain_text(other)
        await expect(person.page.get_by_text(PATH)).to_be_visible()
        assert await person.sockets() == 1
        assert await person.legs() == 1
        assert await person.page.evaluate("watch.violations") == []
        assert [line for line in person.console if line.startswith(("error", "pageerror"))] == []


async def test_chat_with_typing_delivery_and_emoji(house: House) -> None:
    ada, bea = await house.pair()
    field = await ada.show_chat()
    await field.press_sequentially("Hello", delay=20)
    await expect(bea.page.locator("[data-typing]")).to_have_text("Ada is typing…", timeout=STEP_MS)
    await bea.told("Stranger is typing.")
    await field.press("Enter")
    await expect(bea.page.locator("[data-from=stranger]")).to_contain_text("Hello", timeout=STEP_MS)
    await expect(bea.page.locator("[data-typing]")).to_have_count(0)
    await expect(ada.page.locator("[data-status]")).to_have_attribute(
        "data-status", "delivered", timeout=STEP_MS
    )

    # The picker by keyboard alone: open, search, choose.
    await ada.button("Emoji").focus()
    await ada.page.keyboard.press("Enter")
    search = ada.page.get_by_label("Search emoji")
    await expect(search).to_be_focused(timeout=STEP_MS)
    await search.fill("badger")
    await expect(ada.page.get_by_role("gridcell")).to_have_count(1, timeout=STEP_MS)
    await ada.page.keyboard.press("Enter")
    await expect(field).to_have_value("🦡")
    await expect(field).to_be_focused()
    await field.press("Enter")
    await expect(bea.page.locator("[data-from=stranger]").last).to_contain_text("🦡", timeout=STEP_MS)


async def test_typing_ends_by_itself(house: House) -> None:
    ada, bea = await house.pair()
    await (await ada.show_chat()).press_sequentially("H")
    await expect(bea.page.locator("[data-typing]")).to_be_visible(timeout=STEP_MS)
    await expect(bea.page.locator("[data-typing]")).to_have_count(0, timeout=STEP_MS)
    await expect(ada.page.get_by_label("Message", exact=True)).to_have_value("H")


async def test_next_meets_a_third_on_the_same_connection(house: House) -> None:
    ada, bea = await house.pair()
    cleo = await house.guest("Cleo")
    await cleo.find()
    await ada.say("for Bea alone")
    await ada.button("Next").click()
    await bea.ended()
    await expect(bea.page.get_by_role("heading", name="Ada has left")).to_be_visible()
    await expect(bea.page.get_by_text("They went on to the next person.")).to_be_visible()
    await bea.told("Ada has left.")
    await ada.connected()
    await cleo.connected()
    await ada.moving()
    await cleo.moving()
    await expect(ada.page.get_by_role("main")).to_contain_text("Cleo")
    await expect(ada.page.get_by_text("for Bea alone")).to_have_count(0)
    assert await ada.legs() == 1, "a match must not make another connection"

    await bea.button("Find someone else").click()
    await expect(bea.page.get_by_role("heading", name="Looking for someone…")).to_be_visible(timeout=STEP_MS)


async def test_stopping_asks_first_and_ends_for_both(house: House) -> None:
    ada, bea = await house.pair()
    await ada.button("Stop").click()
    dialog = ada.page.get_by_role("dialog", name="End this talk?")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(ada.call).to_have_attribute("data-call", "connected")
    await ada.button("Stop").click()
    await ada.button("End talk").click()
    await expect(ada.page.get_by_role("heading", name="Ready when you are")).to_be_visible(timeout=STEP_MS)
    await bea.ended()
    await expect(bea.page.get_by_text("They ended the talk.")).to_be_visible()
    await bea.button("Back to the lobby").click()
    await expect(bea.page.get_by_role("heading", name="Ready when you are")).to_be_visible()


async def test_finding_says_where_one_stands_and_can_be_left(house: House) -> None:
    ada = await house.guest("Ada")
    await ada.find()
    await expect(ada.page.get_by_text("Place in line")).to_be_visible(timeout=STEP_MS)
    await expect(ada.page.get_by_text("You are the only one here right now.")).to_be_visible(timeout=STEP_MS)
    await expect(ada.page.get_by_text(re.compile("^Waiting for 0:0"))).to_be_visible()
    figures = {
        await name.text_content(): await value.text_content()
        for name, value in zip(
            await ada.page.locator("dt").all(), await ada.page.locator("dd").all(), strict=True
        )
    }
    assert figures == {"Place in line": "1", "People online": "1", "Estimated wait": "Not known yet"}
    await ada.button("Cancel").click()
    await expect(ada.page.get_by_role("heading", name="Ready when you are")).to_be_visible()
    bea = await house.guest("Bea")
    await bea.find()
    await expect(bea.page.get_by_text("Place in line")).to_be_visible(timeout=STEP_MS)
    await expect(ada.page.get_by_role("heading", name="Ready when you are")).to_be_visible()


async def test_leaving_the_page_tells_the_stranger_at_once(house: House) -> None:
    ada, bea = await house.pair()
    await ada.page.close(run_before_unload=False)
    await bea.ended()
