"""Chat and typing of one match: what was said already, what awaits a receipt, who is typing."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

REMEMBERED_IDS = 512
"""Chat ids remembered per sender. An id older than that may be delivered again when repeated."""


@dataclass(slots=True)
class Voice:
    """What one side said. Ids map to the Unix time in milliseconds at which they were accepted."""

    said: OrderedDict[str, int] = field(default_factory=OrderedDict)
    undelivered: OrderedDict[str, None] = field(default_factory=OrderedDict)
    typing: bool = False

    def say(self, id_: str, at_ms: int) -> tuple[int, bool]:
        """When ``id_`` was first said, and whether that is now."""
        earlier = self.said.get(id_)
        if earlier is not None:
            return earlier, False
        self.said[id_] = at_ms
        self.undelivered[id_] = None
        if len(self.said) > REMEMBERED_IDS:
            forgotten = self.said.popitem(last=False)[0]
            self.undelivered.pop(forgotten, None)
        return at_ms, True

    def delivered(self, id_: str) -> bool | None:
        """``True`` for the first receipt, ``False`` for a repeated one, ``None`` for an unknown id."""
        if id_ in self.undelivered:
            del self.undelivered[id_]
            return True
        return False if id_ in self.said else None
