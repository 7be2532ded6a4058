"""The configuration: defaults, overrides, and what is said of a mistake."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from burrow.config import Config, ConfigError, load_config

SAMPLE = Path(__file__).parents[2] / "config.toml"


def test_sample_file_is_the_defaults_and_names_every_key() -> None:
    assert load_config(SAMPLE, {}) == Config() == load_config(None, {})
    text = SAMPLE.read_text()
    tables = [(section.name, section.type) for section in msgspec.structs.fields(Config)]
    for table, kind in tables:
        body = re.search(rf"^\[{re.escape(table)}\]\n(.*?)(?=^\[|\Z)", text, re.M | re.S)
        assert body, table
        for key in msgspec.structs.fields(kind):
            if isinstance(key.type, type) and issubclass(key.type, msgspec.Struct):
                tables.append((f"{table}.{key.name}", key.type))
                continue
            # Each key, under a comment of its own or of a group's.
            assert re.search(rf"^{key.name} = ", body[1], re.M), f"{table}.{key.name}"
        assert body[1].lstrip().startswith("#")


def test_every_key_can_be_overridden() -> None:
    config = load_config(
        SAMPLE,
        {
            "BURROW_SERVER_PORT": "0",
            "BURROW_SERVER_TRUST_PROXY": "true",
            "BURROW_RELAY_ADDRESSES": "198.51.100.1, 2001:db8::1",
            "BURROW_MATCHING_REMATCH_SECONDS": "1.5",
            "BURROW_DATABASE_URL": "postgresql+psycopg://x@y/z",
            "BURROW_RELAY_NATIVE_WORKERS": "3",
            "BURROW_RELAY_NATIVE_GSO": "false",
            "UNRELATED": "1",
        },
    )
    assert config.server.port == 0
    assert config.server.trust_proxy is True
    assert config.relay.addresses == ("198.51.100.1", "2001:db8::1")
    assert config.matching.rematch_seconds == 1.5
    assert (config.relay.native.workers, config.relay.native.gso, config.relay.native.gro) == (3, False, True)
    assert config.database.url == "postgresql+psycopg://x@y/z"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[relay]\nudp_port = 99999", ["relay.udp_port", "99999", "at most 65535"]),
        ("[relay]\nudp_port = -1", ["relay.udp_port", "-1", "at least 0"]),
        ('[relay]\nengine = "fast"', ["relay.engine", "'fast'", '"native"']),
        ('[server]\nport = "http"', ["server.port", "'http'", "a whole number"]),
        ("[server]\ntrust_proxy = 1", ["server.trust_proxy", "1", "true or false"]),
        ("[server]\norigins = ['example.org']", ["server.origins", "example.org", "https?"]),
        ("[relay]\nspeed = 1", ["relay", "speed", "udp_port"]),
        ("[relay.native]\nworkers = -1", ["relay.native.workers", "-1", "at least 0"]),
        ("[relay.native]\nspeed = 1", ["[relay.native] speed", "workers", "wait_us"]),
        ("[relay]\nnative = 1", ["relay.native", "1", "a table"]),
        ("[relais]\nudp_port = 1", ["relais", "relay"]),
        ("relay = 3", ["relay", "3", "a table"]),
        ("[relay", ["not valid TOML"]),
        ("[relay]\nconsent_ms = 1000", ["relay.interrupted_after_ms", "6000", "less than relay.consent_ms"]),
        ("[live]\nmessage_burst = 1", ["live.message_burst", "at least live.messages_per_second"]),
    ],
)
def test_mistake_in_the_file_is_named_with_what_is_allowed(
    tmp_path: Path, text: str, said: list[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_config(path, {})
    for part in said:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BURROW_RELAY_UDP_PORT", "many", "relay.udp_port = 'many'"),
        ("BURROW_SERVER_TRUST_PROXY", "maybe", "true or false"),
        ("BURROW_RELAY_NATIVE_WAIT_US", "20000", "at most 10000"),
        ("BURROW_RELAY_NATIVE", "1", "BURROW_RELAY_NATIVE_WORKERS"),
        ("BURROW_RELAY_SPEED", "1", "BURROW_RELAY_UDP_PORT"),
        ("BURROW_NOWHERE_PORT", "1", "BURROW_SERVER_"),
        ("BURROW_RELAY", "1", "Unknown environment variable BURROW_RELAY"),
    ],
)
def test_mistake_in_a_variable_is_named(variable: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, {variable: value})
    assert said in str(error.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.toml", {})
