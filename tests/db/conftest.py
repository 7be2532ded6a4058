from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.database import Database
from db.settings import DatabaseSettings

# Imported for pytest, which finds fixtures in conftest files.
from tests.db.postgres import database_settings, own_postgres, postgres

__all__ = ["database", "database_settings", "own_postgres", "postgres"]


@pytest.fixture
async def database(database_settings: DatabaseSettings, tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(database_settings, tmp_path / "data")
    yield database
    await database.close()
