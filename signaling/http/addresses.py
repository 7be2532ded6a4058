"""Where a request comes from. Pure functions of what the request says."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

IPV4_PREFIX = 24
IPV6_PREFIX = 56


def client_prefix(peer: str | None, forwarded_for: Sequence[str], *, trust_proxy: bool) -> str:
    """The client's address prefix (/24 or /56), as a key for rate limits.

    ``forwarded_for`` are the X-Forwarded-For headers. Only the last entry counts, and only with
    ``trust_proxy``: the proxy in front wrote it, all others came from whoever spoke to it.
    """
    address = _address(peer)
    if trust_proxy and forwarded_for:
        address = _address(forwarded_for[-1].rpartition(",")[2].strip()) or address
    if address is None:
        return "unknown"  # a Unix socket has none
    bits = IPV4_PREFIX if address.version == 4 else IPV6_PREFIX
    return str(ip_network(f"{address}/{bits}", strict=False))


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address((text or "").strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
