"""Pick the packet engine that the configuration asks for."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Literal, cast

from relay.engine.interface import EngineConfig, PacketEngine
from relay.engine.python import PythonEngine
from relay.errors import RelayError
from relay.settings import NativeSettings, RelaySettings

NATIVE_WHEEL = "burrow_native"
Choice = Literal["auto", "native", "python"]


class EngineMissingError(RelayError):
    """The native engine was asked for and is not installed."""

    code = "engine_missing"


def installed_engines() -> tuple[str, ...]:
    """The engines that can be made here."""
    return ("python", "native") if importlib.util.find_spec(NATIVE_WHEEL) else ("python",)


def engine_config(settings: RelaySettings, addresses: tuple[str, ...]) -> EngineConfig:
    """What the settings say to the engine that binds these addresses."""
    return EngineConfig(
        addresses=addresses,
        udp_port=settings.udp_port,
        max_legs=settings.max_legs,
        leg_max_bps=settings.leg_max_bps,
        leg_burst_bytes=settings.leg_burst_bytes,
        leg_max_paths=settings.leg_max_paths,
        interrupted_after_ms=settings.interrupted_after_ms,
        consent_ms=settings.consent_ms,
        path_stale_ms=settings.path_stale_ms,
        keyframe_interval_ms=settings.keyframe_interval_ms,
        stun_per_second=settings.stun_per_second,
        socket_buffer_bytes=settings.socket_buffer_bytes,
        tcp_port=settings.tcp_port,
        stun_port=settings.stun_port,
        tcp_auth_ms=settings.tcp_auth_ms,
        tcp_max_strangers=settings.tcp_max_strangers,
        tcp_max_strangers_per_prefix=settings.tcp_max_strangers_per_prefix,
        tcp_queue_bytes=settings.tcp_queue_bytes,
    )


def engine_reason(choice: Choice) -> str:
    """Why the engine that :func:`make_engine` makes is the one, in a sentence for operators."""
    if choice != "auto":
        return f'relay.engine is "{choice}".'
    if "native" in installed_engines():
        return "The native engine is installed."
    return (
        f"The native engine is not installed (no {NATIVE_WHEEL}), and a packet costs several times more "
        "without it. `make run` builds it where a Rust toolchain is."
    )


def make_engine(choice: Choice, config: EngineConfig, tuning: NativeSettings | None = None) -> PacketEngine:
    """``auto`` takes the native engine where its wheel is installed; ``tuning`` is for that one alone.

    Raises :class:`EngineMissingError` when ``native`` is asked for and is not there.
    """
    if choice == "python":
        return PythonEngine(config)
    if "native" not in installed_engines():
        if choice == "native":
            raise EngineMissingError(
                "The native packet engine is not installed: "
                'build it, or set relay.engine to "auto" or "python".'
            )
        return PythonEngine(config)
    native = importlib.import_module("relay.engine.native")
    return cast(PacketEngine, native.NativeEngine(config, tuning))
