"""Fixtures of the lab."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Protocol

import pytest

from tests.lab.lab import Lab
from tests.lab.plan import Kind
from tests.lab.shaping import Conditions


class MakeLab(Protocol):
    def __call__(self, conditions: Mapping[str, Conditions] | None = None, **sites: Kind) -> Lab: ...


@pytest.fixture
def make_lab() -> Iterator[MakeLab]:
    """Builds labs: ``make_lab(a=Kind.CONE, b=Kind.SYMMETRIC)``. They end with the test."""
    with ExitStack() as stack:

        def make(conditions: Mapping[str, Conditions] | None = None, **sites: Kind) -> Lab:
            return stack.enter_context(Lab(sites, conditions))

        yield make
