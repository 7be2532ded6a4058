from __future__ import annotations

import ipaddress
from itertools import combinations

import pytest

from tests.lab import plan
from tests.lab.filters import filter_rules, mapping_rule
from tests.lab.plan import Kind, site_plan

PUBLIC = [ipaddress.ip_network(n) for n in ("198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")]
PRIVATE = ipaddress.ip_network("10.0.0.0/8")


@pytest.mark.parametrize("kind", Kind)
def test_addresses_are_test_addresses_and_fit_their_networks(kind: Kind) -> None:
    for index in range(1, plan.MOST_SITES + 1):
        site = site_plan(kind, index)
        inside = ipaddress.ip_network(site.inside_prefix)
        uplink = ipaddress.ip_network(f"{site.net}/{site.uplink_prefix_length}", strict=False)
        assert inside.prefixlen == site.lan_prefix_length
        for address in map(ipaddress.ip_address, (site.lan, site.client, site.client_next)):
            assert address in inside
            assert (address in PRIVATE) == (kind not in (Kind.OPEN, Kind.IPV6_ONLY))
        for address in map(ipaddress.ip_address, (site.net, site.outside, site.outside_next)):
            assert address in uplink
            assert any(address in network for network in PUBLIC if network.version == address.version)


def test_networks_of_a_lab_never_overlap() -> None:
    for kind in Kind:
        networks = []
        for index in range(1, plan.MOST_SITES + 1):
            site = site_plan(kind, index)
            networks.append(ipaddress.ip_network(site.inside_prefix))
            networks.append(ipaddress.ip_network(f"{site.net}/{site.uplink_prefix_length}", strict=False))
        assert not any(a.overlaps(b) for a, b in combinations(networks, 2))


def test_more_sites_than_addresses_are_refused() -> None:
    for index in (0, plan.MOST_SITES + 1):
        with pytest.raises(ValueError, match="sites 1 to 15"):
            site_plan(Kind.OPEN, index)


def test_each_rebinding_of_a_cone_takes_other_ports() -> None:
    rules = [mapping_rule(Kind.CONE, generation) for generation in range(5)]
    assert len(set(rules)) == 5
    assert mapping_rule(Kind.SYMMETRIC, 1) == mapping_rule(Kind.SYMMETRIC, 0)


def test_only_a_nat_has_translation_rules() -> None:
    assert filter_rules(Kind.OPEN) == ""
    assert "*nat" not in filter_rules(Kind.IPV6_ONLY)
    for kind in (Kind.CONE, Kind.SYMMETRIC, Kind.UDP_BLOCKED, Kind.ONLY_443):
        assert "MASQUERADE" in filter_rules(kind)
        assert "ipv6" not in filter_rules(kind)
