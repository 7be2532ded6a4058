"""A router's rules for each kind of network, as ``iptables-restore`` reads them."""

from __future__ import annotations

from tests.lab.plan import Kind

_ESTABLISHED = "-m conntrack --ctstate ESTABLISHED,RELATED"

# Without the last rule an early packet from the other side leaves an entry in the connection table that takes
# the very mapping which a hole punch needs, and even two cone NATs fail.
_FILTER = f"""*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
{{outward}}
-A FORWARD -i wan -o lan {_ESTABLISHED} -j ACCEPT
-A INPUT -i wan -p ipv6-icmp -j ACCEPT
-A INPUT -i wan -m conntrack ! --ctstate ESTABLISHED,RELATED -j DROP
COMMIT
"""
_OUTWARD = {
    Kind.CONE: "",
    Kind.SYMMETRIC: "",
    Kind.UDP_BLOCKED: "-p tcp",
    Kind.ONLY_443: "-p tcp --dport 443",
    Kind.IPV6_ONLY: "",
}


def filter_rules(kind: Kind) -> str:
    """The whole set of rules; empty for an open network."""
    if kind is Kind.OPEN:
        return ""
    rules = _FILTER.format(outward=f"-A FORWARD -i lan -o wan {_OUTWARD[kind]} -j ACCEPT")
    if kind is Kind.IPV6_ONLY:
        return rules
    rules = "".join(line for line in rules.splitlines(keepends=True) if "ipv6-icmp" not in line)
    return f"{rules}*nat\n-A POSTROUTING -o wan {mapping_rule(kind, 0)}\nCOMMIT\n"


def mapping_rule(kind: Kind, generation: int) -> str:
    """What the NAT makes of inside ports. A cone keeps them where it can, so after its table is flushed
    each would get the one it had; a later ``generation`` takes them from another range."""
    if kind is Kind.SYMMETRIC:
        return "-j MASQUERADE --random-fully"
    if generation == 0:
        return "-j MASQUERADE"
    first = 10_000 + generation % 10 * 2_000
    return f"-p udp -j MASQUERADE --to-ports {first}-{first + 1_999}"
