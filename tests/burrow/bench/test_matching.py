"""The matchmaker's benchmark runs, reports, and shows that no step grows with the queue."""

from __future__ import annotations

import json

from burrow.bench import matching


def test_it_reports_every_population() -> None:
    result = matching.run(waiting=2_000, steps=200)
    names = {one.population for one in result.populations}
    assert len(names) == len(matching.POPULATIONS)
    lines = list(matching.report(result))
    assert all(any(name in line for line in lines) for name in names)
    parsed = json.loads(matching.to_json(result))
    assert {one["population"] for one in parsed["populations"]} == names
    friendly = result.populations[0]
    assert friendly.found == friendly.calls == 200
    assert friendly.matches_per_second is not None
    assert friendly.matches_per_second > 1_000


def test_steps_do_not_grow_with_the_queue() -> None:
    # Fifty times the users: a walk through the queue would take about fifty times as long.
    small = matching.run(waiting=1_000, steps=500)
    large = matching.run(waiting=50_000, steps=500)
    for few, many in zip(small.populations, large.populations, strict=True):
        for step in ("join", "leave", "match", "position"):
            before, after = getattr(few, step).p50_us, getattr(many, step).p50_us
            assert after < 10 * before + 20, (few.population, step, before, after)
