"""Imports go one way, and the core does no I/O and reads no clock (docs/architecture.md)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("burrow", "db", "peers", "relay", "signaling")

# What each package may import of the others, as module prefixes. `burrow` composes all of them.
ALLOWED: dict[str, tuple[str, ...]] = {
    "relay": ("relay",),
    "db": ("db",),
    "signaling": ("signaling", "db", "relay.door"),
    "peers": ("peers", "signaling.messages"),
    "burrow": PACKAGES,
}
PURE = (
    "relay/packet",
    "relay/ice",
    "relay/sdp",
    "signaling/core",
    "relay/door.py",
    "relay/load.py",
    "relay/codec_choice.py",
)
WITH_IO_OR_CLOCK = {"asyncio", "time", "socket", "select", "threading", "subprocess", "aiohttp", "sqlalchemy"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def sources(folder: str) -> list[Path]:
    path = ROOT / folder
    found = [path] if path.is_file() else sorted(path.rglob("*.py"))
    assert found, folder
    return [p for p in found if "native" not in p.relative_to(ROOT).parts[1:-1]]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(package)
        for module in imported(path)
        if module.split(".")[0] in PACKAGES and not within(module, ALLOWED[package])
    ]
    assert not wrong


@pytest.mark.parametrize("part", PURE)
def test_core_does_no_io_and_reads_no_clock(part: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(part)
        for module in imported(path)
        if module.split(".")[0] in WITH_IO_OR_CLOCK
    ]
    assert not wrong


def test_nobody_imports_the_tests_or_the_composition_root() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for package in ("db", "peers", "relay", "signaling")
        for path in sources(package)
        for module in imported(path)
        if module.split(".")[0] in ("burrow", "tests")
    ]
    assert not wrong
