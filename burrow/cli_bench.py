"""``burrow bench``: measurements, each printed with what it was measured on."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from burrow.bench import relay as relay_bench

bench_app = typer.Typer(no_args_is_help=True, help="Measure this machine.")
_console = Console(highlight=False)


@bench_app.command("relay")
def relay(
    engine: Annotated[str, typer.Option(help="auto, native or python.")] = "auto",
    pairs: Annotated[int, typer.Option(min=1, help="Linked pairs of legs.")] = 20,
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of each run.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """CPU and latency of a forwarded 1,200-byte packet, and the memory of an idle leg."""
    result = relay_bench.as_dict(asyncio.run(relay_bench.run(engine, pairs, seconds)))
    _show("relay", result, as_json)


def _show(title: str, result: dict[str, object], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result))
        return
    table = Table(title=title, show_header=False)
    for name, value in result.items():
        table.add_row(name, str(value))
    _console.print(table)
