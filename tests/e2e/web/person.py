"""What a person does on the pages, in the words of the screens."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import BrowserContext, Locator, Page, expect

STEP_MS = 30_000
"""Longest wait for one step: two browsers and a relay share two cores."""


class Person:
    """One page and who sits before it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.console: list[str] = []
        page.set_default_timeout(STEP_MS)
        page.on("console", lambda message: self.console.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.console.append(f"pageerror: {error}"))

    @classmethod
    async def arrive(cls, context: BrowserContext, url: str) -> Person:
        """Open the first page."""
        person = cls(await context.new_page(), url)
        await person.page.goto(url)
        return person

    @classmethod
    async def in_lobby(cls, context: BrowserContext, url: str, name: str) -> Person:
        """Come in as a guest of that name."""
        person = await cls.arrive(context, url)
        await person.enter_as_guest(name)
        return person

    def button(self, name: str, *, exact: bool = True) -> Locator:
        """The button that a screen reader calls so."""
        return self.page.get_by_role("button", name=name, exact=exact)

    @property
    def call(self) -> Locator:
        """The call screen; ``data-call`` says its state."""
        return self.page.locator("[data-call]")

    @property
    def stranger(self) -> Locator:
        """The other one's picture."""
        return self.page.locator("video[data-seen]")

    async def enter_as_guest(self, name: str) -> None:
        """Age, terms, and in."""
        page = self.page
        await page.get_by_label("Name (if you like)").fill(name)
        await page.get_by_label("I am 18 or older.").check()
        await page.get_by_label("I accept the terms of use.").check()
        await self.button("Continue as guest").click()
        await expect(page.get_by_role("heading", name="Ready when you are")).to_be_visible(timeout=STEP_MS)

    async def find(self) -> None:
        """Press start."""
        await self.page.get_by_role("button", name="Find someone").filter(visible=True).click()

    async def connected(self) -> None:
        """Wait until the stranger's own picture is on the screen."""
        await expect(self.call).to_have_attribute("data-call", "connected", timeout=STEP_MS)
        await expect(self.stranger).to_have_attribute("data-seen", "true", timeout=STEP_MS)

    async def ended(self) -> None:
        """Wait for the end."""
        await expect(self.call).to_have_attribute("data-call", "ended", timeout=STEP_MS)

    async def show_chat(self) -> Locator:
        """The message field, opened where it is not."""
        field = self.page.get_by_label("Message", exact=True)
        if not await field.is_visible():
            await self.page.get_by_role("button", name=re.compile("^Chat")).click()
        return field

    async def say(self, text: str) -> None:
        """Write a line and send it with Enter."""
        field = await self.show_chat()
        await field.fill(text)
        await field.press("Enter")

    async def frames(self) -> int:
        """Frames of the stranger's picture that were decoded and shown so far."""
        return int(await self.stranger.evaluate("v => v.getVideoPlaybackQuality().totalVideoFrames"))

    async def pixels(self) -> str:
        """A small copy of the stranger's picture, to compare."""
        return str(
            await self.stranger.evaluate(
                """v => {
                    const c = document.createElement("canvas");
                    [c.width, c.height] = [32, 18];
                    const pen = c.getContext("2d");
                    pen.drawImage(v, 0, 0, 32, 18);
                    return Array.from(pen.getImageData(0, 0, 32, 18).data).join();
                }"""
            )
        )

    async def moving(self) -> None:
        """The picture is one that changes: frames are decoded, and their pixels differ."""
        first = await self.pixels()
        await self.until(
            "document.querySelector('video[data-seen]').getVideoPlaybackQuality().totalVideoFrames > given",
            await self.frames() + 5,
        )
        assert await self.pixels() != first

    async def until(self, condition: str, given: object = None) -> None:
        """Wait for a JavaScript condition (on ``given``). Not ``wait_for_function``: it evaluates in the
        page, which the page's policy forbids."""
        async with asyncio.timeout(STEP_MS / 1000):
            await self.page.evaluate(
                f"async given => {{ while (!({condition})) await new Promise(r => setTimeout(r, 40)); }}",
                given,
            )

    async def loudness(self) -> float:
        """The loudest sample heard of the stranger within a second, from 0 to 1."""
        return float(
            await self.stranger.evaluate(
                """async v => {
                    const context = new AudioContext();
                    const analyser = context.createAnalyser();
                    context.createMediaStreamSource(v.srcObject).connect(analyser);
                    const samples = new Float32Array(analyser.fftSize);
                    // What was on its way before is not meant.
                    await new Promise(resolve => setTimeout(resolve, 500));
                    let loudest = 0;
                    const end = performance.now() + 1500;
                    while (performance.now() < end) {
                        await new Promise(requestAnimationFrame);
                        analyser.getFloatTimeDomainData(samples);
                        loudest = Math.max(loudest, ...samples.map(Math.abs));
                    }
                    await context.close();
                    return loudest;
                }"""
            )
        )

    async def sockets(self) -> int:
        """How many WebSockets the page has opened so far."""
        return int(await self.page.evaluate("watch.sockets.length"))

    async def legs(self) -> int:
        """How many connections to the relay the page has opened so far."""
        return int(await self.page.evaluate("watch.legs().length"))

    async def drop_socket(self) -> None:
        """Close the newest WebSocket under the client, as a network would."""
        await self.page.evaluate("watch.sockets.at(-1).close(4999)")

    async def notice(self, text: str) -> None:
        """Wait for a short piece of news."""
        await expect(self.page.locator("p").get_by_text(text).first).to_be_visible(timeout=STEP_MS)

    async def told(self, text: str | re.Pattern[str]) -> None:
        """Wait until a screen reader is told so."""
        await expect(self.page.get_by_role("status")).to_have_text(text, timeout=STEP_MS)
