"""What a measurement gathered: values by case and figure, their percentiles, and the table of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: ``must`` is the limit of the 95th percentile in ``unit``."""

    case: str
    figure: str
    unit: str
    median: float
    p95: float
    must: float
    values: int

    @property
    def met(self) -> bool:
        return self.p95 <= self.must


def figure(case: str, name: str, unit: str, values: list[float], must: float) -> Figure:
    """Summarise ``values``, of which there is at least one. The 95th percentile is a value that was seen."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)]
    return Figure(case, name, unit, statistics.median(ordered), p95, must, len(ordered))


def _said(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


@dataclass(slots=True)
class Gathered:
    """One case's values, each named figure with its unit and limit, and the runs that gave none."""

    case: str
    values: dict[tuple[str, str, float], list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, must: float, *values: float) -> None:
        self.values.setdefault((name, unit, must), []).extend(values)

    def figures(self) -> list[Figure]:
        return [
            figure(self.case, name, unit, values, must)
            for (name, unit, must), values in self.values.items()
            if values
        ]


def table(gathered: list[Gathered]) -> str:
    """As Markdown. A case with failed runs has missed whatever its figures say."""
    lines = ["| case | figure | median | 95th | must | values | |", "|---|---|---|---|---|---|---|"]
    for one in gathered:
        for f in one.figures():
            cells = [f.case, f.figure, f"{_said(f.median)} {f.unit}", f"{_said(f.p95)} {f.unit}"]
            cells += [f"≤ {f.must:g} {f.unit}", str(f.values), "met" if f.met else "missed"]
            lines.append(f"| {' | '.join(cells)} |")
        if one.failures:
            lines.append(f"| {one.case} | runs that failed | | | | {len(one.failures)} | missed |")
    return "\n".join(lines)
