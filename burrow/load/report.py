"""What a load showed: plain numbers, and which of the two ends they are the limit of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

LATE_SHARE = 0.01
"""With more late frames than this the generator was the limit."""
BUSY_SHARE = 0.9
"""And with more than this of all cores busy with it."""


class Percentiles(msgspec.Struct, frozen=True):
    """Of nothing all are 0."""

    median: float
    p95: float
    p99: float


class LoadReport(msgspec.Struct, frozen=True):
    """Times in the unit of their names; packets and shares from the first call's start to the end."""

    calls: int
    connected: int
    success: float
    """Share of the calls that connected and lasted to the end."""
    failures: dict[str, int]
    """Users by where and why they failed."""
    sign_in_ms: Percentiles
    leg_ms: Percentiles
    """From asking for a leg to its being connected: ICE and DTLS."""
    connect_ms: Percentiles
    """From being matched, with the leg up, to media flowing."""
    latency_ms: Percentiles
    """From one far end to the other through the relay."""
    sent: int
    received: int
    loss: float
    worst_loss: float
    """Of the call with the most."""
    undecryptable: int
    refused: int
    """Packets that this machine's kernel did not take."""
    bit_rate: float
    """Bits a second that each leg got on average while all were held, RTP before protection."""
    seconds: float
    generator: str
    cores_used: float
    """By this process while all calls were held: signaling, handshakes and media."""
    cores: int
    late_frames: float
    """Share of the frames that left over 10 ms late or not at all."""
    limit: str | None
    """What this tool itself was the limit of, in a sentence; ``None``: it kept up."""


def percentiles(values: Iterable[float]) -> Percentiles:
    """By nearest rank."""
    ordered = sorted(values)
    return Percentiles(*(round(_rank(ordered, share), 1) for share in (50, 95, 99)))


def _rank(ordered: Sequence[float], percent: int) -> float:
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0.0


def limit_of(late_frames: float, cores_used: float, cores: int, refused: int) -> str | None:
    """Whether the numbers say as much about this tool as about the service."""
    if late_frames > LATE_SHARE:
        return (
            f"The generator did not keep up: {late_frames:.1%} of its frames left late or not at all. "
            "Loss and latency are partly its own; use fewer calls, the native wheel, or another machine."
        )
    if cores_used > cores * BUSY_SHARE:
        return (
            f"This tool used {cores_used:.1f} of the machine's {cores} cores, so it may have been the limit."
        )
    if refused:
        return f"The kernel of this machine refused {refused} packets of the generator."
    return None
