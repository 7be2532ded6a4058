"""How a leg comes up: what it waits for in turn, and the reason when it does not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from relay.dtls.endpoint import DtlsError
from relay.engine.interface import SrtpKeys
from relay.errors import RelayError
from relay.leg import Leg


class NotBroughtUp(RelayError):
    """A leg got no keys; ``code`` is the reason that its closing gives."""

    def __init__(self, code: str) -> None:
        super().__init__(f"The connection did not come up: {code}.")
        self.code = code


@dataclass(slots=True)
class Steps:
    """What a leg's coming up waits for, in this order; set once each."""

    answered: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Something authenticated came from the browser, so that DTLS can be answered."""
    selected: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: bool = False
    """Whether the path fell silent on the way."""


async def bring_up(leg: Leg, steps: Steps, timeout_seconds: float) -> SrtpKeys:
    """From the offer to the keys. Raises :class:`NotBroughtUp`."""
    reason = "not_answered"
    try:
        async with asyncio.timeout(timeout_seconds):
            await steps.answered.wait()
            reason = "ice_failed"
            # A ClientHello may come before any nomination: the handshake need not wait for one.
            await steps.reached.wait()
            reason = "dtls_failed"
            assert leg.answer is not None
            keys = await leg.dtls.handshake(leg.answer.fingerprints)
            reason = "ice_failed"
            await steps.selected.wait()
    except (TimeoutError, DtlsError) as error:
        raise NotBroughtUp(reason) from error
    return keys
