"""Who the tests deal with: quick hashes, a clock of their own, and what people send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import argon2

QUICK_ARGON2 = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "correct horse battery"
CONSENT: dict[str, Any] = {"age_confirmed": True, "terms_version": "2026-11"}


class Clock:
    """The time is what the test says."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def registration(email: str = "ann@example.org", **changes: Any) -> dict[str, Any]:
    return {"email": email, "password": PASSWORD, "name": "Ann", **CONSENT, **changes}
