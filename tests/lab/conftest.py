"""Fixtures of the lab."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from typing import Protocol

import pytest
import pytest_asyncio

from tests.lab.lab import Lab
from tests.lab.plan import Kind
from tests.lab.shaping import Conditions
from tests.lab.town import Town
from tests.lab.town import town as open_town
from tests.web_build import check_built


class MakeLab(Protocol):
    def __call__(self, conditions: Mapping[str, Conditions] | None = None, **sites: Kind) -> Lab: ...


@pytest.fixture
def make_lab() -> Iterator[MakeLab]:
    """Builds labs: ``make_lab(a=Kind.CONE, b=Kind.SYMMETRIC)``. They end with the test."""
    with ExitStack() as stack:

        def make(conditions: Mapping[str, Conditions] | None = None, **sites: Kind) -> Lab:
            return stack.enter_context(Lab(sites, conditions))

        yield make


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def whole_town(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """One for all cases of the table: starting a browser takes longer than most of them."""
    check_built()
    async with open_town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="package")
async def town(whole_town: Town) -> AsyncIterator[Town]:
    """The same, with nobody in it at a test's begin and end."""
    yield whole_town
    await whole_town.browsers.leave()
