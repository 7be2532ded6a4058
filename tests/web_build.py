"""The built web client that browsers get from the service under test."""

from __future__ import annotations

from pathlib import Path

WEB = Path(__file__).resolve().parents[1] / "web"


def check_built() -> None:
    """What is tested is what was built: a client that is older than its sources proves nothing."""
    index = WEB / "dist" / "index.html"
    assert index.exists(), "The web client is not built: npm --prefix web run build"
    newest = max(path.stat().st_mtime for path in (WEB / "src").rglob("*") if path.is_file())
    assert index.stat().st_mtime >= newest, "The built web client is stale: npm --prefix web run build"
