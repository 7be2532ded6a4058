"""Which packet engine the service under test runs, and what of it runs on both.

``pytest --engine native|python|both`` or BURROW_TEST_ENGINE says; ``both`` runs what is marked ``media`` on
each engine and everything else on the native one. Left out it is the native one where its wheel is
installed, and ``both`` in CI.
"""

from __future__ import annotations

import os
from typing import Literal

import pytest

from relay.engine.choose import installed_engines

Engine = Literal["native", "python"]
CHOICES = ("auto", "native", "python", "both")


def engines_of(choice: str) -> tuple[Engine, ...]:
    """The engines to run on, the first one for what runs on one only.

    Raises :class:`pytest.UsageError` for an engine that is not installed: a test that silently ran on another
    one would prove nothing.
    """
    if choice not in CHOICES:
        raise pytest.UsageError(f"BURROW_TEST_ENGINE={choice}: there are {', '.join(CHOICES)}.")
    if choice == "auto":
        if os.environ.get("CI") == "true":
            choice = "both"
        else:
            return ("native",) if "native" in installed_engines() else ("python",)
    if choice == "python":
        return ("python",)
    if "native" not in installed_engines():
        raise pytest.UsageError(
            f"The tests are to run on {choice}, and the native engine is not installed. Build it with "
            "deploy/setup-native, which needs a Rust toolchain, or choose --engine python."
        )
    return ("native",) if choice == "native" else ("native", "python")
