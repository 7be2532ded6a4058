"""Hidden addresses: nothing that tells one gets through, however it is written; the rest still works."""

from __future__ import annotations

import re

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from signaling.core.candidates import hidden_candidate, hidden_sdp, readable_candidate

SECRETS = (
    "198.51.100.7",
    "10.1.2.3",
    "192.168.178.21",
    "2001:db8:77::1234",
    "fe80::1cc0:3e8c:119f:c2e1",
    "fd00:1:2:3:4:5:6:7",
    "3f2a9c1e-8d5b-4a6f-9e0c-77aa12bc34de.local",
    "::ffff:198.51.100.7",
)
FINGERPRINT = ":".join(["AB", "12", "CD", "34"] * 8)
CHROME = f"""v=0\r
o=- 4611731400430051336 2 IN IP4 198.51.100.7\r
s=-\r
t=0 0\r
a=group:BUNDLE 0 1\r
a=extmap-allow-mixed\r
a=msid-semantic: WMS\r
m=audio 54321 UDP/TLS/RTP/SAVPF 111 63\r
c=IN IP4 198.51.100.7\r
a=rtcp:54322 IN IP4 198.51.100.7\r
a=candidate:1467250027 1 udp 2122260223 192.168.178.21 46243 typ host generation 0 network-id 1\r
a=candidate:1467250028 1 udp 2122260222 3f2a9c1e-8d5b-4a6f-9e0c-77aa12bc34de.local 46244 typ host\r
a=candidate:1853887674 1 udp 1518280447 198.51.100.7 36768 typ srflx raddr 192.168.178.21 rport 36768\r
a=candidate:2 1 tcp 1518280447 2001:db8:77::1234 9 typ host tcptype active\r
a=candidate:3 1 udp 41885439 203.0.113.9 50000 typ relay raddr 198.51.100.7 rport 36768 generation 0\r
a=candidate:4 1 udp 41885439 198.51.100.7 50000 typ prflx raddr fe80::1cc0:3e8c:119f:c2e1 rport 1\r
a=ice-ufrag:8hhY\r
a=ice-pwd:asd88fgpdd777uzjYhagZg\r
a=ice-options:trickle\r
a=fingerprint:sha-256 {FINGERPRINT}\r
a=setup:actpass\r
a=mid:0\r
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r
a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r
a=sendrecv\r
a=rtcp-mux\r
a=rtpmap:111 opus/48000/2\r
a=fmtp:111 minptime=10;useinbandfec=1\r
a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6\r
m=video 9 UDP/TLS/RTP/SAVPF 96\r
c=IN IP6 2001:db8:77::1234\r
a=mid:1\r
a=ice-ufrag:8hhY\r
a=ice-pwd:asd88fgpdd777uzjYhagZg\r
a=fingerprint:sha-256 {FINGERPRINT}\r
a=setup:actpass\r
a=rtcp-mux\r
a=rtpmap:96 VP8/90000\r
"""


def test_a_description_keeps_what_it_needs_and_loses_every_address() -> None:
    hidden = hidden_sdp(CHROME)
    for secret in SECRETS:
        assert secret not in hidden
    for line in (
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=ice-ufrag:8hhY",
        "a=ice-pwd:asd88fgpdd777uzjYhagZg",
        "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=ssrc:3570614608 cname:4TOk42mSjXCkVIa6",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
        "o=- 4611731400430051336 2 IN IP4 0.0.0.0",
        "a=candidate:3 1 udp 41885439 203.0.113.9 50000 typ relay raddr 0.0.0.0 rport 0",
    ):
        assert f"{line}\r\n" in hidden
    assert hidden.count("a=candidate:") == 1
    assert hidden.count("c=IN") == 2
    parsed = SessionDescription.parse(hidden)
    assert [section.kind for section in parsed.media] == ["audio", "video"]
    assert hidden_sdp(hidden) == hidden


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "line",
    [
        "a=candidate:1 1 udp 1 {} 9 typ host",
        "a=candidate:1 1 udp 1 203.0.113.9 9 typ relay raddr {} rport 5",
        "a=candidate:1 1 udp 1 203.0.113.9 9 typ relay raddr 0.0.0.0 rport 0 x-mine {}",
        "a=candidate:1 1 udp 1 203.0.113.9 9 typ relay {}",
        "a=candidate: {}",
        "a=candidate:1  1 udp 1 {} 9 typ host",
        "A=CANDIDATE:1 1 UDP 1 {} 9 TYP HOST",
        " a=candidate:1 1 udp 1 {} 9 typ host",
        "\ta=candidate:1 1 udp 1 {} 9 typ host",
        "candidate:1 1 udp 1 {} 9 typ host",
        "a=candidate:1 1 udp 1 {} 9 typ host\x00",
        "a=remote-candidates:1 {} 4444",
        "c=IN IP4 {}",
        "c=IN IP6 {}",
        "c=IN IP4 {}/127",
        "c={}",
        "o=- 1 1 IN IP4 {}",
        "o={} 1 1 IN IP4 0.0.0.0",
        "o=- {} 1 IN IP4 0.0.0.0",
        "o={}",
        "a=rtcp:9 IN IP4 {}",
        "a=RTCP:9 IN IP6 {}",
        "i={}",
        "u=http://{}/",
        "u=http://[{}]/",
        "e=me@{}",
        "p=+1 {}",
        "s={}",
        "s=x {} y",
        "a=x-address:{}",
        "a=x {}",
        "a=ssrc:1 cname:{}",
        "a=ssrc:1 msid:stream {}",
        "a=fmtp:111 addr={};x=1",
        "a=x:[{}]",
        "a=x:a:{}",
        "a=" + "x" * 200 + ":{}",
        "a=" + "x:" * 70 + "{}",
        'a=x "{}"',
        "a=x ({})",
        "a=x {{{}}}",
        "a=x:1:{}:z",
        "a=x:{}:",
        "a=x\u00e9{}\u00e9",
        "m=audio 9 UDP/TLS/RTP/SAVPF {}",
        "x={}",
        "{}",
    ],
)
def test_no_line_tells_an_address(line: str, secret: str) -> None:
    hidden = hidden_sdp("v=0\r\n" + line.format(secret) + "\r\nt=0 0\r\n")
    assert secret not in hidden
    assert hidden.startswith("v=0\r\n")
    assert hidden.endswith("t=0 0\r\n")


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\n\r", "\r\r\n"])
def test_any_line_end_is_one(end: str) -> None:
    sdp = end.join(["v=0", "s=-", "a=candidate:1 1 udp 1 198.51.100.7 9 typ host", "t=0 0", ""])
    assert hidden_sdp(sdp) == "v=0\r\ns=-\r\nt=0 0\r\n"


@given(
    st.lists(
        st.one_of(
            st.text(max_size=40),
            st.sampled_from(SECRETS),
            st.sampled_from(
                ("a=", "c=IN IP4 ", "candidate:", " typ relay raddr ", "\r\n", "\n", " ", ":", "o=")
            ),
        ),
        max_size=40,
    )
)
def test_hostile_text_never_raises_and_never_tells(pieces: list[str]) -> None:
    hidden = hidden_sdp("".join(pieces))
    # Two pieces beside each other can make another number of one: a secret is told when it stands by itself.
    for secret in SECRETS:
        assert not re.search(rf"(?<![\w.:-]){re.escape(secret)}(?![\w.:-])", hidden)
    assert hidden_sdp(hidden) == hidden


@given(st.text(max_size=600))
def test_hostile_candidates_never_raise(text: str) -> None:
    hidden = hidden_candidate(text)
    assert hidden is None or hidden == "" or " typ relay raddr " in hidden
    readable_candidate(text)


@pytest.mark.parametrize(
    ("candidate", "hidden"),
    [
        ("", ""),
        ("candidate:1 1 udp 1 198.51.100.7 9 typ host", None),
        ("candidate:1 1 udp 1 198.51.100.7 9 typ srflx raddr 10.1.2.3 rport 1", None),
        ("candidate:1 1 udp 1 x.local 9 typ host", None),
        ("candidate:1 1 udp 1 x.local 9 typ relay raddr 10.1.2.3 rport 1", None),
        ("candidate:1 1 udp 1 turn.example 9 typ relay", None),
        (
            "candidate:1 1 udp 1 203.0.113.9 9 typ relay raddr 10.1.2.3 rport 1 ufrag abcd",
            "candidate:1 1 udp 1 203.0.113.9 9 typ relay raddr 0.0.0.0 rport 0",
        ),
        (
            "candidate:1 1 udp 1 2001:db8::9 9 typ relay raddr fd00::1 rport 1",
            "candidate:1 1 udp 1 2001:db8::9 9 typ relay raddr :: rport 0",
        ),
        ("nonsense", None),
    ],
)
def test_single_candidates(candidate: str, hidden: str | None) -> None:
    assert hidden_candidate(candidate) == hidden


@pytest.mark.parametrize(
    ("candidate", "readable"),
    [
        ("", True),
        ("candidate:1 1 udp 1 198.51.100.7 9 typ host generation 0 ufrag x network-id 1", True),
        ("candidate:1 1 UDP 1 fe80::1%eth0 9 typ host", True),
        ("candidate:1 1 tcp 1 198.51.100.7 9 typ host tcptype active", True),
        ("candidate:1 1 udp 1 3f2a9c1e-8d5b.local 9 typ host", True),
        ("candidate:1 1 udp 1 198.51.100.7 9 typ host\r\na=evil", False),
        ("candidate:1 1 udp 1 198.51.100.7", False),
        ("a=fingerprint:sha-256 00", False),
        (" ", False),
    ],
)
def test_what_is_a_candidate(candidate: str, readable: bool) -> None:
    assert readable_candidate(candidate) is readable


def test_a_long_description_is_read_in_linear_time() -> None:
    # The longest that may come, in the shapes that make careless patterns slow.
    for line in (
        "1." * 12_000,
        ":" * 24_000,
        "a=candidate:" + "1 " * 12_000,
        "\r\n" * 12_000,
        "a:b " * 6_000,
    ):
        hidden_sdp(line)
