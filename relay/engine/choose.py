"""Pick the packet engine that the configuration asks for."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Literal, cast

from relay.engine.interface import EngineConfig, PacketEngine
from relay.engine.python import PythonEngine
from relay.errors import RelayError

NATIVE_WHEEL = "burrow_native"


class EngineMissingError(RelayError):
    """The native engine was asked for and is not installed."""

    code = "engine_missing"


def installed_engines() -> tuple[str, ...]:
    """The engines that can be made here."""
    return ("python", "native") if importlib.util.find_spec(NATIVE_WHEEL) else ("python",)


def make_engine(choice: Literal["auto", "native", "python"], config: EngineConfig) -> PacketEngine:
    """``auto`` takes the native engine where its wheel is installed.

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
    return cast(PacketEngine, native.NativeEngine(config))
