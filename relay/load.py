"""How loaded a node is: what was measured over what this machine was found to carry.

Plain values; :mod:`relay.load_meter` makes them (docs/decisions/0110).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

LoadLevel = Literal["normal", "soft", "hard"]
"""``soft``: new matches spare the relay. ``hard``: no new leg is opened."""

LoadShare = Literal["packets", "cpu", "lag", "egress"]
"""What a share of the load is of."""


@dataclass(frozen=True, slots=True)
class NodeLimits:
    """What the operator lets the node take; can be changed while it runs."""

    soft: float
    """Stress from which on new matches spare the relay."""
    hard: float
    """Stress from which on new legs are refused (``relay_overloaded``). Not below ``soft``."""
    max_legs: int
    """Legs at once."""
    max_egress_bps: int
    """Bits per second sent by the node, 0 for no limit."""

    def problem(self) -> str | None:
        """Why these limits cannot be, in a sentence for people; ``None``: they can."""
        if not 0 < self.soft <= self.hard:
            return f"The soft limit ({self.soft:g}) must be over 0 and at most the hard one ({self.hard:g})."
        if self.max_legs < 0 or self.max_egress_bps < 0:
            return "A limit of legs or of bits per second cannot be less than 0."
        return None


@dataclass(frozen=True, slots=True)
class LoadReading:
    """One look at the node's load. ``stress`` is the largest of ``shares``: 1.0 is all that this machine
    was found to carry, and it may be more than that."""

    stress: float = 0.0
    level: LoadLevel = "normal"
    shares: dict[LoadShare, float] = field(default_factory=dict)
    """Each with what newly opened legs are expected to add."""
    packets_per_second: float = 0.0
    """Sent: what is forwarded, and the little that legs need beside it."""
    packets_capacity: float = 0.0
    """Forwarded packets per second at which this machine is taken to be full."""
    cpu: float = 0.0
    """CPU time of the process as a share of one core: 1.7 is one core and most of a second."""
    steal: float = 0.0
    """Share of the machine's CPU time that others took from it."""
    lag_ms: float = 0.0
    """How late the event loop runs what is due."""
    egress_bps: float = 0.0
    egress_cap_bps: int = 0
    """0: none is configured."""
    legs: int = 0
    opening: float = 0.0
    """Newly opened legs that are not in the measurement yet; each counts less and less."""
