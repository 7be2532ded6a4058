from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

# Imported for pytest, which finds fixtures in conftest files.
from tests.db.postgres import own_postgres
from tests.signaling.http.service import Service, running

__all__ = ["own_postgres", "service"]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with running(tmp_path / "data") as service:
        yield service
