"""The operators' page as an operator uses it, while people talk."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.operator.desk import DeskPage, add_account
from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS
from tests.e2e.web.service import WebService
from tests.e2e.web.test_accessible import axe, tab_to


async def test_calls_are_watched_opened_and_ended_by_keyboard(house: House, desk: DeskPage) -> None:
    ada, bea = await house.pair()
    await expect(desk.calls).to_have_count(1, timeout=STEP_MS)
    before, drawn = await desk.points(), await desk.drawing()
    await desk.person.until("document.querySelector('[data-points]').dataset.points >= given", before + 3)
    assert await desk.drawing() != drawn, "the charts move"

    match = await desk.calls.get_attribute("data-match")
    await tab_to(desk.person, f"Open call {match}")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("[data-call-state=connected]")).to_be_visible(timeout=STEP_MS)
    for name in ("Ada", "Bea"):
        await expect(desk.page.get_by_role("heading", name=name)).to_be_visible()
    steps = desk.page.get_by_role("group", name="What happened")
    await expect(steps.get_by_text("matched", exact=True)).to_be_visible()
    await expect(steps.get_by_text("connected", exact=True).first).to_be_visible()
    # A bit rate is there once two looks have been taken.
    await expect(desk.page.get_by_text("bit/s").first).to_be_visible(timeout=STEP_MS)

    await tab_to(desk.person, "End call")
    await desk.page.keyboard.press("Enter")
    await expect(desk.dialog).to_contain_text("Ada and Bea are told")
    await expect(desk.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await desk.page.keyboard.press("Escape")
    await expect(desk.dialog).to_have_count(0)
    await expect(desk.button("End call")).to_be_focused()
    await expect(ada.call).to_have_attribute("data-call", "connected")
    await desk.page.keyboard.press("Enter")
    await tab_to(desk.person, "End call")
    await desk.page.keyboard.press("Enter")
    for person in (ada, bea):
        await person.ended()
        await expect(person.page.get_by_text("An operator ended this call.")).to_be_visible()
    await expect(desk.page.locator("[data-call-state=over]")).to_be_visible(timeout=STEP_MS)
    await expect(steps.get_by_text("ended", exact=True)).to_be_visible(timeout=STEP_MS)
    await expect(desk.page.get_by_role("status")).to_have_text("The call is ended.")

    await desk.go("Actions")
    row = desk.page.get_by_role("row").nth(1)
    await expect(row).to_contain_text("ended a call")
    await expect(row).to_contain_text("Olga")
    await desk.go("Overview")
    await expect(desk.calls).to_have_count(0, timeout=STEP_MS)
    assert desk.person.console == [], "nothing that the page's policy forbids"


LOADED_CALLS = 5


@pytest.mark.timeout(120)
async def test_a_load_is_seen_and_a_call_beside_it_ended(
    house: House, desk: DeskPage, service: WebService
) -> None:
    ada, bea = await house.pair()
    await expect(desk.calls).to_have_count(1, timeout=STEP_MS)
    match = await desk.calls.get_attribute("data-match")
    load = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "burrow.cli", "load", "--url", service.url, "--calls", str(LOADED_CALLS),
        "--seconds", "25", "--ramp", "1", "--bit-rate", "200000", "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    # By relay, 200 kbit/s each way: what the node sends goes up with the calls.
    await expect(desk.calls).to_have_count(1 + LOADED_CALLS, timeout=2 * STEP_MS)
    before, drawn = await desk.points(), await desk.drawing()
    await desk.person.until("document.querySelector('[data-points]').dataset.points >= given", before + 3)
    assert await desk.drawing() != drawn, "the charts move"
    await desk.page.locator(f'a[data-match="{match}"]').click()
    await desk.button("End call").click()
    await desk.confirm("End call")
    for person in (ada, bea):
        await person.ended()
        await expect(person.page.get_by_text("An operator ended this call.")).to_be_visible()
    out, _ = await load.communicate()
    report = json.loads(out)
    assert (load.returncode, report["connected"]) == (0, LOADED_CALLS), report


async def test_a_user_is_found_and_disconnected(house: House, desk: DeskPage) -> None:
    ada, bea = await house.pair()
    await desk.go("Search")
    await desk.page.get_by_label("Match id, user id").fill("be")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.get_by_text("in a call")).to_be_visible(timeout=STEP_MS)
    await desk.button("Disconnect Bea").click()
    await desk.confirm("Disconnect")
    await expect(bea.page.get_by_role("heading", name="An operator disconnected you")).to_be_visible()
    await ada.ended()
    await bea.button("Come back").click()
    await expect(bea.page.get_by_role("heading", name="Ready when you are")).to_be_visible(timeout=STEP_MS)
    await desk.page.reload()
    link = desk.page.get_by_role("link", name="Open call")
    await expect(link).to_have_count(1, timeout=STEP_MS)
    name = await link.get_attribute("aria-label") or ""
    await desk.go("Search")
    await desk.page.get_by_label("Match id, user id").fill(name.removeprefix("Open call "))
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.locator("[data-call-state=over]")).to_be_visible(timeout=STEP_MS)
    await desk.go("Search")
    await desk.page.get_by_label("Match id, user id").fill("nobody of this name")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.get_by_text("Nobody and nothing found")).to_be_visible(timeout=STEP_MS)


async def test_limits_and_drain(house: House, desk: DeskPage) -> None:
    # Somebody talks, so that the drain is not over at once.
    await house.pair()
    await desk.button("Change limits…").click()
    await desk.page.get_by_label("Legs at once").fill("seven")
    await desk.dialog.get_by_role("button", name="Change", exact=True).click()
    await expect(desk.page.get_by_text("Give a number.")).to_be_visible()
    await desk.page.get_by_label("Legs at once").fill("7")
    await desk.page.get_by_label("Soft limit (stress)").fill("99999")
    await desk.dialog.get_by_role("button", name="Change", exact=True).click()
    await expect(desk.dialog.get_by_role("alert")).to_be_visible(timeout=STEP_MS)
    await desk.page.get_by_label("Soft limit (stress)").fill("0.5")
    await desk.confirm("Change")
    await expect(desk.page.get_by_text("of 7")).to_be_visible(timeout=STEP_MS)

    await desk.button("Drain…").click()
    await desk.page.get_by_label("Deadline in minutes").fill("30")
    await desk.confirm("Drain")
    await expect(desk.page.get_by_text("Draining since")).to_be_visible(timeout=STEP_MS)
    late = await house.guest("Eve")
    await late.find()
    await desk.button("Take the drain back…").click()
    await desk.confirm("Take it back")
    await expect(desk.page.get_by_text("Draining since")).to_have_count(0, timeout=STEP_MS)
    await desk.go("Actions")
    for words in ("took a drain back", "drained the node", "changed limits"):
        await expect(desk.page.get_by_text(words).first).to_be_visible(timeout=STEP_MS)
    await expect(desk.page.get_by_text("max_legs: 2000 → 7")).to_be_visible()


async def test_others_are_told_that_it_is_not_for_them(
    house: House, service: WebService, tmp_path: Path
) -> None:
    await add_account(tmp_path, "ursula@example.org", "Ursula", "user")
    desk = await DeskPage.arrive(house)
    await desk.button("Log in").click()
    await expect(desk.page.get_by_role("alert")).to_have_text("Give an address and a password.")
    await desk.try_to_log_in("ursula@example.org")
    await expect(desk.page.get_by_role("heading", name="Ursula is no operator")).to_be_visible(
        timeout=STEP_MS
    )
    await axe(desk.person, "no operator")
    await desk.button("Use another account").click()
    await desk.log_in("olga@example.org")
    await service.stop()
    await expect(desk.page.locator("[data-feed=away]")).to_contain_text("Not connected", timeout=STEP_MS)
    await service.start()
    await expect(desk.page.locator("[data-feed=live]")).to_be_visible(timeout=STEP_MS)


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)])
async def test_axe_finds_nothing_and_a_phone_shows_all(house: House, phone: bool, dark: bool) -> None:
    desk = await DeskPage.arrive(house, phone=phone, dark=dark)
    await axe(desk.person, "login")
    await desk.log_in("olga@example.org")
    await house.pair()
    await expect(desk.calls).to_have_count(1, timeout=STEP_MS)

    async def looked_at(screen: str) -> None:
        await axe(desk.person, screen)
        assert await desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), screen

    await looked_at("overview")
    await desk.button("Change limits…").click()
    await looked_at("limits")
    await desk.button("Cancel").click()
    await desk.button("Drain…").click()
    await looked_at("drain")
    await desk.button("Cancel").click()
    await desk.calls.click()
    await expect(desk.page.locator("[data-call-state=connected]")).to_be_visible(timeout=STEP_MS)
    await looked_at("call")
    await desk.button("End call").click()
    await looked_at("end")
    await desk.button("Cancel").click()
    await desk.go("Search")
    await desk.page.get_by_label("Match id, user id").fill("a")
    await desk.page.keyboard.press("Enter")
    await expect(desk.page.get_by_role("group", name="Users")).to_be_visible(timeout=STEP_MS)
    await looked_at("search")
    await desk.go("Actions")
    await looked_at("actions")
