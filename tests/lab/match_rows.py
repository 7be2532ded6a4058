"""A match's row, as an operator finds it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

WAIT_SECONDS = 15.0
LOOK_SECONDS = 0.05
LISTS = ("routes", "route_changes", "troubles", "direct_stats")


async def matched_row(folder: Path, match: str) -> dict[str, Any]:
    """The row of a match that has ended or is about to; the service in ``folder`` writes it when it can."""
    async with asyncio.timeout(WAIT_SECONDS):
        while (row := await asyncio.to_thread(_read, folder / "data" / "burrow.sqlite3", match)) is None:  # noqa: ASYNC110  # as below
            await asyncio.sleep(LOOK_SECONDS)  # another process writes it
    return row


def _read(file: Path, match: str) -> dict[str, Any] | None:
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        database.row_factory = sqlite3.Row
        found = database.execute(
            "SELECT * FROM matches WHERE id = ? AND ended_at IS NOT NULL", (match,)
        ).fetchone()
    finally:
        database.close()
    if found is None:
        return None
    row = dict(found)
    return {**row, **{name: json.loads(row[name]) for name in LISTS if row[name] is not None}}
