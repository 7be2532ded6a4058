"""What ``burrow node`` and ``burrow calls`` print for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

_UNKNOWN = "-"
Answer = dict[str, Any]


def node_lines(node: Answer) -> Iterator[str]:
    """The node at one moment."""
    load, limits, drain, test = node["load"], node["limits"], node["drain"], node["self_test"]
    yield f"Burrow {node['version']}, engine {node['engine']}, up since {_time(node['started_at'])}"
    shares = ", ".join(f"{name} {share:.2f}" for name, share in sorted(load["shares"].items()))
    yield (
        f"stress   {load['stress']:.2f} ({load['level']}; soft {limits['soft']:g}, hard {limits['hard']:g})"
        + (f": {shares}" if shares else "")
    )
    yield f"packets  {load['packets_per_second']:.0f}/s of about {load['packets_capacity']:.0f}/s"
    yield f"sends    {_bps(load['egress_bps'])}" + (
        f" of {_bps(limits['max_egress_bps'])}" if limits["max_egress_bps"] else ""
    )
    lag = f"event loop late by {load['lag_ms']:.1f} ms"
    yield f"CPU      {load['cpu']:.2f} cores, stolen {load['steal']:.0%}, {lag}"
    yield (
        f"users    {node['online']} online, {node['queued']} waiting, {node['matches']} calls, "
        f"{node['legs']} of {limits['max_legs']} legs"
    )
    if drain is not None:
        until = "without a deadline" if drain["deadline"] is None else f"until {_time(drain['deadline'])}"
        left = f"{drain['calls_left']} calls left"
        yield f"DRAINING since {_time(drain['since'])} by {drain['by']}, {until}: {left}"
    if test is None:
        yield "self-test: not done yet"
    elif test["ok"]:
        yield f"self-test: passed at {_time(test['at'])}"
    else:
        yield f"self-test FAILED {test['failures']} times at {test['step']}: {test['message']}"
    if node["not_ready"]:
        yield f"not ready: {', '.join(node['not_ready'])}"


def limits_lines(limits: Answer) -> Iterator[str]:
    """What the node may take."""
    yield f"soft           {limits['soft']:g}"
    yield f"hard           {limits['hard']:g}"
    yield f"max_legs       {limits['max_legs']}"
    yield f"max_egress_bps {limits['max_egress_bps'] or 'no limit'}"


def call_table(calls: list[Answer]) -> Table:
    """Calls in progress, a line each."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("match", "age", "route", "state", "a", "sends", "gets", "b", "sends", "gets"):
        table.add_column(name, no_wrap=True, justify="right" if name in ("age", "sends", "gets") else "left")
    for call in calls:
        cells = [call["match"], _age(call["age_seconds"]), call["route"] or _UNKNOWN, call["state"]]
        for side in (call["a"], call["b"]):
            who = side["name"] if side["quality"] in (None, "good") else f"{side['name']} ({side['quality']})"
            cells += [who, _bps(side["sent_bps"]), _bps(side["received_bps"])]
        table.add_row(*(cell.replace("[", "\\[") for cell in cells))
    return table


def story_lines(story: Answer) -> Iterator[str]:
    """One call, with what happened in it."""
    call, stored = story["call"], story["stored"]
    if call is not None:
        age = _age(call["age_seconds"])
        yield f"{story['match']}: {call['state']}, {call['route'] or 'no route'}, {age} old"
        for side in ("a", "b"):
            yield from _end_lines(side, call[side])
    elif stored is not None:
        began, reason = _time(stored["started_at"]), stored["end_reason"]
        ended = "still open" if stored["ended_at"] is None else f"ended {_time(stored['ended_at'])}, {reason}"
        yield f"{story['match']}: began {began}, {ended}"
        for side in ("a", "b"):
            yield f"  {side}: {stored[side]['name']} ({stored[side]['id']})"
    for step in story["steps"]:
        about = " ".join(str(step[name]) for name in ("route", "side", "detail") if step[name] is not None)
        yield f"  {step['at_ms'] / 1000:>9.3f} s  {step['step']:<16} {about}".rstrip()
    if story["samples"]:
        yield "  time: route, then for a and b: sends, gets, lost of that, quality"
    for at_ms, route, a, b in story["samples"]:
        ends = "   ".join(f"{_bps(e[0])} {_bps(e[1])} {_permille(e[3])} {e[5] or _UNKNOWN}" for e in (a, b))
        yield f"  {at_ms / 1000:>7.0f} s  {route or _UNKNOWN:<6}  {ends}"


def _end_lines(side: str, end: Answer) -> Iterator[str]:
    away = ", without a socket" if end["away"] else ""
    yield f"  {side}: {end['name']} ({end['user']}) by {end['transport'] or 'no media yet'}{away}"
    quality = end["quality"] or "unknown"
    reason = f" ({end['quality_reason']})" if end["quality_reason"] else ""
    rtt = _UNKNOWN if end["rtt_ms"] is None else f"{end['rtt_ms']:g} ms"
    yield (
        f"     sends {_bps(end['sent_bps'])}, of which lost {_permille(end['sent_loss_permille'])}; "
        f"gets {_bps(end['received_bps'])}, of which lost {_permille(end['received_loss_permille'])}; "
        f"round trip {rtt}; quality {quality}{reason}"
    )


def _time(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _age(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _bps(bits: float | None) -> str:
    if bits is None:
        return _UNKNOWN
    return f"{bits / 1e6:.1f} Mbit/s" if bits >= 1e6 else f"{bits / 1e3:.0f} kbit/s"


def _permille(share: int | None) -> str:
    return _UNKNOWN if share is None else f"{share / 10:g} %"
