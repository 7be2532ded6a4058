from __future__ import annotations

from tests.lab.measure import figure, table


def test_percentile_is_a_value_that_was_seen() -> None:
    twenty = figure("case", "what", "ms", [float(n) for n in range(20, 0, -1)], 19)
    assert (twenty.median, twenty.p95, twenty.values, twenty.met) == (10.5, 19.0, 20, True)
    one = figure("case", "what", "ms", [7.0], 6)
    assert (one.median, one.p95, one.met) == (7.0, 7.0, False)


def test_table_says_what_was_missed() -> None:
    rows = table(
        [figure("a", "gap", "ms", [2500.0], 3000), figure("b", "gap", "ms", [3500.0], 3000)]
    ).splitlines()
    assert rows[2].endswith("| 1 | met |")
    assert rows[3].endswith("| 1 | missed |")
