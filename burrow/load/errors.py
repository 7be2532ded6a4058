"""Why a load could not be made at all; what fails within it is part of its report."""

from __future__ import annotations


class LoadError(Exception):
    """A sentence for whoever started it."""

    code = "load_failed"
    exit_code = 75
