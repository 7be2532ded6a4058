"""The command line. Every error is one plain sentence and an exit code; a traceback is a bug.

A command's module is imported when the command is asked for: ``burrow serve`` needs no benchmarks,
``burrow user`` no relay, and none has to wait for what the others need.
"""

from __future__ import annotations

import importlib
import sys
from typing import cast

import typer
from rich.console import Console
from typer.core import TyperCommand, TyperGroup

FAILED = 1
INTERRUPTED = 130

COMMANDS = {
    "serve": ("burrow.cli_serve", "serve"),
    "migrate": ("burrow.cli_accounts", "migrate"),
    "user": ("burrow.cli_accounts", "user_app"),
    "peer": ("burrow.cli_peer", "peer"),
    "load": ("burrow.cli_load", "load"),
    "node": ("burrow.cli_operator", "node_app"),
    "calls": ("burrow.cli_operator", "calls_app"),
    "bench": ("burrow.cli_bench", "bench_app"),
}
"""Name → module and what makes the command there: a function, or a ``typer.Typer`` with its own commands."""

EXPECTED = (
    ("burrow.bench.relay", "BenchError"),
    ("burrow.config", "ConfigError"),
    ("burrow.load.errors", "LoadError"),
    ("burrow.operator_client", "OperatorError"),
    ("burrow.listen", "StartError"),
    ("db.errors", "DatabaseError"),
    ("peers.errors", "PeerError"),
    ("relay.errors", "RelayError"),
    ("signaling.errors", "SignalingError"),
)
"""The trees of errors whose sentence is for people."""


class Commands(TyperGroup):
    """``COMMANDS``, each made when it is first asked for."""

    def list_commands(self, _ctx: object) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: object, cmd_name: str) -> TyperCommand | TyperGroup | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        made = getattr(importlib.import_module(module), attribute)
        if not isinstance(made, typer.Typer):
            function, made = made, typer.Typer(add_completion=False)
            made.command(cmd_name)(function)
        made.pretty_exceptions_enable = False
        command = cast("TyperCommand | TyperGroup", typer.main.get_command(made))
        command.name = cmd_name
        return command


app = typer.Typer(
    name="burrow",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Burrow: 1:1 video chat between strangers that gets through whatever network they sit behind.",
)


@app.callback()
def _burrow() -> None:
    """Needed by Typer to make a group of no commands of its own."""


def is_expected(error: BaseException) -> bool:
    """Whether ``error`` is of one of the trees. What has not been imported can have raised nothing."""
    trees = (getattr(sys.modules.get(module), name, None) for module, name in EXPECTED)
    return any(tree is not None and isinstance(error, tree) for tree in trees)


def main() -> None:
    """Entry point of the ``burrow`` command."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        if not is_expected(error):
            raise
        Console(stderr=True, highlight=False).print(f"burrow: {error}", markup=False, soft_wrap=True)
        sys.exit(getattr(error, "exit_code", FAILED))


if __name__ == "__main__":
    main()
