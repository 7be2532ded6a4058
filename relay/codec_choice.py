"""Whether two legs can be linked as they are, must be re-offered other codecs, or cannot be."""

from __future__ import annotations

from dataclasses import dataclass

from relay.door import Kind
from relay.sdp.table import Codec, codecs_of


@dataclass(frozen=True, slots=True)
class CodecChoice:
    """``possible`` is false when both have the track and share no codec. ``reoffer_a`` and ``reoffer_b``
    are the codecs of a new offer, ``None`` when the current one serves."""

    possible: bool
    reoffer_a: tuple[Codec, ...] | None = None
    reoffer_b: tuple[Codec, ...] | None = None


def choose_codecs(
    kind: Kind,
    current_a: tuple[int, ...],
    capable_a: tuple[int, ...],
    current_b: tuple[int, ...],
    capable_b: tuple[int, ...],
) -> CodecChoice:
    """Compare the payload types of a kind: ``current`` in the order of the last answer (the first one is
    sent), ``capable`` from the answer to the full offer. Empty: that leg has no such section."""
    if not (capable_a and capable_b and current_a and current_b):
        return CodecChoice(True)
    shared = set(capable_a) & set(capable_b)
    if not shared:
        return CodecChoice(False)
    if current_a[0] in current_b and current_b[0] in current_a:
        return CodecChoice(True)
    wanted = tuple(codec for codec in codecs_of(kind) if codec.payload_type in shared)
    types = {codec.payload_type for codec in wanted}
    return CodecChoice(
        True,
        None if set(current_a) == types else wanted,
        None if set(current_b) == types else wanted,
    )
