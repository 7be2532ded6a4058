"""Set up structlog: one event a line, for people or as JSON. Secrets, tokens and SDP are never logged.

Nobody logs them on purpose; what a mistake or a library would log is caught here all the same, on the way
out. ``docs/logging.md`` names every event.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import sys
from typing import Any, Literal

import structlog
from structlog.typing import EventDict

from burrow.config import LogSettings


def configure_logs(settings: LogSettings) -> None:
    """Log to standard error in the configured format; libraries' warnings too."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        # Before the rules, so that they see a traceback too. Without local variables: they may hold tokens.
        structlog.processors.format_exc_info,
        address_rule(settings.addresses),
        keep_secrets,
    ]
    last: structlog.typing.Processor
    if settings.format == "json":
        last = structlog.processors.JSONRenderer()
    else:
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
        )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[last], foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    # aiohttp logs every malformed request with a traceback: input from strangers is no error of ours.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


SECRET_NAMES = re.compile(
    r"(token|password|secret|cookie|authorization|credential|sdp|ufrag|pwd|candidate)", re.IGNORECASE
)
_SDP = re.compile(r"v=0\s|\ba=(?:ice-|fingerprint|candidate|ssrc)|\bcandidate:\S+ \d ")
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]+")
_CONTROL = {
    **{code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))},
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
}
_LONG = frozenset({"exception", "traceback", "stack"})
"""Texts that have lines, and are ours."""
_REMOTE = frozenset({"remote"})
"""Names under which a user's address may stand."""


def keep_secrets(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Let no secret, token or SDP out, whoever logs it, and no text that would begin a line of its own."""
    for name, value in event.items():
        event[name] = _clean(name, value)
    return event


def _clean(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {key: _clean(str(key), of) for key, of in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(name, item) for item in value]
    text = value if isinstance(value, str) else str(value)
    if SECRET_NAMES.search(name):
        return "[kept]"
    if _SDP.search(text):
        return "[sdp kept]"
    text = _JWT.sub("[token kept]", text)
    return text if name in _LONG else text.translate(_CONTROL)


def shorten(address: str) -> str:
    """A literal address without the part that names a user's machine: /24 of IPv4, /48 of IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "x"
    mapped = getattr(parsed, "ipv4_mapped", None)
    if isinstance(parsed, ipaddress.IPv4Address) or mapped is not None:
        return f"{str(mapped or parsed).rpartition('.')[0]}.x"
    return f"{ipaddress.ip_network((parsed, 48), strict=False).network_address}x"


def address_rule(
    mode: Literal["short", "full", "none"],
) -> structlog.typing.Processor:
    """What becomes of users' addresses, which stand under the name ``remote``."""

    def rule(_logger: object, _method: str, event: EventDict) -> EventDict:
        for name in _REMOTE & event.keys():
            if mode == "none":
                del event[name]
            elif mode == "short":
                event[name] = shorten(str(event[name]))
        return event

    return rule
