"""The two sides of a match."""

from __future__ import annotations

import enum


class Side(enum.IntEnum):
    """``A`` waited longer. The value indexes pairs."""

    A = 0
    B = 1

    @property
    def other(self) -> Side:
        return Side.B if self is Side.A else Side.A
