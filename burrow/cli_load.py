"""``burrow load``: very many calls through a running service, and what became of them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from burrow.cli_serve import event_loop
from burrow.load.report import LoadReport, Percentiles
from burrow.load.run import LoadPlan, Progress, run_load

CALLS_A_SECOND = 10
"""Calls that start in a second when nothing is said about it: twenty users' handshakes."""
INCOMPLETE = 1
"""Exit code when not all calls connected and lasted."""


def load(
    calls: Annotated[int, typer.Option(min=1, max=10_000, help="Calls, of two users each.")] = 10,
    seconds: Annotated[float, typer.Option(min=0.1, help="How long all of them are held.")] = 10.0,
    ramp: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds in which they start; left out, ten calls start each second."),
    ] = None,
    bit_rate: Annotated[
        int, typer.Option("--bit-rate", min=10_000, max=50_000_000, help="Bits per second each way.")
    ] = 1_000_000,
    url: Annotated[str, typer.Option(help="Address of the service.")] = "http://127.0.0.1:8080",
    generator: Annotated[str, typer.Option(help="auto, native or python: what makes the packets.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Load a running service with calls by relay, each with real signaling, ICE, DTLS and SRTP.

    The service must be yours and otherwise unused: strangers would be matched with the load's users.
    Raise its auth.signups_per_minute and auth.requests_per_minute first (docs/load.md)."""
    if generator not in ("auto", "native", "python"):
        raise typer.BadParameter("auto, native or python.", param_hint="--generator")
    plan = LoadPlan(
        url=url,
        calls=calls,
        seconds=seconds,
        ramp=calls / CALLS_A_SECOND if ramp is None else ramp,
        bit_rate=bit_rate,
        generator=generator,
    )
    console = Console(stderr=True, highlight=False)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        if console.is_terminal:
            with console.status("Starting …") as status:
                report = runner.run(run_load(plan, lambda now: status.update(_line(now, plan))))
        else:
            report = runner.run(run_load(plan, lambda _: None))
    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        _print(report)
    if report.success < 1:
        raise typer.Exit(INCOMPLETE)


def _line(now: Progress, plan: LoadPlan) -> str:
    users = f"{now.connected} of {2 * plan.calls} users connected, {now.failed} failed"
    return (
        f"Starting: {users}" if now.held < 0 else f"Holding {now.held:.0f} of {plan.seconds:.0f} s: {users}"
    )


def _print(report: LoadReport) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)

    def row(name: str, value: str) -> None:
        table.add_row(name, value)

    row("calls connected", f"{report.connected} of {report.calls}")
    row("success", f"{report.success:.1%} connected and lasted {report.seconds:g} s")
    for failure, count in sorted(report.failures.items(), key=lambda item: -item[1]):
        row("", f"{count} users: {failure}")
    row("", "median / 95th / 99th percentile")
    row("sign-in and socket", _three(report.sign_in_ms))
    row("leg up (ICE, DTLS)", _three(report.leg_ms))
    row("match to media", _three(report.connect_ms))
    row("latency", _three(report.latency_ms))
    row("packets", f"{report.sent} sent, {report.received} received")
    row("loss", f"{report.loss:.4%}, {report.worst_loss:.4%} in the worst call")
    row("bit rate", f"{report.bit_rate / 1e6:.2f} Mbit/s each way")
    row("generator", f"{report.generator}; this tool used {report.cores_used} of {report.cores} cores")
    row("", report.limit or "It kept up with its own clock: the numbers are the service's.")
    Console(highlight=False, soft_wrap=True).print(table)


def _three(values: Percentiles) -> str:
    return f"{values.median:g} / {values.p95:g} / {values.p99:g} ms"
