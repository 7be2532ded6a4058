"""Measure in the lab what every network must show, and print it as a table.

``python -m tests.lab.measure [--runs 20] [--only CASE ...] [--seconds 60] [--out build/lab.json]``, as root.
The tests of this folder check the same with limits three times as wide; the strict numbers are here. Each
run's values are on standard error as they come, and in the file of ``--out`` after each run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from playwright.async_api import Error as PlaywrightError

from tests.lab.cases import CASES, Case, Scope
from tests.lab.figures import Gathered, table
from tests.lab.town import town

ATTEMPTS_AFTER_FAILURES = 3
"""A case that fails so often in a row is given up; the others go on."""


class Progress:
    """Says each run on standard error, and keeps all that is known in a file."""

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self.gathered: list[Gathered] = []

    def begin(self, case: Case) -> Gathered:
        one = Gathered(case.name)
        self.gathered.append(one)
        return one

    def ran(self, one: Gathered, number: int, of: int, seconds: float) -> None:
        newest = ", ".join(
            f"{name} {values[-1]:.0f} {unit}" for (name, unit, _), values in one.values.items() if values
        )
        self._say(f"{one.case}: run {number} of {of}, {seconds:.0f} s: {newest or 'nothing'}")
        if self._out is not None:
            draft = self._out.with_suffix(".part")
            draft.write_text(as_json(self.gathered))
            draft.replace(self._out)

    def failed(self, one: Gathered, number: int, why: BaseException) -> None:
        words = (str(why) or type(why).__name__).splitlines()[0]
        one.failures.append(f"run {number}: {words}")
        self._say(f"{one.case}: run {number} failed: {words}")

    def _say(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def as_json(gathered: list[Gathered]) -> str:
    """All figures with all values."""
    cases = []
    for one in gathered:
        figures = [
            {**asdict(f), "met": f.met, "seen": one.values[f.figure, f.unit, f.must]} for f in one.figures()
        ]
        cases.append({"case": one.case, "failures": one.failures, "figures": figures})
    return json.dumps(cases, indent=1, ensure_ascii=False) + "\n"


async def measure(case: Case, scope: Scope, progress: Progress, engine: str = "auto") -> None:
    """One case in a lab of its own with only the sites that it needs."""
    one = progress.begin(case)
    number = failures = 0
    with tempfile.TemporaryDirectory() as folder:
        async with town(Path(folder), *case.sites, engine=engine) as place:
            while number < scope.runs and failures < ATTEMPTS_AFTER_FAILURES:
                try:
                    async with case.prepare(place, scope) as run:
                        while number < scope.runs:
                            began = time.monotonic()
                            number += 1
                            await run(one)
                            failures = 0
                            progress.ran(one, number, scope.runs, time.monotonic() - began)
                except (AssertionError, TimeoutError, PlaywrightError) as why:
                    failures += 1
                    progress.failed(one, number, why)
                with contextlib.suppress(PlaywrightError):
                    await place.browsers.leave()


async def _all(chosen: argparse.Namespace, progress: Progress) -> None:
    for name in chosen.only or CASES:
        await measure(CASES[name], Scope(chosen.runs, chosen.seconds), progress, chosen.engine)


def main() -> None:
    """See the module."""
    arguments = argparse.ArgumentParser(prog="python -m tests.lab.measure", description=__doc__)
    arguments.add_argument("--runs", type=int, default=20, help="of each case")
    arguments.add_argument("--seconds", type=float, default=60.0, help="of one call over the bad line")
    arguments.add_argument("--only", nargs="+", choices=list(CASES), default=[], metavar="CASE",
                           help=f"some of: {', '.join(CASES)}")  # fmt: skip
    arguments.add_argument("--engine", choices=("auto", "native", "python"), default="auto")
    arguments.add_argument("--out", type=Path, help="a file that has all values after each run")
    arguments.add_argument("--json", action="store_true", help="print all values instead of the table")
    chosen = arguments.parse_args()
    if os.geteuid() != 0:
        sys.exit("The lab needs root, because it makes network namespaces: run it as root on Linux.")
    if chosen.out is not None:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
    progress = Progress(chosen.out)
    try:
        asyncio.run(_all(chosen, progress))
    finally:
        sys.stdout.write(as_json(progress.gathered) if chosen.json else table(progress.gathered) + "\n")


if __name__ == "__main__":
    main()
