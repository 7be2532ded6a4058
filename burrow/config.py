"""Read ``config.toml`` and the environment into frozen settings, or say exactly what is wrong."""

from __future__ import annotations

import re
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from db.settings import DatabaseSettings
from relay.settings import RelaySettings
from signaling.settings import (
    AuthSettings,
    LiveSettings,
    MatchingSettings,
    RouteSettings,
    ServerSettings,
    TurnSettings,
)

PREFIX = "BURROW_"
SECRETS = ("BURROW_TURN_SECRET",)
"""Read by the part that needs each, so that no secret is part of the configuration."""
NOT_SETTINGS = frozenset({"BURROW_OPERATOR_TOKEN", "BURROW_OPERATOR_URL"})
"""Variables of the command line (:mod:`burrow.operator_client`)."""


class ConfigError(Exception):
    """The configuration cannot be used. The sentence names the key, its value and what is allowed."""

    code = "config_invalid"


class LogSettings(Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"
    addresses: Literal["short", "full", "none"] = "short"


class MetricsSettings(Struct, frozen=True, forbid_unknown_fields=True):
    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=-1, le=65535)] = 9464
    token: Annotated[str, Meta(pattern=r"^(|[\x21-\x7e]{16,})$")] = ""


class WebhookSettings(Struct, frozen=True, forbid_unknown_fields=True):
    urls: tuple[Annotated[str, Meta(pattern=r"^https?://[^/@]+(/.*)?$")], ...] = ()
    secret: Annotated[str, Meta(pattern=r"^(|[\x21-\x7e]{16,})$")] = ""
    events: tuple[Literal["match.started", "match.ended", "match.failed", "user.reported"], ...] = (
        "match.started",
        "match.ended",
        "match.failed",
        "user.reported",
    )
    queue: Annotated[int, Meta(ge=1, le=100_000)] = 1000


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """One field a section of ``config.toml``."""

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    auth: AuthSettings = AuthSettings()
    live: LiveSettings = LiveSettings()
    matching: MatchingSettings = MatchingSettings()
    routes: RouteSettings = RouteSettings()
    turn: TurnSettings = TurnSettings()
    relay: RelaySettings = RelaySettings()
    metrics: MetricsSettings = MetricsSettings()
    webhooks: WebhookSettings = WebhookSettings()
    log: LogSettings = LogSettings()


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Read the file at ``path`` (``None``: defaults), lay ``BURROW_SECTION_KEY`` variables over it.

    Raises :class:`ConfigError` for a file that cannot be read, an unknown section, key or variable,
    a wrong type or an impossible value.
    """
    raw: dict[str, Any] = {}
    if path is not None:
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"Cannot read {path}: {error.strerror}.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and name not in (*SECRETS, *NOT_SETTINGS):
            _override(raw, name, value)
    try:
        config = msgspec.convert(raw, Config, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(raw, str(error))) from error
    _check_combinations(config)
    return config


def _sections() -> dict[str, type[Struct]]:
    return {field.name: field.type for field in msgspec.structs.fields(Config)}


def _override(raw: dict[str, Any], name: str, value: str) -> None:
    section, _, key = name[len(PREFIX) :].lower().partition("_")
    sections = _sections()
    fields = _keys(sections[section]) if section in sections else {}
    if key not in fields:
        known = ", ".join(f"{PREFIX}{section.upper()}_{k.upper()}" for k in fields) or ", ".join(
            f"{PREFIX}{s.upper()}_…" for s in sections
        )
        raise ConfigError(f"Unknown environment variable {name}. Known here: {known}.")
    tables, kind = fields[key]
    table = raw
    for at, name_of_table in enumerate((section, *tables), start=1):
        table = table.setdefault(name_of_table, {})
        if not isinstance(table, dict):
            path = ".".join((section, *tables)[:at])
            raise ConfigError(f"[{path}] in the configuration file is not a table.")
    table[key.removeprefix("_".join((*tables, "")))] = _from_text(value, kind)


def _keys(section: type[Struct]) -> dict[str, tuple[tuple[str, ...], Any]]:
    """The keys of a section and of the tables in it, as variables name them: in which table each is, and its
    type."""
    keys: dict[str, tuple[tuple[str, ...], Any]] = {}
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            for name, (tables, kind) in _keys(field.type).items():
                keys[f"{field.name}_{name}"] = ((field.name, *tables), kind)
        else:
            keys[field.name] = ((), field.type)
    return keys


def _from_text(value: str, kind: Any) -> Any:
    """A variable's text as TOML would have given it; what does not fit stays text and is refused later."""
    kind = _bare(kind)
    if typing.get_origin(kind) is tuple:
        return [item.strip() for item in value.split(",") if item.strip()]
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    if kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            return value
    return value


def _bare(kind: Any) -> Any:
    return typing.get_args(kind)[0] if typing.get_origin(kind) is Annotated else kind


def _explain(raw: dict[str, Any], problem: str) -> str:
    unknown = re.search(r"unknown field `([^`]+)`", problem)
    at = re.search(r"- at `\$\.?([^`]*)`", problem)
    keys = at.group(1).split(".") if at and at.group(1) else []
    if unknown:
        where = f"[{'.'.join(keys)}] " if keys else ""
        known: type[Struct] = Config
        for key in keys:
            known = {f.name: f.type for f in msgspec.structs.fields(known)}[key]
        names = ", ".join(f.name for f in msgspec.structs.fields(known))
        return f"Unknown key {where}{unknown.group(1)}. Known there: {names}."
    value: Any = raw
    kind: Any = Config
    for key in keys:
        key = key.split("[")[0]
        value = value.get(key) if isinstance(value, dict) else value
        if isinstance(kind, type) and issubclass(kind, Struct):
            kind = {f.name: f.type for f in msgspec.structs.fields(kind)}[key]
    return f"{'.'.join(keys)} = {value!r} is not allowed; allowed: {_allowed(kind)}."


def _allowed(kind: Any) -> str:
    """What a key may hold, in words made from its type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        words = [_allowed(arguments[0])]
        for meta in arguments[1:]:
            if isinstance(meta, Meta):
                words += [
                    f"{text} {bound}"
                    for text, bound in (
                        ("at least", meta.ge),
                        ("more than", meta.gt),
                        ("at most", meta.le),
                        ("less than", meta.lt),
                        ("characters at least", meta.min_length),
                        ("characters at most", meta.max_length),
                        ("of the form", meta.pattern),
                    )
                    if bound is not None
                ]
        return ", ".join(words)
    if origin is Literal:
        return " or ".join(f'"{a}"' for a in arguments)
    if origin is tuple:
        return f"a list, each {_allowed(arguments[0])}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_allowed(a) for a in arguments)
    return {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}.get(
        kind, "a table"
    )


def _check_combinations(config: Config) -> None:
    if config.webhooks.urls and not config.webhooks.secret:
        raise ConfigError(
            'webhooks.secret = "" is not allowed with webhooks.urls; allowed: a text of at least 16 '
            "characters that the receivers know too (BURROW_WEBHOOKS_SECRET)."
        )
    if config.relay.soft_stress > config.relay.hard_stress:
        raise ConfigError(
            f"relay.soft_stress = {config.relay.soft_stress:g} is not allowed; "
            f"allowed: at most relay.hard_stress ({config.relay.hard_stress:g})."
        )
    relay = config.relay
    if relay.interrupted_after_ms >= relay.consent_ms:
        raise ConfigError(
            f"relay.interrupted_after_ms = {relay.interrupted_after_ms} is not allowed; "
            f"allowed: less than relay.consent_ms ({relay.consent_ms})."
        )
    if config.live.message_burst < config.live.messages_per_second:
        raise ConfigError(
            f"live.message_burst = {config.live.message_burst} is not allowed; "
            f"allowed: at least live.messages_per_second ({config.live.messages_per_second})."
        )
