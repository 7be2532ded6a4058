"""The operators' page on the real service, beside people who talk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.operator.desk import DeskPage, add_account
from tests.e2e.web.conftest import TEST_SECONDS, browser, built_client, house
from tests.e2e.web.house import House
from tests.e2e.web.service import WebService, web_service

__all__ = ["browser", "built_client", "desk", "house", "service"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[WebService]:
    async with web_service(tmp_path) as running:
        await add_account(tmp_path, "olga@example.org", "Olga", "operator")
        yield running


@pytest.fixture
async def desk(house: House) -> DeskPage:
    """Olga, logged in."""
    page = await DeskPage.arrive(house)
    await page.log_in("olga@example.org")
    return page
