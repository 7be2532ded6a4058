"""What went wrong, or slowly, on the way to a picture: at which step, and at whose side."""

from __future__ import annotations

from dataclasses import dataclass

from signaling.core.network import ice_step
from signaling.core.side import Side
from signaling.messages import FailedStep, Network, RouteName

TROUBLES = 32
"""Kept for one match; later ones are counted in the service's tallies only."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """``side`` is ``None`` when it was nobody's alone. ``at_ms`` counts from the match."""

    step: FailedStep
    side: Side | None
    route: RouteName
    at_ms: int


def step_of_leg(reason: str, network: Network) -> FailedStep:
    """What the relay's reason for a closed or missing leg means."""
    match reason:
        case "no_answer" | "not_answered" | "no_shared_codec":
            return "signaling"
        case "ice_failed":
            return ice_step(network)
        case "dtls_failed":
            return "dtls"
        case "relay_full" | "relay_bit_rate":
            return "limit"
        case _:
            return "media_silent"


def step_of_direct(
    said: str | None, by: Side | None, described: tuple[bool, bool], networks: tuple[Network, Network]
) -> tuple[FailedStep, Side | None]:
    """At which step a direct attempt is late or has failed, and whose network looks like it. ``said``: the
    step that an end named; ``described``: which ends have sent a description."""
    if said == "dtls":
        return "dtls", by
    dumb = [side for side in Side if not described[side]]
    if dumb:
        return "signaling", dumb[0] if len(dumb) == 1 else None
    symmetric = [side for side in Side if networks[side].mapping == "symmetric"]
    return "ice_udp", symmetric[0] if len(symmetric) == 1 else None
