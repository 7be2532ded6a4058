from __future__ import annotations

# Imported for pytest, which finds fixtures in conftest files.
from tests.db.postgres import own_postgres

__all__ = ["own_postgres"]
