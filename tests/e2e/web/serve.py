"""The real service with the built client at ``/``, until the service itself serves it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

import burrow.service
from burrow.cli import main

DIST = Path(__file__).resolve().parents[3] / "web" / "dist"
_build = burrow.service.build_app


def _with_client(**parts: Any) -> web.Application:
    app = _build(**parts)

    async def client(request: web.Request) -> web.StreamResponse:
        path = (DIST / request.match_info["path"]).resolve()
        return web.FileResponse(path if path.is_relative_to(DIST) and path.is_file() else DIST / "index.html")

    app.router.add_get("/{path:(?!api/|ws$|health$|ready$).*}", client)
    return app


burrow.service.build_app = _with_client

if __name__ == "__main__":
    main()
