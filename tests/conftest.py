"""Fixtures of scenarios and browser runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service import RunningService, running_service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    """The service on embedded defaults."""
    async with running_service(tmp_path) as running:
        yield running
