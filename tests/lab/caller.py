"""A real Chromium on a host of the lab, on the plain page; and the service it calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Playwright

from tests.e2e.conftest import FLAGS
from tests.lab import plan
from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.service import RunningService, running_service

WRAPPER = Path(__file__).parent / "chromium"
PAGES = (Path(__file__).parent / "page", Path(__file__).parents[1] / "e2e" / "page")
PORT = 8080
WAIT_MS = 20_000


@contextlib.asynccontextmanager
async def serving(
    lab: Lab, folder: Path, host: str = plan.SERVER, **settings: str
) -> AsyncIterator[RunningService]:
    """The service on the lab's server: its pages at ``host``, its relay by IPv4 and IPv6. ``settings`` as
    for :func:`tests.service.running_service`."""
    chosen = {
        "server_host": host,
        "server_port": str(PORT),
        "relay_addresses": f"{plan.SERVER},{plan.SERVER_V6}",
        "relay_udp_port": "3478",
        "relay_tcp_port": "3478",
        "relay_stun_port": "3479",
        "matching_rematch_seconds": "0",
    }
    async with running_service(folder, lab.server.inside(), **{**chosen, **settings}) as service:
        yield service


@dataclass(slots=True)
class Caller:
    """A signed-in user. Every method speaks to the page (``tests/lab/page``)."""

    page: Page
    url: str
    joins: int = 0

    async def sign_in(self) -> None:
        """Load the page and get a new guest's account; what was before is gone, leg included."""
        self.joins = 0
        await self.page.goto(f"{self.url}/plain/index.html")
        await self.page.evaluate("url => (window.client = new LabClient(url)).start()", self.url)

    async def ask(self, script: str, argument: Any = None) -> Any:
        """Evaluate an expression on ``client``."""
        return await self.page.evaluate(script, argument)

    async def leg_up(self) -> None:
        """Open the leg, as a client does in the lobby, and wait until it is connected."""
        await self.ask("client.send({type: 'leg_open'})")
        await self.until("client.log.some(m => m.type === 'leg_state' && m.state === 'connected')")

    async def join(self) -> None:
        # The relay is what these tests are about: no direct attempt is made for one who hides the address.
        await self.ask("client.send({type: 'join', hide_address: true})")
        self.joins += 1

    async def leave(self) -> None:
        """Say that the match is to end."""
        await self.ask("client.send({type: 'leave'})")

    async def over(self) -> None:
        """Wait until the last match has ended, so that a :meth:`join` is for another."""
        await self.until("client.last('idle').at > client.last('matched').at")

    async def until(self, condition: str, argument: Any = None) -> None:
        """Wait for a JavaScript condition on ``client``."""
        await self.page.wait_for_function(condition, arg=argument, timeout=WAIT_MS)

    async def first_frame(self) -> float:
        """Milliseconds from the match of the last :meth:`join` to the first frame of the stranger."""
        matched = "n => client.log.filter(m => m.type === 'matched').length >= n"
        await self.until(matched, self.joins)
        return float(await self.ask("client.firstFrame()"))

    async def now(self) -> float:
        return float(await self.ask("performance.now()"))

    async def gap(self, since: float) -> float:
        """The longest time without a new frame since then, in milliseconds."""
        return float(await self.ask("since => client.gap(since)", since))

    async def steady(self, ms: float, most: float) -> None:
        """Return when frames have come for ``ms`` without a gap of more than ``most`` ms."""
        async with asyncio.timeout(WAIT_MS / 1000 + ms / 1000):
            await self.ask("([ms, most]) => client.steady(ms, most)", [ms, most])

    async def path(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("client.path()")
        return found

    async def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.ask("client.stats()")
        return found


@contextlib.asynccontextmanager
async def calling(playwright: Playwright, host: Host, url: str) -> AsyncIterator[Caller]:
    """A browser on ``host`` whose user is signed in at ``url``."""
    browser = await playwright.chromium.launch(
        executable_path=WRAPPER,
        # A page without TLS gets no camera but from localhost.
        args=[*FLAGS, f"--unsafely-treat-insecure-origin-as-secure={url}"],
        env={**os.environ, "BURROW_LAB_NAMESPACE": host.namespace},
    )
    try:
        context = await browser.new_context(permissions=["camera", "microphone"])
        page = await context.new_page()

        async def serve(route: Any) -> None:
            name = route.request.url.rsplit("/", 1)[1]
            await route.fulfill(path=next(p / name for p in PAGES if (p / name).exists()))

        await page.route("**/plain/*", serve)
        caller = Caller(page, url)
        await caller.sign_in()
        yield caller
    finally:
        await browser.close()
