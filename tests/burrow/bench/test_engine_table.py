"""The table of the native engine's figures: what it drives really relays, and what it says of it."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from typer.testing import CliRunner

from burrow.cli import app
from relay.engine.choose import EngineMissingError, installed_engines

NATIVE = "native" in installed_engines()


def native_module(name: str) -> Any:
    return importlib.import_module(f"burrow.bench.{name}")


def test_rows_are_named_and_an_unknown_one_is_refused() -> None:
    listed, unknown = (CliRunner().invoke(app, ["bench", "engine", *rest]) for rest in (["--list"], ["fast"]))
    if not NATIVE:
        assert isinstance(listed.exception, EngineMissingError)
        return
    assert (listed.exit_code, unknown.exit_code) == (0, 1)
    assert "saturated" in listed.output
    assert "There is no row fast" in unknown.output
    assert "half-load" in unknown.output


@pytest.mark.parametrize("engine", ["native", "bare", "python", "coturn"] if NATIVE else ())
def test_every_relay_that_is_compared_forwards_what_it_is_sent(engine: str) -> None:
    """At a rate that none of them minds, also beside other work."""
    bench = native_module("relay_native")
    ((figures,),) = bench.compare([bench.Scenario(engine, legs=20, rate=1_000.0)], 1.0, 1)
    assert figures.loss < 0.02
    # A generator that is not let run sends less, never more.
    assert 100 < figures.packets_per_second < 1_100
    assert figures.limit == "rate"
    # The bare loop does not decrypt, so what comes from it is no leg's, and tells no latency.
    assert (figures.bad > 0) is (engine == "bare")
    assert (figures.latency_us_p50 > 0) is (engine != "bare")


def test_a_row_is_held_against_its_limit_and_the_bare_loop() -> None:
    if not NATIVE:
        return
    table = native_module("relay_table")
    row = table.Row("cost", "≤ 3 µs", 4.0, "µs", False, bare=3.2)
    assert (row.times_bare, row.where_set) == (1.25, 2.5)
    assert table.Row("rate", "≥ 5", 4.0, "/s", False, bare=8.0).where_set is None
