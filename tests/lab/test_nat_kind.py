"""The client's own check in a real Chromium tells one kind of NAT from another, and says when it cannot."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.e2e.conftest import FLAGS
from tests.e2e.web.person import STEP_MS, Person
from tests.lab.caller import WRAPPER, serving
from tests.lab.conftest import MakeLab
from tests.lab.plan import Kind

pytestmark = pytest.mark.timeout(150)

ANSWERS = {
    Kind.OPEN: ("open", "ok", "ok", "Your network is ready."),
    Kind.CONE: ("independent", "ok", "ok", "Your network is ready."),
    Kind.SYMMETRIC: ("symmetric", "ok", "ok", "Your network is ready. It is a strict one"),
    Kind.UDP_BLOCKED: ("unknown", "failed", "ok", "It works over TCP only."),
}


async def found(page: Page, mapping: str, ways: Sequence[str], sentence: str) -> None:
    """Wait for the check's end and compare everything it says."""
    await expect(page.locator("[data-mapping]")).to_have_attribute("data-mapping", mapping, timeout=STEP_MS)
    for way, said in zip(("udp", "tcp"), ways, strict=True):
        row = page.locator(f"[data-way={way}]")
        await expect(row).to_have_attribute("data-finding", said, timeout=STEP_MS)
    await expect(page.locator("[data-verdict]")).to_contain_text(sentence)


@pytest.mark.parametrize("kind", ANSWERS)
async def test_the_lobby_tells_the_kind_of_nat(make_lab: MakeLab, tmp_path: Path, kind: Kind) -> None:
    mapping, udp, tcp, sentence = ANSWERS[kind]
    lab = make_lab(a=kind)
    async with serving(lab, tmp_path) as service, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=WRAPPER,
            # A page without TLS gets no camera but from localhost.
            args=[*FLAGS, f"--unsafely-treat-insecure-origin-as-secure={service.url}"],
            env={**os.environ, "BURROW_LAB_NAMESPACE": lab["a"].client.namespace},
        )
        try:
            context = await browser.new_context()
            # What the service is told is what counts for the next match.
            await context.add_init_script(
                """window.told = [];
                WebSocket.prototype.send = (send => function (text) {
                    const message = JSON.parse(text);
                    if (message.type === "network") told.push(message);
                    return send.call(this, text);
                })(WebSocket.prototype.send);"""
            )
            ada = await Person.in_lobby(context, service.url, "Ada")
            await ada.page.locator("[data-verdict] summary").click()
            # Before the camera is allowed the browser hides local addresses; after it, it does not.
            await found(ada.page, mapping, (udp, tcp), sentence)
            await ada.page.get_by_text("Picture is moving.").wait_for(timeout=STEP_MS)
            await ada.button("Check again").click()
            await found(ada.page, mapping, (udp, tcp), sentence)
            await ada.until("told.length > 0")
            last = await ada.page.evaluate("told.at(-1)")
            assert last["mapping"] == (None if mapping == "unknown" else mapping)
            assert (last["udp"], last["tcp"]) == (udp == "ok", tcp == "ok")
        finally:
            await browser.close()
