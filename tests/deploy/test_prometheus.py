"""The alert rules and the dashboard, by Prometheus' own tools and a real scrape of the service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.deploy.ports import free_port
from tests.service import running_service

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "burrow.json"
METRICS = Path(__file__).parents[2] / "docs" / "metrics.md"
SUFFIXES = ("_bucket", "_count", "_sum")
PROCESS = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
}
PROCESS |= {"process_start_time_seconds"}


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], cwd=RULES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_configuration_and_rules_are_sound() -> None:
    promtool("check", "config", "prometheus.yml")
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


def test_every_alert_has_its_test() -> None:
    alerts = set(re.findall(r"- alert: (\w+)", (RULES / "alerts.yml").read_text()))
    tested = set(re.findall(r"alertname=\"(\w+)\"", (RULES / "alerts.test.yml").read_text()))
    assert alerts == tested


def expressions() -> Iterator[str]:
    """All queries of the dashboard and of the rules."""
    yield (RULES / "alerts.yml").read_text()
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    yield from (annotation["expr"] for annotation in dashboard["annotations"]["list"])


def test_they_ask_only_for_metrics_that_there_are() -> None:
    known = set(re.findall(r"`(burrow_\w+)`", METRICS.read_text())) | PROCESS
    asked = {name for text in expressions() for name in re.findall(r"\b((?:burrow|process)_\w+)\b", text)}
    assert len(asked) > 40
    for suffix in SUFFIXES:
        asked = {name.removesuffix(suffix) for name in asked}
    assert asked - known == set()


def test_the_dashboards_queries_are_promql(tmp_path: Path) -> None:
    rules = [
        {
            "record": f"panel:{number}",
            "expr": text.replace("$__rate_interval", "1m").replace("$instance", ".*"),
        }
        for number, text in enumerate(expressions())
        if "- alert" not in text
    ]
    # JSON is YAML.
    (tmp_path / "panels.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(tmp_path / "panels.yml"))


@contextlib.asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[str]:
    """Debian's Prometheus with the shipped files, scraping ``target`` each second. Yields its URL."""
    configuration = (RULES / "prometheus.yml").read_text()
    for old, new in {"127.0.0.1:9464": target, "_interval: 15s": "_interval: 1s"}.items():
        assert old in configuration
        configuration = configuration.replace(old, new)
    (folder / "prometheus.yml").write_text(configuration)
    shutil.copy(RULES / "alerts.yml", folder)
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}", stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def answer(session: aiohttp.ClientSession, url: str) -> Any:
    """``data`` of Prometheus' answer, once it is not empty: it tells nobody when it has scraped."""
    while True:
        with contextlib.suppress(aiohttp.ClientConnectorError):
            async with session.get(url) as response:
                if response.status == 200:
                    data = (await response.json())["data"]
                    if data.get("result") or data.get("groups"):
                        return data
        await asyncio.sleep(0.1)


@pytest.mark.timeout(90)
async def test_a_real_prometheus_scrapes_the_service_with_the_rules_loaded(tmp_path: Path) -> None:
    port = free_port()
    async with (
        running_service(tmp_path, metrics_port=str(port)),
        prometheus(tmp_path, f"127.0.0.1:{port}") as url,
        aiohttp.ClientSession() as session,
        asyncio.timeout(60),
    ):
        build = await answer(session, f"{url}/api/v1/query?query=burrow_build_info")
        assert build["result"][0]["metric"]["engine"] in {"native", "python"}
        up = await answer(session, f"{url}/api/v1/query?query=up")
        assert up["result"][0]["value"][1] == "1"
        groups = (await answer(session, f"{url}/api/v1/rules"))["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) == len(re.findall("- alert:", (RULES / "alerts.yml").read_text()))
        assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
        assert [rule["lastError"] for rule in rules if rule.get("lastError")] == []
