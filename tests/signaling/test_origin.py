from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.origin import origin_allowed


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "burrow.example", True),
        ("https://burrow.example", "burrow.example", True),
        ("https://burrow.example", "burrow.example:443", True),
        ("https://BURROW.example", "burrow.example", True),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("https://other.example", "burrow.example", True),
        ("http://other.example", "burrow.example", False),
        ("https://evil.example", "burrow.example", False),
        ("https://burrow.example.evil.example", "burrow.example", False),
        ("https://burrow.example:8443", "burrow.example", False),
        ("https://burrow.example@evil.example", "burrow.example", False),
        ("https://burrow.example/path", "burrow.example", False),
        ("http://burrow.example", "burrow.example", True),
        ("https://evil.example/burrow.example", "burrow.example", False),
        ("ftp://burrow.example", "burrow.example", False),
        ("https://", "", False),
        ("null", "burrow.example", False),
        ("", "burrow.example", False),
        ("https://[::1", "burrow.example", False),
        ("https://burrow.example:99999", "burrow.example", False),
        ("file://burrow.example", "burrow.example", False),
    ],
)
def test_origins(origin: str | None, host: str, allowed: bool) -> None:
    assert origin_allowed(origin, host, ("https://other.example",)) is allowed


@given(st.text(), st.text())
def test_any_origin_is_judged(origin: str, host: str) -> None:
    assert origin_allowed(origin, host, ()) in (True, False)
