from __future__ import annotations

from signaling.http.headers import CONTENT_SECURITY_POLICY
from tests.signaling.http.service import API, Service


async def test_every_answer_has_them(service: Service) -> None:
    for path in ("/health", f"{API}/terms", "/nothing", f"{API}/profile", "/favicon.ico"):
        headers = (await service.client.get(path)).headers
        assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "camera=(self)" in headers["Permissions-Policy"]
        assert "microphone=(self)" in headers["Permissions-Policy"]
        assert headers["Server"] == "burrow"


def test_the_policy_is_strict() -> None:
    directives = dict(part.split(" ", 1) for part in CONTENT_SECURITY_POLICY.split("; "))
    assert directives["default-src"] == "'self'"
    assert directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["base-uri"] == "'none'"
    assert directives["object-src"] == "'none'"
    for sources in directives.values():
        assert "unsafe" not in sources
        assert "http" not in sources
        assert "*" not in sources
