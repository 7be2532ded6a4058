"""The database's part of the configuration; ``config.toml`` explains each key."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class DatabaseSettings(Struct, frozen=True, forbid_unknown_fields=True):
    url: str = ""
    pool_size: Annotated[int, Meta(ge=1, le=1000)] = 10
    timeout_seconds: Annotated[float, Meta(gt=0, le=300)] = 3.0
    backlog_matches: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
