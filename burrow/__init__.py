"""The composition root: command line, configuration, start and stop. Nothing imports it."""

from __future__ import annotations

__version__ = "0.1.0"
