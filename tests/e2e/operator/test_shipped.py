"""No user loads a line of the operators' page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.e2e.web.service import ROOT

DIST = ROOT / "web" / "dist"
ONLY_OPERATORS = ("uPlot", "api/v1/operator", "operator_action", "node/drain")
"""Words that stand in the operators' script and nowhere else."""


def loaded(manifest: dict[str, dict[str, Any]], entry: str, seen: set[str]) -> Iterator[dict[str, Any]]:
    """Everything an entry can ever load: what it imports, at once or later."""
    if entry in seen:
        return
    seen.add(entry)
    yield manifest[entry]
    for following in (*manifest[entry].get("imports", ()), *manifest[entry].get("dynamicImports", ())):
        yield from loaded(manifest, following, seen)


def scripts(entry: str) -> dict[str, str]:
    manifest = json.loads((DIST / "build-manifest.json").read_text())
    files = {chunk["file"] for chunk in loaded(manifest, entry, set()) if chunk["file"].endswith(".js")}
    return {file: (DIST / file).read_text() for file in files}


def test_the_users_pages_can_load_no_script_of_the_operators() -> None:
    manifest = json.loads((DIST / "build-manifest.json").read_text())
    assert {key for key, chunk in manifest.items() if chunk.get("isEntry")} == {"index.html", "operator.html"}
    users, operators = scripts("index.html"), scripts("operator.html")
    assert manifest["operator.html"]["file"] not in users
    for word in ("node/drain", "api/v1/operator"):
        assert any(word in text for text in operators.values()), "the test looks for the right words"
    found = {(file, word) for file, text in users.items() for word in ONLY_OPERATORS if word in text}
    assert not found
    page = (DIST / "index.html").read_text()
    assert manifest["operator.html"]["file"] not in page
