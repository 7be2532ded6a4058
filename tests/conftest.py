"""Fixtures of scenarios and browser runs, and the packet engine that they run on (``tests/engines.py``)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests import service as service_module
from tests.engines import CHOICES, Engine, engines_of
from tests.service import RunningService, running_service

ENGINES = pytest.StashKey[tuple[Engine, ...]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine", choices=CHOICES, default=os.environ.get("BURROW_TEST_ENGINE", "auto"),
        help="packet engine of the service under test; both: what is marked media runs on each",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ENGINES] = engines_of(config.getoption("--engine"))


def pytest_report_header(config: pytest.Config) -> str:
    engines = config.stash[ENGINES]
    return f"packet engines: {', '.join(engines)}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    engines = metafunc.config.stash[ENGINES]
    if len(engines) > 1 and metafunc.definition.get_closest_marker("media") is not None:
        metafunc.parametrize("service_engine", engines, indirect=True)


@pytest.fixture(autouse=True)
def service_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine of every service that the test starts."""
    engine: Engine = getattr(request, "param", request.config.stash[ENGINES][0])
    monkeypatch.setattr(service_module, "engine", engine)
    return engine


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    """The service on embedded defaults."""
    async with running_service(tmp_path) as running:
        yield running
