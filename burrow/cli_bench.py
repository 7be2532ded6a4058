"""``burrow bench``: measurements, each printed with what it was measured on."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import platform
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


@bench_app.command("engine")
def engine_table(
    rows: Annotated[list[str] | None, typer.Argument(help="Only these rows; see --list.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of each run.")] = 1.0,
    runs: Annotated[int, typer.Option(min=1, help="Runs whose median is taken.")] = 5,
    first: Annotated[bool, typer.Option(help="Go before all else on this machine (root).")] = False,
    names: Annotated[bool, typer.Option("--list", help="Name the rows.")] = False,
) -> None:
    """What the native packet engine must show, beside the bare loop, coturn and the Python engine."""
    if "native" not in installed_engines():
        raise EngineMissingError("The native engine is not installed; `make run` builds it where cargo is.")
    table = importlib.import_module("burrow.bench.relay_table")
    unknown = [name for name in rows or () if name not in table.ROWS]
    if names or unknown:
        said = f"There is no row {unknown[0]}. " if unknown else ""
        typer.echo(f"{said}Rows: {', '.join(table.ROWS)}.", err=bool(unknown))
        raise typer.Exit(1 if unknown else 0)
    if first:
        table.go_first()
    typer.echo(f"median of {runs} runs of {seconds:g} s, {os.cpu_count()} cores, {platform.platform()}")
    typer.echo(
        f"{'figure':52} {'must':28} {'value':>12} {'bare loop':>10} {'times':>6} {'where set':>9}  limit"
    )
    for row in table.run(rows or (), table.Effort(seconds, runs)):
        bare = "" if row.bare is None else f"{row.bare:,.2f}"
        times = "" if row.times_bare is None else f"{row.times_bare:.2f}"
        there = "" if row.where_set is None else f"{row.where_set:.2f}"
        met = "met" if row.met else "NOT MET"
        value = f"{row.value:,.2f} {row.unit}"
        line = (
            f"{row.figure:52} {row.must:28} {value:>12} {bare:>10} {times:>6} {there:>9}  {row.limit:9} {met}"
        )
        typer.echo(line)
        if row.note:
            typer.echo(f"    {row.note}")


@bench_app.command("all")
def everything() -> None:
    """What ``make bench`` runs: every benchmark that needs nothing but this machine."""
    matching(waiting=matching_bench.WAITING, as_json=False)
    for engine in installed_engines():
        relay(engine=engine, pairs=PAIRS, seconds=SECONDS, as_json=False)
    if "native" in installed_engines():
        engine_table()


def _show(title: str, result: dict[str, object], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result))
        return
    table = Table(title=title, show_header=False)
    for name, value in result.items():
        table.add_row(name, str(value))
    _console.print(table)
