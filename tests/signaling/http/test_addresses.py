from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.http.addresses import client_prefix


@pytest.mark.parametrize(
    ("peer", "forwarded", "trust", "prefix"),
    [
        ("203.0.113.77", [], False, "203.0.113.0/24"),
        ("2001:db8:1:2ff::5", [], False, "2001:db8:1:200::/56"),
        ("::ffff:203.0.113.77", [], False, "203.0.113.0/24"),
        ("fe80::1%eth0", [], False, "fe80::/56"),
        ("127.0.0.1", ["203.0.113.9"], False, "127.0.0.0/24"),
        ("127.0.0.1", ["203.0.113.9"], True, "203.0.113.0/24"),
        ("127.0.0.1", ["198.51.100.1", "10.9.9.9, 203.0.113.9"], True, "203.0.113.0/24"),
        ("127.0.0.1", ["[2001:db8::1]"], True, "2001:db8::/56"),
        ("127.0.0.1", ["unknown"], True, "127.0.0.0/24"),
        ("127.0.0.1", [""], True, "127.0.0.0/24"),
        (None, [], False, "unknown"),
    ],
)
def test_prefixes(peer: str | None, forwarded: list[str], trust: bool, prefix: str) -> None:
    assert client_prefix(peer, forwarded, trust_proxy=trust) == prefix


@given(st.text(), st.lists(st.text(), max_size=3), st.booleans())
def test_any_header_gives_a_key(peer: str, forwarded: list[str], trust: bool) -> None:
    assert client_prefix(peer, forwarded, trust_proxy=trust)
