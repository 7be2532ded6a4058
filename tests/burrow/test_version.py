"""The version is written where it is packaged and where it is shown."""

from __future__ import annotations

import tomllib
from pathlib import Path

from burrow import __version__


def test_the_version_shown_is_the_packaged_one() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert __version__ == project["project"]["version"]
