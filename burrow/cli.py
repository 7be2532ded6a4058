"""The command line. Every error is one plain sentence and an exit code; a traceback is a bug."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from burrow.bench.relay import BenchError
from burrow.cli_accounts import migrate, user_app
from burrow.cli_bench import bench_app
from burrow.cli_operator import calls_app, node_app
from burrow.cli_peer import peer
from burrow.cli_serve import serve
from burrow.config import ConfigError
from burrow.operator_client import OperatorError
from burrow.service import StartError
from db.errors import DatabaseError
from peers.errors import PeerError
from relay.errors import RelayError
from signaling.errors import SignalingError

FAILED = 1
INTERRUPTED = 130

app = typer.Typer(
    name="burrow",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Burrow: 1:1 video chat between strangers that gets through whatever network they sit behind.",
)
app.command()(serve)
app.command()(migrate)
app.add_typer(user_app, name="user")
app.command()(peer)
app.add_typer(bench_app, name="bench")
app.add_typer(node_app, name="node")
app.add_typer(calls_app, name="calls")

_EXPECTED = (
    BenchError,
    ConfigError,
    StartError,
    DatabaseError,
    RelayError,
    SignalingError,
    PeerError,
    OperatorError,
)


def main() -> None:
    """Entry point of the ``burrow`` command."""
    try:
        app()
    except _EXPECTED as error:
        Console(stderr=True, highlight=False).print(f"burrow: {error}", markup=False, soft_wrap=True)
        sys.exit(getattr(error, "exit_code", FAILED))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
