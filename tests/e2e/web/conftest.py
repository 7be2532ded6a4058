"""Fixtures of the web client's tests: the built client on the real service, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.e2e.web.browser import chromium
from tests.e2e.web.house import House
from tests.e2e.web.service import WebService, web_service
from tests.web_build import check_built

TEST_SECONDS = 240
"""Two browsers, their encoders, a relay and whatever else runs share two cores."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hooks of a folder's conftest see every item, so only the own ones are marked."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.fixture(scope="session", autouse=True)
def built_client() -> None:
    check_built()


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
