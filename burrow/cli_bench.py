"""``burrow bench``: measurements, each printed with what it was measured on."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from burrow.bench import matching as matching_bench
from burrow.bench import relay as relay_bench
from relay.engine.choose import EngineMissingError, installed_engines

bench_app = typer.Typer(no_args_is_help=True, add_completion=False, help="Measure this machine.")
_console = Console(highlight=False)

PAIRS = 20
SECONDS = 5.0


@bench_app.command("relay")
def relay(
    engine: Annotated[str, typer.Option(help="auto, native or python.")] = "auto",
    pairs: Annotated[int, typer.Option(min=1, help="Linked pairs of legs.")] = PAIRS,
    seconds: Annotated[float, typer.Option(min=0.5, help="Length of each run.")] = SECONDS,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """CPU and latency of a forwarded 1,200-byte packet, and the memory of an idle leg."""
    known = ("auto", *installed_engines())
    if engine not in known:
        raise EngineMissingError(f"There is no engine {engine} here; there are: {', '.join(known)}.")
    result = relay_bench.as_dict(asyncio.run(relay_bench.run(engine, pairs, seconds)))
    _show("relay", result, as_json)


@bench_app.command("matching")
def matching(
    waiting: Annotated[int, typer.Option(min=2, help="Users in the queue.")] = matching_bench.WAITING,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Join, leave, match and position while very many wait, friendly ones and hostile ones."""
    result = matching_bench.run(waiting=waiting)
    if as_json:
        typer.echo(matching_bench.to_json(result))
        return
    for line in matching_bench.report(result):
        typer.echo(line)


@bench_app.command("all")
def everything() -> None:
    """What ``make bench`` runs: every benchmark that needs nothing but this machine."""
    matching(waiting=matching_bench.WAITING, as_json=False)
    for engine in installed_engines():
        relay(engine=engine, pairs=PAIRS, seconds=SECONDS, as_json=False)


def _show(title: str, result: dict[str, object], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result))
        return
    table = Table(title=title, show_header=False)
    for name, value in result.items():
        table.add_row(name, str(value))
    _console.print(table)
