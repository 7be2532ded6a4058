"""The candidates of an offer."""

from __future__ import annotations

from aioice import Candidate

from relay.engine.interface import Address
from relay.sdp.offer import EgressSsrcs, OfferParts, write_offer
from relay.sdp.table import MIDS, codecs_of

UDP = (Address("198.51.100.1", 3478), Address("2001:db8::1", 3478))
TCP = (Address("198.51.100.1", 443), Address("2001:db8::1", 443))


def candidates(tcp: tuple[Address, ...]) -> list[Candidate]:
    offer = write_offer(
        OfferParts(
            session=1,
            version=1,
            ufrag="ufrag",
            password="password" * 3,
            fingerprint="00",
            candidates=UDP,
            ssrcs=EgressSsrcs(1, 2, 3),
            cname="cname",
            codecs={kind: codecs_of(kind) for kind in MIDS},
            tcp_candidates=tcp,
        )
    )
    audio = offer.split("m=video")[0]
    return [
        Candidate.from_sdp(line.removeprefix("a=candidate:"))
        for line in audio.splitlines()
        if line.startswith("a=candidate:")
    ]


def test_each_address_has_a_passive_tcp_candidate_below_every_udp_one() -> None:
    found = candidates(TCP)
    assert [(c.transport, c.host, c.port, c.tcptype) for c in found] == [
        ("udp", "198.51.100.1", 3478, None),
        ("udp", "2001:db8::1", 3478, None),
        ("tcp", "198.51.100.1", 443, "passive"),
        ("tcp", "2001:db8::1", 443, "passive"),
    ]
    # RFC 8445 section 5.1.2: unique for the component, below 2**31; foundations differ.
    priorities = [c.priority for c in found]
    assert priorities == sorted(set(priorities), reverse=True)
    assert all(0 < priority < 2**31 for priority in priorities)
    assert len({c.foundation for c in found}) == 4
    # RFC 6544 section 4.2: type preference of a TCP host candidate, direction preference 4 of a passive one.
    assert [c.priority >> 24 for c in found] == [126, 126, 90, 90]
    assert (found[2].priority >> 8 & 0xFFFF) >> 13 == 4


def test_without_a_listener_there_is_no_tcp_candidate() -> None:
    assert {c.transport for c in candidates(())} == {"udp"}
