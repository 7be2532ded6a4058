"""The container files, without an engine: what they name is there, and the service takes what they set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from burrow.config import load_config

ROOT = Path(__file__).parents[2]
CONTAINER = ROOT / "deploy" / "container"


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((CONTAINER / "compose.yaml").read_text())
    return parsed


def settings(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(BURROW_\w+)=(.*)$", text, re.MULTILINE))


def test_what_compose_names_is_there() -> None:
    services = compose()["services"]
    assert set(services) == {"burrow", "database", "coturn"}
    build = services["burrow"]["build"]
    assert (CONTAINER / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()
    configuration = services["coturn"]["volumes"][0].split(":")[0]
    assert (CONTAINER / configuration).resolve().is_file()
    assert set(compose()["volumes"]) == {"burrow", "database"}
    assert services["burrow"]["depends_on"]["database"]["condition"] == "service_healthy"


def test_the_service_takes_every_setting() -> None:
    example = settings((CONTAINER / "environment.example").read_text())
    image = re.findall(r"(BURROW_\w+)=(\S+)", (CONTAINER / "Containerfile").read_text())
    own = compose()["services"]["burrow"]["environment"]
    config = load_config(ROOT / "config.toml", {**example, **dict(image), **own})
    assert config.server.trust_proxy
    assert config.database.url.startswith("postgresql+psycopg://")
    assert config.relay.addresses == ("203.0.113.5",)


def test_a_stop_has_the_time_of_a_drain() -> None:
    minutes = int(compose()["services"]["burrow"]["stop_grace_period"].removesuffix("m"))
    assert minutes * 60 > load_config(ROOT / "config.toml", {}).server.drain_seconds
    unit = (ROOT / "deploy" / "systemd" / "burrow.service").read_text()
    found = re.search(r"^TimeoutStopSec=(\d+)min$", unit, re.MULTILINE)
    assert found is not None
    assert int(found.group(1)) * 60 > load_config(ROOT / "config.toml", {}).server.drain_seconds


def test_the_image_copies_what_is_there_and_opens_the_ports_of_the_configuration() -> None:
    text = (CONTAINER / "Containerfile").read_text()
    for source in re.findall(r"^COPY (?!--from)(\S+) \S+$", text, re.MULTILINE):
        assert (ROOT / source).exists(), source
    for script in re.findall(r"deploy/[\w-]+", text):
        assert (ROOT / script).exists(), script
    config = load_config(ROOT / "config.toml", {})
    exposed = re.search(r"^EXPOSE (.*)$", text, re.MULTILINE)
    assert exposed is not None
    relay = config.relay
    ports = {
        f"{config.server.port}/tcp",
        f"{relay.udp_port}/udp",
        f"{relay.stun_port}/udp",
        f"{relay.tcp_port}/tcp",
    }
    assert set(exposed.group(1).split()) == ports
