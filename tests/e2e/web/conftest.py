"""Fixtures of the web client's tests: the built client on the real service, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.e2e.web.browser import chromium
from tests.e2e.web.house import House
from tests.e2e.web.service import ROOT, WebService, web_service

TEST_SECONDS = 240
"""Two browsers, their encoders, a relay and whatever else runs share two cores."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hooks of a folder's conftest see every item, so only the own ones are marked."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.fixture(scope="session", autouse=True)
def built_client() -> None:
    """What is tested is what was built: a client that is older than its sources proves nothing."""
    web = ROOT / "web"
    index = web / "dist" / "index.html"
    assert index.exists(), "The web client is not built: npm --prefix web run build"
    newest = max(path.stat().st_mtime for path in (web / "src").rglob("*") if path.is_file())
    assert index.stat().st_mtime >= newest, "The built web client is stale: npm --prefix web run build"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[WebService]:
    async with web_service(tmp_path) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def house(browser: Browser, service: WebService) -> AsyncIterator[House]:
    async with House(browser, service.url) as open_house:
        yield open_house
