"""``burrow node`` and ``burrow calls``: what the operators' page shows and does, on the command line."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Console

from burrow.cli_accounts import ConfigOption, load
from burrow.operator_client import Node, OperatorError, find_node
from burrow.operator_words import call_table, limits_lines, node_lines, story_lines

node_app = typer.Typer(no_args_is_help=True, help="See, limit and drain the node that runs.")
calls_app = typer.Typer(no_args_is_help=True, help="See the calls in progress, and end one.")
_console = Console(highlight=False)

UrlOption = Annotated[
    str | None,
    typer.Option("--url", help="Address of the service. Default: BURROW_OPERATOR_URL, or as configured."),
]
AccountOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        help="Address of the account that acts. Default: BURROW_OPERATOR_TOKEN's, or the first operator.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the service's answer as JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
MatchArgument = Annotated[str, typer.Argument(help="Id of the match, as `burrow calls list` shows it.")]


@node_app.command("status")
def status(
    url: UrlOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show load, limits, counts, drain and self-test."""
    _show(_node(url, account, config).ask("GET", "/node"), node_lines, as_json)


@node_app.command("drain")
def drain(
    deadline: Annotated[
        float | None,
        typer.Option(
            min=0, help="Seconds after which calls that still go on are ended. Default: as configured."
        ),
    ] = None,
    url: UrlOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make no new matches, and stop the service when the calls are over."""
    node = _node(url, account, config)
    _confirm("Take no new matches and stop the service when the calls are over?", yes)
    _show(node.ask("POST", "/node/drain", {"deadline_seconds": deadline}), node_lines, as_json)


@node_app.command("undrain")
def undrain(
    url: UrlOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a drain back: make matches again."""
    _show(_node(url, account, config).ask("POST", "/node/undrain"), node_lines, as_json)


@node_app.command("limits")
def limits(
    soft: Annotated[
        float | None, typer.Option(help="Stress from which on new matches spare the relay.")
    ] = None,
    hard: Annotated[float | None, typer.Option(help="Stress from which on new legs are refused.")] = None,
    max_legs: Annotated[int | None, typer.Option(min=0, help="Legs at once.")] = None,
    max_egress_bps: Annotated[
        int | None, typer.Option(min=0, help="Bits per second sent by the node; 0 for no limit.")
    ] = None,
    url: UrlOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the limits, or change those given until the service stops (config.toml keeps its own)."""
    given = {"soft": soft, "hard": hard, "max_legs": max_legs, "max_egress_bps": max_egress_bps}
    change = {name: value for name, value in given.items() if value is not None}
    node = _node(url, account, config)
    if not change:
        _show(node.ask("GET", "/node/limits"), limits_lines, as_json)
        return
    _confirm(f"Set {', '.join(f'{name} to {value:g}' for name, value in change.items())}?", yes)
    _show(node.ask("PATCH", "/node/limits", change), limits_lines, as_json)


@calls_app.command("list")
def list_calls(
    user: Annotated[str | None, typer.Option(help="Only this user's, by id.")] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=200, help="At most so many; the oldest are shown first.")
    ] = 50,
    after: Annotated[str | None, typer.Option(help="Go on where the list before ended (its `next`).")] = None,
    url: UrlOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the calls in progress."""
    asked = {"limit": limit, "user": user, "after": after}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    answer = _node(url, account, config).ask("GET", f"/calls?{query}")
    if as_json:
        _print_json(answer)
        return
    _console.print(call_table(answer["calls"]))
    shown, total = len(answer["calls"]), answer["total"]
    if answer["next"] is not None:
        _console.print(f"{shown} of {total} calls. More: --after {answer['next']}", markup=False)
    else:
        _console.print(f"{total} {'call' if total == 1 else 'calls'}.", markup=False)


@calls_app.command("show")
def show_call(
    match: MatchArgument,
    url: UrlOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one call, in progress or over: both ends, each step, and how it went over time."""
    _show(_node(url, account, config).ask("GET", f"/calls/{_id(match)}"), story_lines, as_json)


@calls_app.command("end")
def end_call(
    match: MatchArgument,
    url: UrlOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """End a call in progress. Both users are told that an operator did."""
    node = _node(url, account, config)
    _confirm(f"End call {_id(match)}? Both users are told that an operator did.", yes)
    _show(node.ask("POST", f"/calls/{_id(match)}/end"), lambda a: [f"Ended {a['match']}."], as_json)


def _node(url: str | None, account: str | None, config: Path | None) -> Node:
    settings, data_dir = load(config)
    return find_node(settings, data_dir, os.environ, url, account)


def _id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise OperatorError(f"{text!r} is no id of a match. See: burrow calls list")
    return text


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise OperatorError("There is no terminal to ask for confirmation. Say --yes if you mean it.")
    if not typer.confirm(question):
        raise typer.Abort


def _show(answer: dict[str, Any], lines: Any, as_json: bool) -> None:
    if as_json:
        _print_json(answer)
        return
    for line in lines(answer):
        _console.print(line, markup=False, soft_wrap=True)


def _print_json(answer: dict[str, Any]) -> None:
    typer.echo(json.dumps(answer, ensure_ascii=False))
