"""The figures, and that one bad run is told and does not end the others."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.lab.cases import CASES, Case, Run, Scope
from tests.lab.figures import Gathered, figure, table
from tests.lab.measure import Progress, measure
from tests.lab.town import SITES, Town


def test_percentile_is_a_value_that_was_seen() -> None:
    twenty = figure("case", "what", "ms", [float(n) for n in range(20, 0, -1)], 19)
    assert (twenty.median, twenty.p95, twenty.values, twenty.met) == (10.5, 19.0, 20, True)
    one = figure("case", "what", "ms", [7.0], 6)
    assert (one.median, one.p95, one.met) == (7.0, 7.0, False)


def test_table_says_what_was_missed_and_what_failed() -> None:
    good, bad = Gathered("a"), Gathered("b", failures=["run 2: no picture"])
    good.add("gap", "ms", 3000, 2500.0)
    bad.add("gap", "ms", 3000, 3500.0)
    rows = table([good, bad]).splitlines()
    assert rows[2].endswith("| 1 | met |")
    assert rows[3].endswith("| 1 | missed |")
    assert rows[4] == "| b | runs that failed | | | | 1 | missed |"


def test_every_case_is_on_sites_that_there_are() -> None:
    assert len({case.name for case in CASES.values()}) == len(CASES)
    for case in CASES.values():
        assert set(case.sites) <= set(SITES), case.name


async def test_a_run_that_fails_is_told_and_the_next_begins_afresh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared = 0

    @contextlib.asynccontextmanager
    async def prepare(town: Town, _scope: Scope) -> AsyncIterator[Run]:
        nonlocal prepared
        prepared += 1
        assert set(town.lab.sites) == {"open_a"}

        async def run(gathered: Gathered) -> None:
            if prepared == 1:
                raise TimeoutError("no picture")
            gathered.add("first frame", "ms", 100, 42.0)

        yield run

    out = tmp_path / "lab.json"
    progress = Progress(out)
    await measure(Case("a case", ("open_a",), prepare), Scope(runs=3), progress)
    (gathered,) = progress.gathered
    assert gathered.failures == ["run 1: no picture"]
    (kept,) = json.loads(out.read_text())
    assert kept["figures"][0]["seen"] == [42.0, 42.0]
    told = capsys.readouterr().err
    assert "a case: run 1 failed: no picture" in told
    assert "a case: run 3 of 3" in told
