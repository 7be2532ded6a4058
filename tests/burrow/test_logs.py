"""What may stand in the log, how addresses look in it, and that its page names every event."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog

from burrow.config import LogSettings
from burrow.logs import address_rule, configure_logs, keep_secrets, shorten

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "logging.md"
SDP = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\na=ice-pwd:0123456789abcdef0123456789abcdef\r\n"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijklmnop"


@pytest.mark.parametrize(
    ("address", "short"),
    [
        ("198.51.100.7", "198.51.100.x"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::x"),
        ("::1", "::x"),
        ("::ffff:198.51.100.7", "198.51.100.x"),
        ("fe80::1%eth0", "fe80::x"),
        ("somewhere.example", "x"),
    ],
)
def test_an_address_keeps_its_network_alone(address: str, short: str) -> None:
    assert shorten(address) == short


@pytest.mark.parametrize(
    ("mode", "left"),
    [("short", {"remote": "198.51.100.x"}), ("full", {"remote": "198.51.100.7"}), ("none", {})],
)
def test_addresses_as_configured(mode: Literal["short", "full", "none"], left: dict[str, str]) -> None:
    assert address_rule(mode)(None, "info", {"remote": "198.51.100.7"}) == left


def kept(**fields: Any) -> Any:
    return keep_secrets(None, "info", dict(fields))


def test_what_is_secret_stays_here_whoever_logs_it() -> None:
    assert kept(token=TOKEN, Authorization="Bearer x", refresh_cookie=b"x", ice_pwd="y") == {
        "token": "[kept]", "Authorization": "[kept]", "refresh_cookie": "[kept]", "ice_pwd": "[kept]",
    }  # fmt: skip
    assert kept(reason=f"cannot read {SDP}", about=[SDP], of={"answer": SDP}) == {
        "reason": "[sdp kept]", "about": ["[sdp kept]"], "of": {"answer": "[sdp kept]"},
    }  # fmt: skip
    assert kept(reason=f"bad token {TOKEN}.") == {"reason": "bad token [token kept]."}
    assert kept(line="a=candidate:1 1 udp 2122260223 198.51.100.7 46243 typ host") == {"line": "[sdp kept]"}


def test_numbers_and_counts_are_no_secrets() -> None:
    drops = {"stun_unknown_ufrag": 3, "srtp_bad_auth": 1}
    assert kept(drops=drops, tokens_left=4.5, none=None) == {"drops": drops, "tokens_left": 4.5, "none": None}


def test_no_text_begins_a_line_of_its_own() -> None:
    text = "x\n2026-11-24 [error] forged\r\t\x1b[31m\x85"
    cleaned = kept(reason=text)["reason"]
    assert cleaned == "x\\n2026-11-24 [error] forged\\r\\t\\x1b[31m\\x85"
    assert cleaned.isprintable()


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_exceptions_text_is_kept_back_too(
    form: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(LogSettings(format=form))
    try:
        int(TOKEN)
    except ValueError:
        structlog.get_logger("test").exception("it_failed", remote="198.51.100.7")
    finally:
        structlog.reset_defaults()
    err = capsys.readouterr().err
    assert "it_failed" in err
    assert "ValueError" in err
    assert TOKEN not in err
    assert "198.51.100.x" in err
    if form == "json":
        assert json.loads(err)["remote"] == "198.51.100.x"


def logs(called: ast.expr) -> bool:
    """Whether this is how the service's code logs."""
    if not isinstance(called, ast.Attribute):
        return ast.unparse(called) == "say"
    of = ast.unparse(called.value)
    return called.attr == "_log" or (called.attr in LEVELS and ("get_logger" in of or of in ("log", "_log")))


def events() -> Iterator[tuple[str, Path]]:
    """Every event's name that the service's code logs."""
    for package in ("burrow", "db", "relay", "signaling"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and logs(node.func):
                    name = next((a.value for a in node.args if isinstance(a, ast.Constant)), None)
                    if name:
                        yield str(name), path


def test_the_page_names_every_event_and_no_other() -> None:
    described = re.findall(r"^\| `([a-z_]+)` \|", PAGE.read_text(), re.M)
    assert len(described) == len(set(described))
    assert set(described) == {name for name, _ in events()}
