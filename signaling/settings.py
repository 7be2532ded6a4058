"""Signaling's part of the configuration; ``config.toml`` explains each key."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Rate = Annotated[int, Meta(ge=1, le=1_000_000)]


class ServerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    data_dir: Annotated[str, Meta(min_length=1)] = "data"
    origins: tuple[Annotated[str, Meta(pattern=r"^https?://[^/]+$")], ...] = ()
    trust_proxy: bool = False
    stop_seconds: Seconds = 5.0
    drain_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 900.0
    drain_calls: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    drain_queue: Literal["tell", "keep"] = "tell"


class AuthSettings(Struct, frozen=True, forbid_unknown_fields=True):
    access_token_seconds: Annotated[int, Meta(ge=10, le=86_400)] = 900
    refresh_token_seconds: Annotated[int, Meta(ge=60, le=31_536_000)] = 2_592_000
    cookie_secure: Literal["auto", "always", "never"] = "auto"
    hash_concurrency: Annotated[int, Meta(ge=1, le=64)] = 2
    hash_queue: Annotated[int, Meta(ge=0, le=100_000)] = 64
    requests_per_minute: Rate = 600
    signups_per_minute: Rate = 20
    logins_per_minute: Rate = 10
    terms_version: Annotated[str, Meta(min_length=1, max_length=32)] = "2026-11"


class LiveSettings(Struct, frozen=True, forbid_unknown_fields=True):
    auth_seconds: Seconds = 5.0
    message_bytes: Annotated[int, Meta(ge=4096, le=1_048_576)] = 32_768
    messages_per_second: Rate = 20
    message_burst: Rate = 60
    ping_seconds: Seconds = 10.0
    send_queue: Annotated[int, Meta(ge=16, le=65_536)] = 256
    resume_seconds: Seconds = 20.0
    connect_seconds: Seconds = 15.0
    no_media_seconds: Seconds = 4.0
    max_sockets: Rate = 20_000


class MatchingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    rematch_seconds: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    rematch_memory: Annotated[int, Meta(ge=1, le=10_000_000)] = 200_000


_TURN_HOST = r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
TurnUrl = Annotated[
    str,
    Meta(pattern=rf"^(turn:{_TURN_HOST}(\?transport=(udp|tcp))?|turns:{_TURN_HOST}(\?transport=tcp)?)$"),
]
"""RFC 7065; ``turns`` by UDP (DTLS) is left out, since browsers cannot."""


class TurnSettings(Struct, frozen=True, forbid_unknown_fields=True):
    urls: Annotated[tuple[TurnUrl, ...], Meta(max_length=4)] = ()
    credential_seconds: Annotated[int, Meta(ge=60, le=86_400)] = 3600
    check_seconds: Annotated[float, Meta(ge=5, le=86_400)] = 600.0


class RouteSettings(Struct, frozen=True, forbid_unknown_fields=True):
    policy: Literal["direct-first", "relay-first", "relay-only"] = "direct-first"
    relay_after_ms: Annotated[int, Meta(ge=0, le=60_000)] = 600
    spared_relay_after_ms: Annotated[int, Meta(ge=0, le=60_000)] = 3000
    stable_seconds: Annotated[float, Meta(ge=0, le=3600)] = 5.0
    legs: Literal["always", "strict", "never"] = "always"
    leg_idle_seconds: Seconds = 300.0
