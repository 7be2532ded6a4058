"""Which routes a match tries, and when: the one place where that is decided.

A policy looks at what is known of both users and makes a plan; the match coordinator keeps to the plan and
to nothing else. Reasons are told to both users and stand in the match's record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from signaling.core.matchmaker import Wish
from signaling.core.network import UNKNOWN, is_strict
from signaling.core.rules import LegPolicy
from signaling.core.side import Side
from signaling.messages import Network

PolicyName = Literal["direct-first", "relay-first", "relay-only"]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of one user when a match begins."""

    wish: Wish
    direct: bool = False
    """Whether the client can do the direct route at all."""
    network: Network = UNKNOWN


@dataclass(frozen=True, slots=True)
class RoutePlan:
    direct: bool
    """Whether the two browsers try each other."""
    relay_after_seconds: float
    """The legs are linked this long after the match, unless a direct route is up by then."""
    reason: str | None = None
    """Why there is no direct attempt, where that is worth telling."""
    side: Side | None = None
    """Whose side ``reason`` is about."""
    warm: bool = True
    """Whether legs are opened beside a direct attempt, so that the relay is ready when it is needed."""


RoutePolicy = Callable[[Outlook, Outlook], RoutePlan]
RELAY_AT_ONCE = RoutePlan(direct=False, relay_after_seconds=0.0)


def relay_only(_a: Outlook, _b: Outlook) -> RoutePlan:
    """No direct attempt, the relay at once; no address of either user reaches the other."""
    return RELAY_AT_ONCE


def make_policy(name: PolicyName, relay_after_seconds: float) -> RoutePolicy:
    """The policy of this name (``config.toml``, section ``routes``)."""
    if name == "relay-only":
        return relay_only
    relay_after = 0.0 if name == "relay-first" else relay_after_seconds

    def policy(a: Outlook, b: Outlook) -> RoutePlan:
        return predict(a, b) or RoutePlan(direct=True, relay_after_seconds=relay_after)

    return policy


def spare_relay(plan: RoutePlan, relay_after_seconds: float) -> RoutePlan:
    """The plan of a match that begins while the relay has much to carry: where a direct attempt is made at
    all it has longer, and no leg is opened before it has failed."""
    if not plan.direct:
        return plan
    later = max(plan.relay_after_seconds, relay_after_seconds)
    return replace(plan, relay_after_seconds=later, warm=False)


def predict(a: Outlook, b: Outlook) -> RoutePlan | None:
    """The plan of a match in which a direct attempt may not be made or cannot work; ``None``: it may."""
    both = (a, b)
    if not (a.direct and b.direct):
        return RELAY_AT_ONCE
    if a.wish.hide_address or b.wish.hide_address:
        # Never says whose wish it is.
        return RoutePlan(False, 0.0, "address_hidden")
    blocked = [side for side in Side if both[side].network.udp is False]
    if blocked:
        return RoutePlan(False, 0.0, "udp_blocked", blocked[0] if len(blocked) == 1 else None)
    if a.network.mapping == b.network.mapping == "symmetric":
        # Neither can tell the other the address from which it will send (RFC 5128 section 3.4).
        return RoutePlan(False, 0.0, "both_symmetric")
    return None


def leg_before_match(legs: LegPolicy, policy: RoutePolicy, outlook: Outlook) -> bool:
    """Whether a user's leg is opened before there is a match."""
    if legs == "strict":
        # With the friendliest stranger there could be: whoever begins with the relay even then needs it.
        plan = policy(outlook, Outlook(Wish(), direct=True, network=Network(mapping="open")))
        return plan.relay_after_seconds <= 0 or is_strict(outlook.network)
    return legs == "always"
