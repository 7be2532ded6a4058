"""The people of one test: each with an own browser profile, and all gone at its end."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from playwright.async_api import Browser, BrowserContext

from tests.e2e.web.browser import context_of
from tests.e2e.web.person import Person

WATCH = (Path(__file__).parent / "watch.js").read_text(encoding="utf-8")


class House:
    """Lets people in. ``script`` runs in a page before its own."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.url = url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for context in self._contexts:
            await context.close()

    async def visitor(
        self,
        *,
        script: str = "",
        phone: bool = False,
        dark: bool = False,
        locale: str = "en-GB",
        reduced_motion: bool = False,
    ) -> Person:
        """Somebody on the first page."""
        context = await context_of(
            self._browser, phone=phone, dark=dark, locale=locale, reduced_motion=reduced_motion
        )
        self._contexts.append(context)
        await context.add_init_script(WATCH + script)
        return await Person.arrive(context, self.url)

    async def guest(self, name: str, *, script: str = "", phone: bool = False, dark: bool = False) -> Person:
        """Somebody in the lobby."""
        person = await self.visitor(script=script, phone=phone, dark=dark)
        await person.enter_as_guest(name)
        return person

    async def pair(
        self, *, script: str = "", phone: bool = False, dark: bool = False
    ) -> tuple[Person, Person]:
        """Ada and Bea in a talk; ``script``, ``phone`` and ``dark`` are Ada's."""
        ada = await self.guest("Ada", script=script, phone=phone, dark=dark)
        bea = await self.guest("Bea")
        await ada.find()
        await bea.find()
        await ada.connected()
        await bea.connected()
        return ada, bea
