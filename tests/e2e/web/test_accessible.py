"""For everyone: axe on every screen, the keyboard alone, the screen reader's words, small screens."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS, Person
from tests.e2e.web.service import ROOT

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def axe(person: Person, screen: str) -> None:
    """No finding, or a list of them with what they are about."""
    page = person.page
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8"))
    # A transition's half-way colours are nobody's contrast.
    await person.until(
        """document.getAnimations()
            .every(a => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity)"""
    )
    found: dict[str, Any] = await page.evaluate(
        "levels => axe.run(document, {runOnly: levels, resultTypes: ['violations']})", LEVELS
    )
    findings = [
        f"{screen}: {violation['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
    assert not findings, "\n".join(findings)


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)])
async def test_axe_finds_nothing_before_a_call(house: House, phone: bool, dark: bool) -> None:
    ada = await house.visitor(phone=phone, dark=dark)
    await axe(ada, "guest")
    for tab, submit in (("Log in", "Log in"), ("Register", "Make account")):
        await ada.page.get_by_role("tab", name=tab).click()
        await ada.button(submit).click()
        await axe(ada, tab)
    await ada.button("terms of use").click()
    await axe(ada, "terms")
    await ada.button("Close").click()
    await ada.page.get_by_role("tab", name="Guest").click()
    await ada.enter_as_guest("Ada")
    await expect(ada.page.get_by_text("Your network is ready.")).to_be_visible(timeout=STEP_MS)
    await ada.page.get_by_label("Interests").fill("chess")
    await ada.page.keyboard.press("Enter")
    await ada.page.get_by_text("Your network is ready.").click()
    await axe(ada, "lobby")
    await ada.button("Account").click()
    await axe(ada, "account")
    await ada.button("Keep this account").click()
    await axe(ada, "upgrade")
    await ada.button("Close").click()
    await ada.find()
    await expect(ada.page.get_by_text("Place in line")).to_be_visible(timeout=STEP_MS)
    await axe(ada, "finding")


@pytest.mark.parametrize(("phone", "dark"), [(False, False), (True, True)])
async def test_axe_finds_nothing_in_a_call(house: House, phone: bool, dark: bool) -> None:
    ada, bea = await house.pair(phone=phone, dark=dark)
    assert await ada.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    await axe(ada, "call")
    await ada.say("hello https://example.org")
    await bea.say("hi")
    await expect(ada.page.locator("[data-from=stranger]")).to_be_visible(timeout=STEP_MS)
    await axe(ada, "chat")
    await ada.button("Emoji").click()
    await expect(ada.page.get_by_role("gridcell").first).to_be_visible(timeout=STEP_MS)
    await axe(ada, "emoji")
    await ada.page.keyboard.press("Escape")
    await ada.page.get_by_text("https://example.org").click()
    await axe(ada, "link")
    await ada.button("Cancel").click()
    if phone:
        await ada.button("Close chat").click()
    await ada.button("Picture and volume").click()
    await axe(ada, "settings")
    await ada.page.keyboard.press("Escape")
    await ada.button("More").click()
    await axe(ada, "more")
    await ada.button("Report…").click()
    await axe(ada, "report")
    await ada.button("Close").click()
    await ada.button("Stop").click()
    await axe(ada, "stop")
    await ada.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await ada.drop_socket()
    await bea.button("Next").click()
    await ada.ended()
    await axe(ada, "ended")


async def test_axe_finds_nothing_in_arabic(house: House) -> None:
    ada = await house.visitor(locale="ar")
    await expect(ada.page.locator("html")).to_have_attribute("dir", "rtl")
    await axe(ada, "arabic")
    for box in await ada.page.get_by_role("checkbox").all():
        await box.check()
    await ada.page.locator("form button[type=submit]").click()
    await expect(ada.page.locator("[data-verdict=good]")).to_be_visible(timeout=STEP_MS)
    await axe(ada, "arabic lobby")


async def tab_to(person: Person, name: str) -> None:
    """Press Tab until the element of that name has the focus; fail when it cannot be reached."""
    for _ in range(60):
        await person.page.keyboard.press("Tab")
        focused = await person.page.evaluate(
            """() => {
                const e = document.activeElement;
                return [e.ariaLabel, e.innerText, e.labels?.[0]?.innerText].map(text => (text ?? '').trim());
            }"""
        )
        if name in focused:
            return
    raise AssertionError(f"{name!r} cannot be reached by Tab")


async def test_a_whole_visit_by_keyboard_alone(house: House) -> None:
    bea = await house.guest("Bea")
    await bea.find()
    ada = await house.visitor()
    keyboard = ada.page.keyboard
    await tab_to(ada, "Name (if you like)")
    await keyboard.type("Ada")
    await tab_to(ada, "I am 18 or older.")
    await keyboard.press("Space")
    await tab_to(ada, "I accept the terms of use.")
    await keyboard.press("Space")
    await tab_to(ada, "Continue as guest")
    outline = await ada.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "the focus is visible"
    await keyboard.press("Enter")
    await expect(ada.page.get_by_role("heading", name="Ready when you are")).to_be_visible(timeout=STEP_MS)
    await expect(ada.button("Turn camera off")).to_be_visible(timeout=STEP_MS)
    await tab_to(ada, "Find someone")
    await keyboard.press("Enter")
    await ada.connected()
    await tab_to(ada, "Message")
    await keyboard.type("by keyboard")
    await keyboard.press("Enter")
    await expect(bea.page.locator("[data-from=stranger]")).to_contain_text("by keyboard", timeout=STEP_MS)
    await tab_to(ada, "Mute microphone")
    await keyboard.press("Space")
    await expect(ada.button("Unmute microphone")).to_be_focused()
    await tab_to(ada, "Stop")
    await keyboard.press("Enter")
    await expect(ada.button("Cancel")).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await expect(ada.page.get_by_role("heading", name="Ready when you are")).to_be_visible(timeout=STEP_MS)


async def test_a_screen_reader_is_told_what_happens(house: House) -> None:
    ada = await house.guest("Ada")
    await ada.page.evaluate(
        """() => {
            window.told = [];
            const region = document.querySelector("[role=status]");
            const note = () => told.at(-1) !== region.innerText.trim() && told.push(region.innerText.trim());
            new MutationObserver(note).observe(region, {childList: true, subtree: true, characterData: true});
        }"""
    )
    bea = await house.guest("Bea")
    await ada.find()
    await bea.find()
    await ada.connected()
    await (await bea.show_chat()).press_sequentially("h")
    await ada.told("Stranger is typing.")
    await bea.say("hello")
    await ada.told("Stranger says: hello")
    await ada.drop_socket()
    await ada.until("told.includes('Connection is back.')")
    await bea.button("Next").click()
    await ada.told("Bea has left.")
    told = await ada.page.evaluate("told")
    expected = [
        "Looking for someone.", "Matched with Bea. Connecting.", "Connected with Bea.", "Stranger is typing.",
        "Stranger says: hello", "Connection interrupted. Reconnecting.", "Connection is back.",
        "Bea has left.",
    ]  # fmt: skip
    assert [words for words in told if words in expected] == expected
    assert await ada.page.locator("[aria-live], [role=status], [role=log]").count() == 1


async def test_reduced_motion_is_respected(house: House) -> None:
    ada = await house.visitor(reduced_motion=True)
    await ada.enter_as_guest("Ada")
    await ada.find()
    await expect(ada.page.get_by_role("heading", name="Looking for someone…")).to_be_visible(timeout=STEP_MS)
    moving = "document.getAnimations().filter(a => a.playState === 'running').length"
    await ada.until(f"{moving} === 0")


@pytest.mark.parametrize("screen", ["entry", "lobby", "call"])
async def test_nothing_is_wider_than_a_phone_and_targets_are_large(house: House, screen: str) -> None:
    if screen == "call":
        ada, _bea = await house.pair(phone=True)
    else:
        ada = await house.visitor(phone=True)
        if screen == "lobby":
            await ada.enter_as_guest("Ada")
            await expect(ada.button("Turn camera off")).to_be_visible(timeout=STEP_MS)
    assert await ada.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = await ada.page.evaluate(
        """() => [...document.querySelectorAll("button, a[href], input, select, summary, textarea")]
            .filter(e => e.checkVisibility() && e.closest("p, span") === null)
            .map(e => [e.getBoundingClientRect(), e.ariaLabel ?? e.innerText])
            .filter(([box]) => box.width > 0 && (box.width < 24 || box.height < 24))
            .map(([box, name]) => `${name}: ${box.width} x ${box.height}`)"""
    )
    assert small == []
    if screen == "call":
        box = await ada.stranger.bounding_box()
        assert box == {"x": 0, "y": 0, "width": 390, "height": 844}, "the stranger fills the phone"
