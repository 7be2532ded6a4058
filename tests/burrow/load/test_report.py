"""The numbers of a load, and when it says that it was itself the limit."""

from __future__ import annotations

import pytest

from burrow.load.report import Percentiles, limit_of, percentiles


def test_percentiles_are_by_nearest_rank() -> None:
    assert percentiles(range(1, 101)) == Percentiles(50, 95, 99)
    assert percentiles([7.04]) == Percentiles(7.0, 7.0, 7.0)
    assert percentiles([3, 1, 2]) == Percentiles(2, 3, 3)
    assert percentiles([]) == Percentiles(0, 0, 0)


@pytest.mark.parametrize(
    ("late", "used", "refused", "said"),
    [
        (0.0, 0.5, 0, None),
        (0.01, 1.8, 0, None),
        (0.011, 0.1, 0, "1.1% of its frames"),
        (0.0, 1.81, 0, "1.8 of the machine's 2 cores"),
        (0.0, 0.1, 5, "refused 5 packets"),
    ],
)
def test_what_was_the_limit_is_said(late: float, used: float, refused: int, said: str | None) -> None:
    limit = limit_of(late, used, 2, refused)
    assert limit is None if said is None else limit is not None and said in limit
