from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.database import Database
from signaling.accounts.passwords import Passwords
from signaling.accounts.secrets import load_secrets
from signaling.accounts.service import Accounts
from signaling.settings import AuthSettings

# Imported for pytest, which finds fixtures in conftest files.
from tests.db.conftest import database
from tests.db.postgres import database_settings, postgres
from tests.signaling.accounts.people import QUICK_ARGON2, Clock

__all__ = ["accounts", "clock", "database", "database_settings", "passwords", "postgres"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    passwords = Passwords(2, 100, parameters=QUICK_ARGON2)
    yield passwords
    await passwords.close()


@pytest.fixture
def accounts(database: Database, passwords: Passwords, clock: Clock, tmp_path: Path) -> Accounts:
    return Accounts(database, passwords, load_secrets(tmp_path / "data"), AuthSettings(), now=clock)
