"""``deploy/setup-web``: which Node it takes, and what it says of another."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def setup_web(folder: Path, version: str | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it where the client is built already, with a ``node`` that has this version."""
    (folder / "web" / "dist").mkdir(parents=True)
    shutil.copy(ROOT / "web" / "package.json", folder / "web")
    (folder / "web" / "dist" / ".built").touch()
    tools = folder / "tools"
    tools.mkdir()
    for tool in ("bash", "env", "find", "head", "sed", "sort"):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    if version is not None:
        node = tools / "node"
        node.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo v{version}\n')
        node.chmod(0o755)
    return subprocess.run(
        [ROOT / "deploy" / "setup-web", *arguments],
        cwd=folder, env={**os.environ, "PATH": str(tools)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("version", ["20.19.0", "20.20.1", "22.4.0", "100.0.0"])
def test_a_node_that_is_new_enough_is_taken(tmp_path: Path, version: str) -> None:
    done = setup_web(tmp_path, version, "needed")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("version", "said"), [("20.18.3", "v20.18.3"), ("9.99.0", "v9.99.0"), (None, "none")]
)
def test_an_older_one_is_named(tmp_path: Path, version: str | None, said: str) -> None:
    done = setup_web(tmp_path, version)
    assert done.returncode == 0
    assert f"No Node 20.19 or later here (found: {said})" in done.stderr
    assert "Building" not in done.stdout
    assert setup_web(tmp_path / "again", version, "needed").returncode == 1
