"""Which address each interface of the lab has: one pure table.

    server ──srv── net ──up1── router 1 ──lan── client 1
                       ──up2── router 2 ──lan── client 2

The public side uses the documentation prefixes 198.51.100.0/24, 203.0.113.0/24 (RFC 5737) and
2001:db8::/32 (RFC 3849), the side behind a NAT 10.0.0.0/8. Labs are apart from each other by their
namespaces, so all use the same addresses.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """How a client's network is joined to the public one."""

    OPEN = "open"
    """A public IPv4 address and no filter."""
    CONE = "cone"
    """NAT with a mapping for each inside port, filtered by remote address and port (RFC 4787)."""
    SYMMETRIC = "symmetric"
    """NAT with another mapping for each destination."""
    UDP_BLOCKED = "udp_blocked"
    """NAT that lets TCP out and nothing else."""
    ONLY_443 = "only_443"
    """NAT that lets TCP to port 443 out and nothing else."""
    IPV6_ONLY = "ipv6_only"
    """No IPv4 at all; public IPv6 behind a filter that lets in what was asked for."""


MOST_SITES = 15
SERVER = "198.51.100.10"
SERVER_SECOND = "198.51.100.11"
"""For a second service that needs the same port."""
SERVER_THIRD = "198.51.100.12"
"""For a second port 443."""
SERVER_V6 = "2001:db8:0:1::10"
SERVER_V6_SECOND = "2001:db8:0:1::11"
NET_SERVER = "198.51.100.1"
NET_SERVER_V6 = "2001:db8:0:1::1"


@dataclass(frozen=True, slots=True)
class SitePlan:
    """Addresses of one client's network, with the lengths of their prefixes. ``net``: the public end
    of the uplink. ``outside``: the router's; ``outside_next`` are those it can move to."""

    net: str
    outside: str
    outside_next: str
    lan: str
    client: str
    client_next: str
    inside_prefix: str
    uplink_prefix_length: int
    lan_prefix_length: int

    @property
    def family(self) -> int:
        return 6 if ":" in self.net else 4


def site_plan(kind: Kind, index: int) -> SitePlan:
    """The addresses of site ``index`` (from 1, at most ``MOST_SITES``)."""
    if not 1 <= index <= MOST_SITES:
        raise ValueError(f"A lab has sites 1 to {MOST_SITES}, not {index}.")
    if kind is Kind.IPV6_ONLY:
        up, lan = f"2001:db8:1:{index}::", f"2001:db8:2:{index}::"
        return SitePlan(f"{up}1", f"{up}2", f"{up}3", f"{lan}1", f"{lan}2", f"{lan}3", f"{lan}/64", 64, 64)
    base = index * 16
    up = "203.0.113."
    if kind is Kind.OPEN:
        lan, first, length = up, base + 8, 29
    else:
        lan, first, length = f"10.0.{index}.", 0, 24
    return SitePlan(
        f"{up}{base + 1}",
        f"{up}{base + 2}",
        f"{up}{base + 3}",
        f"{lan}{first + 1}",
        f"{lan}{first + 2}",
        f"{lan}{first + 3}",
        f"{lan}{first}/{length}",
        29,
        length,
    )
