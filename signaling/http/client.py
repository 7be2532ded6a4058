"""Serve the built web client: its files, and its first page for every address that is one of its screens."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from signaling.errors import NotFound

_FIRST_PAGE = "index.html"
_PAGES = {"operator": "operator.html"}
"""Addresses with a first page of their own."""
_HASHED = "assets/"
"""Files in this folder have their content's hash in their name, so they never change."""
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
NOT_BUILT = (
    "The web client is not built, so there is nothing to see here. The rest of the service works: "
    "see docs/protocol.md. To build it, install Node 20.19 or later and run `make run` again.\n"
)


class WebClient:
    """Files are looked up in a table made at the start, so no address can name anything outside it."""

    def __init__(self, folder: Path) -> None:
        self._files = {
            str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()
        }

    @property
    def built(self) -> bool:
        """Whether there is a client to serve."""
        return _FIRST_PAGE in self._files

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """``GET`` of anything that is not the service's own."""
        name = request.match_info["path"]
        if not self.built:
            if name:
                raise NotFound
            return web.Response(text=NOT_BUILT, headers={"Cache-Control": _ASK_AGAIN})
        found = self._files.get(name or _FIRST_PAGE)
        if found is None:
            # An address without an ending is a screen; a file that is not there is an error.
            if "." in name.rpartition("/")[2] or name.startswith("api/"):
                raise NotFound
            name = _PAGES.get(name, _FIRST_PAGE)
            found = self._files.get(name, self._files[_FIRST_PAGE])
        return web.FileResponse(
            found, headers={"Cache-Control": _FOREVER if name.startswith(_HASHED) else _ASK_AGAIN}
        )
