"""Pick the packet engine that the configuration asks for."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Literal, cast

from relay.engine.interface import EngineConfig, PacketEngine
from relay.engine.python import PythonEngine
from relay.errors import RelayError
from relay.settings import NativeSettings

NATIVE_WHEEL = "burrow_native"
Choice = Literal["auto", "native", "python"]


class EngineMissingError(RelayError):
    """The native engine was asked for and is not installed."""

    code = "engine_missing"


def installed_engines() -> tuple[str, ...]:
    """The engines that can be made here."""
    return ("python", "native") if importlib.util.find_spec(NATIVE_WHEEL) else ("python",)


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
