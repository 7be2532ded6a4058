"""Run system commands, and say what one answered when it fails."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

COMMAND_SECONDS = 20.0


class CommandFailed(RuntimeError):
    """A command of the lab failed: the lab cannot be trusted."""


def run(*words: str, given: str | None = None, allowed: Sequence[int] = (0,)) -> str:
    """The standard output of a command. Raises :class:`CommandFailed` with its standard error."""
    done = subprocess.run(
        words, input=given, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
    )
    if done.returncode not in allowed:
        raise CommandFailed(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}\n{given or ''}")
    return done.stdout
