"""The reference engine: asyncio and pylibsrtp. Readable first; works wherever Python does."""

from relay.engine.python.engine import PythonEngine

__all__ = ["PythonEngine"]
