"""A person with a real Chromium on a host of the lab, on the built web client; and the service it calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Playwright

from tests.e2e.conftest import FLAGS
from tests.e2e.web.house import WATCH
from tests.e2e.web.person import STEP_MS, Person
from tests.lab import plan
from tests.lab.lab import Lab
from tests.lab.plan import Kind
from tests.service import RunningService, running_service

WRAPPER = Path(__file__).parent / "chromium"
LAB_WATCH = (Path(__file__).parent / "watch.js").read_text(encoding="utf-8")
PORT = 8080
HIDE = "Hide my address"
FOUND = {
    Kind.OPEN: "m.mapping === 'open'",
    Kind.CONE: "m.mapping === 'independent'",
    Kind.SYMMETRIC: "m.mapping === 'symmetric'",
    Kind.UDP_BLOCKED: "m.udp === false",
    Kind.ONLY_443: "m.udp === false && m.tcp === false",
    Kind.IPV6_ONLY: "m.udp === true",
}
"""What the message ``network`` says, ``m``, when the check has found what kind of network this is."""


@contextlib.asynccontextmanager
async def serving(
    lab: Lab, folder: Path, host: str = plan.SERVER, inside: Sequence[str] = (), **settings: str
) -> AsyncIterator[RunningService]:
    """The service on the lab's server: its pages at ``host``, its relay by IPv4 and IPv6. ``settings`` and
    ``inside`` as for :func:`tests.service.running_service`."""
    chosen = {
        "server_host": host,
        "server_port": str(PORT),
        "relay_addresses": f"{plan.SERVER},{plan.SERVER_V6}",
        "relay_udp_port": "3478",
        "relay_tcp_port": "3478",
        "relay_stun_port": "3479",
        "matching_rematch_seconds": "0",
    }
    async with running_service(folder, lab.server.inside(*inside), **{**chosen, **settings}) as service:
        yield service


class Caller(Person):
    """A guest in the lobby of the web client, with what ``tests/lab/watch.js`` noted."""

    joins = 0

    async def ask(self, expression: str) -> Any:
        """Evaluate an expression in the page; it is given as long as a step."""
        async with asyncio.timeout(STEP_MS / 1000):
            return await self.page.evaluate(expression)

    async def leg_up(self) -> None:
        """Wait until the leg that the lobby opens is connected, and the network check has been told."""
        await self.until("lab.all('leg_state').some(m => m.state === 'connected')")

    async def cold(self) -> None:
        """Wait until the service has closed the leg for want of use; the client asks for another only a
        second later."""
        await self.until("lab.last('leg_state')?.code === 'idle'")

    async def network_known(self, kind: Kind) -> None:
        """Wait until the service has been told what the lobby's check finds of such a network. That nothing
        comes through is known after ten seconds."""
        await self.until(f"lab.said.some(m => m.type === 'network' && {FOUND[kind]})")

    async def hide_address(self) -> None:
        """Choose to hide the address, by the lobby's own switch."""
        await self.page.get_by_role("switch", name=HIDE).click()

    async def join(self) -> None:
        """Press start."""
        await self.find()
        self.joins += 1

    async def again(self) -> None:
        """After the end of a match: look for another."""
        await self.button("Find someone else").click()
        self.joins += 1

    async def stop(self) -> None:
        """End the match, and confirm it."""
        await self.button("Stop").click()
        await self.page.get_by_role("dialog").get_by_role("button").last.click()

    async def next(self) -> None:
        """End the match and look for another."""
        await self.button("Next").click()
        self.joins += 1

    async def first_frame(self) -> float:
        """Milliseconds from the match of the last :meth:`join` to the first frame of the stranger."""
        return float(await self.ask(f"lab.firstFrame({self.joins})"))

    async def now(self) -> float:
        return float(await self.ask("lab.now()"))

    async def gap(self, since: float) -> float:
        """The longest time without a new frame on the screen since then, in milliseconds."""
        return float(await self.ask(f"lab.gap({since})"))

    async def steady(self, ms: float, most: float) -> None:
        """Return when frames have come for ``ms`` without a gap of more than ``most`` ms."""
        async with asyncio.timeout((STEP_MS + ms) / 1000):
            await self.page.evaluate("([ms, most]) => lab.steady(ms, most)", [ms, most])

    async def watch(self, seconds: float) -> None:
        """Let the call go on: what is to be seen is that nothing happens in this time."""
        async with asyncio.timeout(seconds + STEP_MS / 1000):
            await self.page.evaluate("ms => new Promise(done => setTimeout(done, ms))", seconds * 1000)

    async def on(self, route: str) -> None:
        """Wait until that route carries the match."""
        await self.until(
            "lab.heard.findLast(m => m.type === 'route' && m.state === 'connected')?.route === given", route
        )

    async def heard(self, kind: str) -> list[dict[str, Any]]:
        """Every message of that type, oldest first."""
        found: list[dict[str, Any]] = await self.page.evaluate("kind => lab.all(kind)", kind)
        return found

    async def routes(self) -> list[tuple[str, str, str | None]]:
        """What it was told of the routes of its last match: route, state, reason."""
        match = (await self.heard("matched"))[-1]["match"]
        return [
            (m["route"], m["state"], m["reason"]) for m in await self.heard("route") if m["match"] == match
        ]

    async def path(self) -> dict[str, Any]:
        """How the picture on the screen comes."""
        found: dict[str, Any] = await self.ask("lab.path()")
        return found

    async def inbound(self) -> dict[str, Any]:
        """What the browser counted of the stranger's ``video`` and ``audio``."""
        found: dict[str, Any] = await self.ask("lab.inbound()")
        return found


class Browsers:
    """One Chromium a site, started when somebody is first seated there; each caller has a fresh profile."""

    def __init__(
        self,
        playwright: Playwright,
        lab: Lab,
        url: str,
        origins: Sequence[str] = (),
        flags: Sequence[str] = FLAGS,
        *,
        devices: bool = True,
    ) -> None:
        """``url``: the service. ``origins``: other ones that are as good as one with TLS. Without
        ``devices`` no page is given camera or microphone."""
        self._playwright = playwright
        self._lab = lab
        self._origins = ",".join({url, *origins})
        self._flags = flags
        self._permissions = ["camera", "microphone"] if devices else []
        self._browsers: dict[str, Browser] = {}
        self._contexts: list[BrowserContext] = []
        self.url = url

    async def caller(self, site: str, *, script: str = "", url: str | None = None) -> Caller:
        """A new guest in the lobby. ``script`` runs in the page before its own."""
        browser = self._browsers.get(site)
        if browser is None:
            browser = self._browsers[site] = await self._start(site)
        context = await browser.new_context(permissions=self._permissions)
        self._contexts.append(context)
        await context.add_init_script(WATCH + LAB_WATCH + script)
        caller = Caller(await context.new_page(), url or self.url)
        await caller.page.goto(caller.url)
        await caller.enter_as_guest(site)
        return caller

    async def leave(self) -> None:
        """Every caller goes; the browsers stay."""
        contexts, self._contexts = self._contexts, []
        for context in contexts:
            await context.close()

    async def close(self) -> None:
        await self.leave()
        browsers, self._browsers = self._browsers, {}
        for browser in browsers.values():
            await browser.close()

    async def _start(self, site: str) -> Browser:
        return await self._playwright.chromium.launch(
            executable_path=WRAPPER,
            # A page without TLS gets no camera but from localhost.
            args=[*self._flags, f"--unsafely-treat-insecure-origin-as-secure={self._origins}"],
            env={**os.environ, "BURROW_LAB_NAMESPACE": self._lab[site].client.namespace},
        )
