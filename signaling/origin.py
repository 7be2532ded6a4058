"""Which pages may open the WebSocket."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def origin_allowed(origin: str | None, host: str, allowed: Collection[str]) -> bool:
    """Whether ``Origin`` is the service's own (by the request's ``Host``), one of ``allowed``
    (``scheme://host[:port]``), or absent, as with clients that are no browsers."""
    if origin is None:
        return True
    here = _parts(origin)
    if here is None:
        return False
    if here in {_parts(other) for other in allowed}:
        return True
    # Behind a TLS proxy the service cannot tell its own scheme: the host decides.
    own = _parts(f"{here[0]}://{host}")
    return own is not None and own == here


def _parts(origin: str) -> tuple[str, str, int] | None:
    try:
        url = urlsplit(origin)
        port = url.port
    except ValueError:
        return None
    if url.scheme not in _PORTS or not url.hostname or url.path or url.query or url.username:
        return None
    return url.scheme, url.hostname, port or _PORTS[url.scheme]
