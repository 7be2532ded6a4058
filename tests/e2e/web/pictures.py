"""``python -m tests.e2e.web.pictures FOLDER``: a picture of each screen, desktop and phone, light and dark.

Also in Arabic, from right to left. Each picture shows the real page on the real service, with a second
browser as the stranger.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.e2e.web.browser import FAKE_DEVICES, chromium, context_of
from tests.e2e.web.faces import ADA, BEA, Look, write_face
from tests.e2e.web.house import WATCH
from tests.e2e.web.person import Person
from tests.e2e.web.service import web_service

LOOKS = (
    ("desktop-light", False, False),
    ("desktop-dark", False, True),
    ("phone-light", True, False),
    ("phone-dark", True, True),
)
SETTLE_MS = 700
"""For transitions to end, so that a picture shows what one then sees."""


PLAIN_NAMES = """
    const names = {videoinput: "Built-in camera", audioinput: "Built-in microphone", audiooutput: "Speakers"};
    Object.defineProperty(MediaDeviceInfo.prototype, "label", {get() { return names[this.kind]; }});
"""
"""The fake devices are called after the files they play."""


class Album:
    """The folder, and one look."""

    def __init__(self, folder: Path, look: str) -> None:
        self._folder, self._look = folder, look

    async def take(self, person: Person, screen: str) -> None:
        """Write one picture of what is in the window."""
        await person.page.wait_for_timeout(SETTLE_MS)
        await person.page.screenshot(path=self._folder / f"{screen}-{self._look}.png")


async def every_screen(
    browser: Browser, other: Browser, url: str, album: Album, *, phone: bool, dark: bool
) -> None:
    """Walk from the first page to the end of a talk."""
    ada_context = await context_of(browser, phone=phone, dark=dark)
    bea_context = await context_of(other)
    await ada_context.add_init_script(PLAIN_NAMES)
    await bea_context.add_init_script(WATCH)
    try:
        ada = await Person.arrive(ada_context, url)
        await album.take(ada, "01-entry")
        await ada.page.get_by_role("tab", name="Register").click()
        await ada.button("Make account").click()
        await album.take(ada, "02-register-faults")
        await ada.page.get_by_role("tab", name="Guest").click()
        await ada.button("terms of use").click()
        await album.take(ada, "03-terms")
        await ada.button("Close").click()
        await ada.enter_as_guest("Ada")
        await expect(ada.page.get_by_text("Your network is ready.")).to_be_visible(timeout=20_000)
        await expect(ada.page.get_by_text("We hear you.")).to_be_visible(timeout=20_000)
        interests = ada.page.get_by_label("Interests")
        for interest in ("chess", "baking", "mountains"):
            await interests.fill(interest)
            await interests.press("Enter")
        await ada.page.get_by_label("Languages you speak").select_option("en")
        await ada.page.mouse.wheel(0, -5000)
        await album.take(ada, "04-lobby")
        await ada.page.get_by_text("Your network is ready.").click()
        await ada.button("Copy report").scroll_into_view_if_needed()
        await album.take(ada, "05-lobby-network")
        await ada.find()
        await album.take(ada, "06-finding")

        bea = await Person.in_lobby(bea_context, url, "Bea")
        for interest in ("chess", "sailing"):
            await bea.page.get_by_label("Interests").fill(interest)
            await bea.page.get_by_label("Interests").press("Enter")
        await bea.find()
        await ada.connected()
        await bea.connected()
        await expect(ada.page.locator("[data-grade]")).to_be_visible(timeout=15_000)
        await album.take(ada, "07-call")
        await bea.say("Hi! Do you play the Sicilian?")
        await ada.say("Now and then 😀 Mostly the French.")
        await bea.say("Here is a good study: https://example.org/studies/french?move=3")
        await (await bea.show_chat()).press_sequentially("And ")
        await ada.show_chat()
        await expect(ada.page.locator("[data-typing]")).to_be_visible(timeout=5_000)
        await album.take(ada, "08-chat")
        await ada.button("Emoji").click()
        await expect(ada.page.get_by_role("gridcell").first).to_be_visible(timeout=15_000)
        await album.take(ada, "09-emoji")
        await ada.page.keyboard.press("Escape")
        await ada.page.get_by_text("https://example.org/studies").first.click()
        await album.take(ada, "10-link")
        await ada.button("Cancel").click()
        if phone:
            await ada.button("Close chat").click()
        await ada.button("Picture and volume").click()
        await album.take(ada, "11-settings")
        await ada.page.keyboard.press("Escape")
        await ada.button("More").click()
        await ada.button("Report…").click()
        await album.take(ada, "12-report")
        await ada.button("Close").click()
        await ada.page.keyboard.press("Escape")
        await album.take(ada, "13-esc-armed")
        await bea.button("Turn camera off").click()
        await bea.button("Mute microphone").click()
        await expect(ada.page.locator("[data-camera-off]")).to_be_visible(timeout=15_000)
        await expect(ada.page.locator("[data-esc-armed]")).to_have_count(0)
        await album.take(ada, "14-camera-off")
        await bea.button("Turn camera on").click()
        await expect(ada.page.locator("[data-camera-off]")).to_have_count(0, timeout=15_000)
        await bea.page.evaluate("watch.carrying().close()")
        await ada.notice("The relay carries the talk now.")
        await album.take(ada, "15-relayed")
        await bea.button("Next").click()
        await ada.ended()
        await album.take(ada, "16-ended")
    finally:
        await ada_context.close()
        await bea_context.close()


async def right_to_left(browser: Browser, url: str, album: Album, *, phone: bool) -> None:
    """The first page and the lobby in Arabic."""
    context = await context_of(browser, phone=phone, locale="ar")
    try:
        person = await Person.arrive(context, url)
        await album.take(person, "20-entry-arabic")
        for box in await person.page.get_by_role("checkbox").all():
            await box.check()
        await person.page.locator("form button[type=submit]").click()
        await expect(person.page.locator("[data-verdict=good]")).to_be_visible(timeout=20_000)
        await album.take(person, "21-lobby-arabic")
    finally:
        await context.close()


async def no_devices(browser: Browser, url: str, album: Album, *, phone: bool) -> None:
    """The lobby where neither camera nor microphone may be used or found."""
    context = await context_of(browser, phone=phone)
    try:
        person = await Person.in_lobby(context, url, "Ada")
        await expect(person.page.locator("[data-problem]")).to_have_count(2)
        await album.take(person, "22-lobby-no-devices")
    finally:
        await context.close()


@asynccontextmanager
async def face(folder: Path, name: str, look: Look) -> AsyncIterator[Browser]:
    """A browser whose camera sees a drawn person."""
    film = folder / f"{name}.y4m"
    await asyncio.to_thread(write_face, look, film)
    async with chromium((*FAKE_DEVICES, f"--use-file-for-fake-video-capture={film}")) as browser:
        yield browser


async def main(folder: Path) -> None:
    """All pictures, into ``folder``, which is there."""
    with tempfile.TemporaryDirectory() as data_dir:
        async with web_service(Path(data_dir), ROUTES_RELAY_AFTER_MS="20000") as service:
            async with face(Path(data_dir), "ada", ADA) as browser, face(Path(data_dir), "bea", BEA) as other:
                for look, phone, dark in LOOKS:
                    album = Album(folder, look)
                    await every_screen(browser, other, service.url, album, phone=phone, dark=dark)
                for look, phone in (("desktop", False), ("phone", True)):
                    await right_to_left(browser, service.url, Album(folder, look), phone=phone)
            async with chromium(flags=()) as browser:
                for look, phone in (("desktop", False), ("phone", True)):
                    await no_devices(browser, service.url, Album(folder, look), phone=phone)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "build/pictures")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
