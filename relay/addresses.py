"""Which addresses to announce when none are configured."""

from __future__ import annotations

import ipaddress

import ifaddr


def own_addresses(with_loopback: bool) -> tuple[str, ...]:
    """This machine's global and private addresses, IPv4 first; loopback last, when asked for or when
    there is no other. Link-local ones are left out: a browser would need their interface's name."""
    found = [
        ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    ]
    usable = [a for a in found if not (a.is_link_local or a.is_multicast or a.is_unspecified)]
    outside = [a for a in usable if not a.is_loopback]
    chosen = sorted(outside, key=lambda a: a.version)
    if with_loopback or not outside:
        chosen += sorted((a for a in usable if a.is_loopback), key=lambda a: a.version)
    return tuple(dict.fromkeys(str(a) for a in chosen))
