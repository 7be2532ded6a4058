from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

# Imported for pytest, which finds fixtures in conftest files.
from tests.db.postgres import own_postgres
from tests.signaling.operators.desk import Desk, desk

__all__ = ["here", "own_postgres"]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(tmp_path / "data") as running:
        yield running
