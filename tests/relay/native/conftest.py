"""What only the native engine has; collected where its wheel is installed, which CI insists on."""

from __future__ import annotations

import importlib.util
import os

import pytest

from relay.engine.choose import NATIVE_WHEEL

if importlib.util.find_spec(NATIVE_WHEEL) is None:
    if os.environ.get("CI") == "true":
        raise pytest.UsageError("The native engine's wheel is not installed: see relay/native/README.md.")
    collect_ignore_glob = ["test_*.py"]
