"""Which routes a match is planned with, and whose legs are opened before it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from signaling.core.matchmaker import Wish
from signaling.core.network import UNKNOWN, ice_step, is_strict
from signaling.core.route import (
    RELAY_AT_ONCE,
    Outlook,
    RoutePlan,
    leg_before_match,
    make_policy,
    relay_only,
)
from signaling.core.sentences import route_sentence
from signaling.core.side import Side
from signaling.messages import Network

DIRECT_FIRST = make_policy("direct-first", 0.6)
OPEN = Network(udp=True, tcp=True, mapping="open")
CONE = Network(udp=True, tcp=True, mapping="independent")
SYMMETRIC = Network(udp=True, tcp=True, mapping="symmetric")
BLOCKED = Network(udp=False, tcp=True)
ONLY_443 = Network(udp=False, tcp=False)


def user(network: Network = UNKNOWN, *, hide: bool = False, direct: bool = True) -> Outlook:
    return Outlook(Wish(hide_address=hide), direct, network)


WORKS = RoutePlan(direct=True, relay_after_seconds=0.6)
PLANS: list[tuple[Outlook, Outlook, RoutePlan]] = [
    (user(), user(), WORKS),
    (user(OPEN), user(CONE), WORKS),
    (user(CONE), user(CONE), WORKS),
    (user(SYMMETRIC), user(CONE), WORKS),
    (user(SYMMETRIC), user(OPEN), WORKS),
    (user(SYMMETRIC), user(), WORKS),
    (user(SYMMETRIC), user(SYMMETRIC), RoutePlan(False, 0.0, "both_symmetric")),
    (user(BLOCKED), user(OPEN), RoutePlan(False, 0.0, "udp_blocked", Side.A)),
    (user(OPEN), user(ONLY_443), RoutePlan(False, 0.0, "udp_blocked", Side.B)),
    (user(BLOCKED), user(ONLY_443), RoutePlan(False, 0.0, "udp_blocked", None)),
    (user(OPEN, hide=True), user(OPEN), RoutePlan(False, 0.0, "address_hidden")),
    (user(OPEN), user(BLOCKED, hide=True), RoutePlan(False, 0.0, "address_hidden")),
    (user(OPEN, direct=False), user(OPEN), RELAY_AT_ONCE),
    (user(OPEN), user(BLOCKED, hide=True, direct=False), RELAY_AT_ONCE),
]


@pytest.mark.parametrize(("a", "b", "plan"), PLANS)
def test_direct_first(a: Outlook, b: Outlook, plan: RoutePlan) -> None:
    assert DIRECT_FIRST(a, b) == plan
    if plan.reason is not None:
        for about in ("you", "stranger", None):
            assert route_sentence(plan.reason, about).endswith(".")


@pytest.mark.parametrize(("a", "b", "plan"), PLANS)
def test_relay_first_links_at_once_and_tries_what_may_work(a: Outlook, b: Outlook, plan: RoutePlan) -> None:
    made = make_policy("relay-first", 0.6)(a, b)
    assert made.relay_after_seconds == 0
    assert made.direct == plan.direct


def test_relay_only_never_tries() -> None:
    networks = (UNKNOWN, OPEN, CONE, SYMMETRIC, BLOCKED)
    for a, b, hide in itertools.product(networks, networks, (True, False)):
        assert make_policy("relay-only", 0.6)(user(a, hide=hide), user(b)) == RELAY_AT_ONCE


def test_what_hides_never_says_who() -> None:
    one = DIRECT_FIRST(user(OPEN, hide=True), user(OPEN))
    other = DIRECT_FIRST(user(OPEN), user(OPEN, hide=True))
    assert one == other
    assert one.side is None


@pytest.mark.parametrize(
    ("legs", "policy", "outlook", "opened"),
    [
        ("always", DIRECT_FIRST, user(OPEN), True),
        ("always", relay_only, user(direct=False), True),
        ("never", relay_only, user(BLOCKED), False),
        ("never", DIRECT_FIRST, user(SYMMETRIC), False),
        ("strict", DIRECT_FIRST, user(), False),
        ("strict", DIRECT_FIRST, user(OPEN), False),
        ("strict", DIRECT_FIRST, user(CONE), False),
        ("strict", DIRECT_FIRST, user(SYMMETRIC), True),
        ("strict", DIRECT_FIRST, user(BLOCKED), True),
        ("strict", DIRECT_FIRST, user(OPEN, hide=True), True),
        ("strict", DIRECT_FIRST, user(OPEN, direct=False), True),
        ("strict", relay_only, user(OPEN), True),
        ("strict", make_policy("relay-first", 0.6), user(OPEN), True),
    ],
)
def test_legs_before_matches(legs: Any, policy: Any, outlook: Outlook, opened: bool) -> None:
    assert leg_before_match(legs, policy, outlook) is opened


@pytest.mark.parametrize(
    ("network", "strict", "step"),
    [
        (UNKNOWN, False, "ice_udp"),
        (OPEN, False, "ice_udp"),
        (SYMMETRIC, True, "ice_udp"),
        (BLOCKED, True, "ice_tcp"),
        (Network(udp=False), True, "ice_tcp"),
        (ONLY_443, True, "ice_tls"),
    ],
)
def test_what_a_network_check_says(network: Network, strict: bool, step: str) -> None:
    assert is_strict(network) is strict
    assert ice_step(network) == step
