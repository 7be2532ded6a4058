"""What an operator does on the page, in its own words."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from playwright.async_api import Locator, expect

from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS, Person
from tests.e2e.web.service import ROOT

PASSWORD = "correct horse battery"


async def add_account(folder: Path, email: str, name: str, role: str) -> None:
    """By the command line, as whoever owns the machine does; ``folder`` is the service's."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("BURROW_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "burrow.cli", "user", "add", email, "--name", name, "--role", role,
        "--password-file", "-", cwd=folder, env={**own, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await process.communicate(f"{PASSWORD}\n".encode())
    assert process.returncode == 0


class DeskPage:
    """The page ``/operator`` and who sits before it."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.page = person.page

    @classmethod
    async def arrive(cls, house: House, *, phone: bool = False, dark: bool = False) -> DeskPage:
        person = await house.visitor(phone=phone, dark=dark)
        person.console.clear()
        await person.page.goto(f"{house.url}/operator")
        return cls(person)

    async def try_to_log_in(self, email: str) -> None:
        await self.page.get_by_label("Email address").fill(email)
        await self.page.get_by_label("Password").fill(PASSWORD)
        await self.button("Log in").click()

    async def log_in(self, email: str) -> None:
        await self.try_to_log_in(email)
        await expect(self.page.locator("[data-feed=live]")).to_be_visible(timeout=STEP_MS)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    async def confirm(self, name: str) -> None:
        """Press what does it, in the dialog."""
        await self.dialog.get_by_role("button", name=name, exact=True).click()
        await expect(self.dialog).to_have_count(0, timeout=STEP_MS)

    async def go(self, name: str) -> None:
        """To one of the pages."""
        await self.page.get_by_role("link", name=name, exact=True).click()

    @property
    def calls(self) -> Locator:
        """The links to calls in progress."""
        return self.page.locator("a[data-match]")

    async def points(self) -> int:
        """How many points the first chart draws."""
        return int(await self.page.locator("[data-points]").first.get_attribute("data-points") or 0)

    async def drawing(self) -> str:
        """What the first chart looks like."""
        return str(await self.page.locator("[data-points] canvas").nth(1).evaluate("c => c.toDataURL()"))
