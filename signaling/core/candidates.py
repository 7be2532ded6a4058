"""What of a direct attempt's SDP and candidates may pass to the stranger's browser.

For a user who hides their address everything that tells one is taken out: host, server-reflexive and
peer-reflexive candidates, mDNS names (they can be resolved on the same link), related addresses, and the
addresses in ``o=``, ``c=`` and ``a=rtcp`` lines. What is left is read again by another rule: a line that
still holds anything like an address is dropped whole. Only relayed candidates, whose address is a TURN
server's, remain. This is a second wall: a plan that keeps addresses hidden makes no direct attempt at all.
"""

from __future__ import annotations

import ipaddress
import re

_CANDIDATE = re.compile(
    r"(?:a=)?candidate:(?P<foundation>[A-Za-z0-9+/]{1,32}) (?P<component>\d{1,5}) "
    r"(?P<transport>[A-Za-z]{1,8}) (?P<priority>\d{1,10}) "
    r"(?P<address>[A-Za-z0-9.:%_-]{1,255}) (?P<port>\d{1,5}) typ (?P<type>[a-z]{1,8})"
    r"(?P<rest>( [\x21-\x7e]+)*)"
)
"""RFC 8839 section 5.1."""
_IPV4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_MDNS = re.compile(r"\.local", re.IGNORECASE)
_FINGERPRINT = re.compile(r"a=fingerprint:[A-Za-z0-9-]{1,16} [0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,63}")
_PARTS = 64
"""Parts between colons that are looked at; a word of more is nothing a browser writes."""
_ADDRESS_PARTS = 9
"""Parts between colons of an IPv6 address, at most (``::2:3:4:5:6:7:8``)."""
_HEX_RUN = re.compile(r"[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")
_NOWHERE = {"IP4": "0.0.0.0", "IP6": "::"}  # noqa: S104  # not an address to bind: says "none" (RFC 8839 section 4.3.1.3)
_HARMLESS = frozenset(_NOWHERE.values())
_PERSONAL = ("i=", "u=", "e=", "p=")
"""RFC 8866 sections 5.4 to 5.6: free text, addresses, numbers. No browser sends or reads them."""


def readable_candidate(candidate: str) -> bool:
    """Whether it is one candidate line, or the empty one that ends them."""
    return candidate == "" or _CANDIDATE.fullmatch(candidate) is not None


def hidden_candidate(candidate: str) -> str | None:
    """The candidate without its owner's address, ``None`` when nothing of it may pass."""
    if candidate == "":
        return candidate
    found = _CANDIDATE.fullmatch(candidate)
    if found is None or found["type"] != "relay" or _MDNS.search(candidate):
        return None
    try:
        address = ipaddress.ip_address(found["address"])
    except ValueError:
        return None
    nowhere = _NOWHERE[f"IP{address.version}"]
    # Made anew from the fields that are needed: an extension could tell anything.
    return (
        f"candidate:{found['foundation']} {found['component']} {found['transport']} {found['priority']} "
        f"{address} {found['port']} typ relay raddr {nowhere} rport 0"
    )


def hidden_sdp(sdp: str) -> str:
    """The description without any address of its owner. Never raises: a line it cannot read is left out when
    it could hold an address."""
    kept = (_hidden_line(line) for line in re.split(r"[\r\n]+", sdp) if line)
    return "".join(f"{line}\r\n" for line in kept if line is not None)


def _hidden_line(line: str) -> str | None:
    lower = line.lstrip().lower()
    if lower.startswith(("a=candidate", "candidate")):
        hidden = hidden_candidate(line.removeprefix("a="))
        return None if hidden is None else f"a={hidden}"
    if lower.startswith((*_PERSONAL, "a=remote-candidates")):
        return None
    if line.startswith("o="):
        return _origin(line)
    if line.startswith("c="):
        return "c=IN IP6 ::" if " ip6 " in f" {lower} " else f"c=IN IP4 {_NOWHERE['IP4']}"
    if lower.startswith("a=rtcp:"):
        return f"a=rtcp:9 IN IP4 {_NOWHERE['IP4']}"
    if line.startswith("m="):
        fields = line.split(" ")
        if len(fields) > 1 and fields[1] != "0":
            # The port of the default candidate; 0 rejects the section and stays.
            fields[1] = "9"
        line = " ".join(fields)
    return None if _tells_address(line) else line


def _origin(line: str) -> str | None:
    """RFC 8866 section 5.2: user name, session id and version, and the owner's address."""
    fields = line[2:].split(" ")
    if len(fields) != 6 or not (fields[1].isdecimal() and fields[2].isdecimal()):
        return None
    return f"o=- {fields[1]} {fields[2]} IN IP4 {_NOWHERE['IP4']}"


def _tells_address(line: str) -> bool:
    if _FINGERPRINT.fullmatch(line):
        return False  # its last eight octets could be read as an address
    if _MDNS.search(line) or any(found not in _HARMLESS for found in _IPV4.findall(line)):
        return True
    for run in _HEX_RUN.findall(line):
        # An address may stand between other things with colons, so every piece long enough is tried.
        parts = run.split(":")
        if len(parts) > _PARTS:
            return True
        if any(
            _is_ipv6(":".join(parts[first:last]))
            for first in range(len(parts))
            for last in range(first + 3, min(first + _ADDRESS_PARTS, len(parts)) + 1)
        ):
            return True
    return False


def _is_ipv6(text: str) -> bool:
    try:
        return str(ipaddress.IPv6Address(text)) not in _HARMLESS
    except ValueError:
        return False
