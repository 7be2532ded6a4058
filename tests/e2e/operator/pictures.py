"""``python -m tests.e2e.operator.pictures FOLDER``: pictures of the operators' page while people talk."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import expect

from peers import Peer, SyntheticMedia
from tests.e2e.operator.desk import DeskPage, add_account
from tests.e2e.web.browser import chromium
from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS
from tests.e2e.web.service import web_service

LOOKS = (
    ("desktop-light", False, False),
    ("desktop-dark", False, True),
    ("phone-light", True, False),
)
HEADLESS = ("Cleo", "Dov")
"""Beside two in browsers, who also say how their call is."""
SETTINGS = {"ROUTES_POLICY": "relay-only", "RELAY_SOFT_STRESS": "0.7", "RELAY_HARD_STRESS": "0.95"}
"""By relay, so that there is something to see, with the limits that are the default outside of tests."""
WATCHED_MS = 75_000
"""More than a minute, so that there is a row of one."""
SETTLE_MS = 700


async def talk(url: str, name: str) -> None:
    """A headless peer who talks until it is cancelled."""
    async with Peer.guest(url, name=name, media=SyntheticMedia()) as peer:
        await (await peer.meet()).over()


async def main(folder: Path) -> None:
    """All pictures, into ``folder``, which is there."""
    async with AsyncExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        service = await stack.enter_async_context(web_service(data, **SETTINGS))
        await add_account(data, "olga@example.org", "Olga", "operator")
        talks = [asyncio.create_task(talk(service.url, name)) for name in HEADLESS]
        try:
            browser = await stack.enter_async_context(chromium())
            house = await stack.enter_async_context(House(browser, service.url))
            await house.pair()
            desks = []
            for look, phone, dark in LOOKS:
                desk = await DeskPage.arrive(house, phone=phone, dark=dark)
                await desk.log_in("olga@example.org")
                desks.append((look, desk))
            await expect(desks[0][1].calls).to_have_count(2, timeout=STEP_MS)
            await desks[0][1].page.wait_for_timeout(WATCHED_MS)
            for look, desk in desks:
                await desk.page.wait_for_timeout(SETTLE_MS)
                await desk.page.screenshot(path=folder / f"operator-{look}.png", full_page=True)
                await desk.calls.first.click()
                await expect(desk.page.locator("[data-call-state=connected]")).to_be_visible(timeout=STEP_MS)
                await desk.page.wait_for_timeout(SETTLE_MS)
                await desk.page.screenshot(path=folder / f"operator-call-{look}.png", full_page=True)
                await desk.button("End call").click()
                await desk.page.wait_for_timeout(SETTLE_MS)
                await desk.page.screenshot(path=folder / f"operator-end-{look}.png")
        finally:
            for task in talks:
                task.cancel()
            await asyncio.wait(talks)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/pictures")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
