"""What only the native engine has; collected where its wheel is, which `--engine both` insists on."""

from __future__ import annotations

import importlib.util

from relay.engine.choose import NATIVE_WHEEL

if importlib.util.find_spec(NATIVE_WHEEL) is None:
    collect_ignore_glob = ["test_*.py"]
