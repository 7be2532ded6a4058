"""``burrow peer``: a headless peer on the command line. Meets strangers and says how each match was."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from burrow.config import LogSettings
from burrow.logs import configure_logs
from burrow.peer_words import Words
from peers import FileMedia, Match, MatchReport, Media, Peer, PeerError, SyntheticMedia
from peers.errors import MatchOver, Refused
from signaling import messages as wire

T = TypeVar("T")


class Route(StrEnum):
    AUTO = "auto"
    RELAY = "relay"


class Codec(StrEnum):
    VP8 = "VP8"
    H264 = "H264"


@dataclass(frozen=True, slots=True)
class _Plan:
    matches: int
    seconds: float | None
    chat: tuple[str, ...]
    json: bool


def peer(
    url: Annotated[str, typer.Option(help="Address of the service, such as http://127.0.0.1:8080.")],
    media: Annotated[
        str,
        typer.Option(help="What to send: synthetic, none, or a video file.", metavar="synthetic|none|FILE"),
    ] = "synthetic",
    record: Annotated[
        Path | None,
        typer.Option(
            help="Record what the stranger sends (.mkv, .mp4 or .webm); later matches get a number added.",
            dir_okay=False,
        ),
    ] = None,
    matches: Annotated[int, typer.Option(min=0, help="Matches before it ends; 0: no end.")] = 1,
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0, help="Seconds in each match, once connected; without: until the stranger leaves."
        ),
    ] = None,
    route: Annotated[
        Route, typer.Option(help="auto takes what the service chooses; relay hides your address.")
    ] = Route.AUTO,
    chat: Annotated[list[str] | None, typer.Option(help="Text to send in each match; repeatable.")] = None,
    codec: Annotated[Codec, typer.Option(help="Video codec to send with.")] = Codec.VP8,
    email: Annotated[
        str | None, typer.Option(help="Log in to this account; without it the peer is a guest.")
    ] = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="File with the account's password.", exists=True, dir_okay=False, readable=True),
    ] = None,
    take_over: Annotated[
        bool, typer.Option(help="Continue the account's seat when another connection has it.")
    ] = False,
    json: Annotated[
        bool,
        typer.Option("--json", help="One JSON object a match on standard output, progress on the other."),
    ] = False,
) -> None:
    """Meet strangers without a browser: send media, receive theirs, and report on each match."""
    if (email is None) != (password_file is None):
        raise typer.BadParameter("--email and --password-file go together.")
    source = _media(media, codec)
    words = Words(to_stderr=json)
    hide = route is Route.RELAY
    if email is not None and password_file is not None:
        try:
            password = password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise typer.BadParameter(f"{password_file} is not UTF-8.") from error
        user = Peer.login(
            url,
            email=email,
            password=password,
            take_over=take_over,
            media=source,
            record=record,
            hide_address=hide,
            on_event=words.event,
        )
    else:
        user = Peer.guest(url, media=source, record=record, hide_address=hide, on_event=words.event)
    plan = _Plan(matches=matches, seconds=seconds, chat=tuple(chat or ()), json=json)
    configure_logs(LogSettings(level="warning"))
    asyncio.run(_run(user, plan, words))


def _media(media: str, codec: Codec) -> Media | None:
    if media == "none":
        return None
    return (
        SyntheticMedia(codec=codec.value)
        if media == "synthetic"
        else FileMedia(Path(media), codec=codec.value)
    )


async def _run(user: Peer, plan: _Plan, words: Words) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stopping() -> None:
        words.say("Leaving …")
        stop.set()
        # A second signal ends the process at once.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping)
    async with user:
        words.say(f"Signed in as {words.clean(user.user.name)} ({user.user.kind}).")
        met = 0
        while not stop.is_set() and (plan.matches == 0 or met < plan.matches):
            match = await _unless(stop, user.meet())
            if match is None:
                return
            met += 1
            try:
                report = await _hold(match, plan, stop, words, last=met == plan.matches)
            except PeerError:
                # The peer cannot go on, and why is said by the error; what was measured is said first.
                if match.ended is None:
                    _print(msgspec.structs.replace(match.summary(), ended="lost"), match, plan, words)
                raise
            _print(report, match, plan, words)


async def _hold(match: Match, plan: _Plan, stop: asyncio.Event, words: Words, *, last: bool) -> MatchReport:
    """Be in a match until it is over, its time is up, or the process is told to stop."""
    async with _background(_talk(match, plan.chat, words)), _background(_listen(match, words)):
        await _unless(stop, _time_up(match, plan.seconds))
        if match.ended is None:
            await (match.leave() if last or stop.is_set() else match.next())
        return await match.over()


async def _time_up(match: Match, seconds: float | None) -> bool:
    over = asyncio.ensure_future(match.over())
    try:
        with contextlib.suppress(MatchOver):
            await match.connected()
        await asyncio.wait({over}, timeout=seconds)
        if over.done():
            over.result()  # a peer that cannot go on says so here
    finally:
        over.cancel()
    return True


async def _talk(match: Match, texts: tuple[str, ...], words: Words) -> None:
    try:
        for text in texts:
            await match.connected()
            await match.chat(text)
            words.say(f"You: {words.clean(text)} (delivered)")
    except (MatchOver, Refused) as error:
        words.say(f"Not delivered: {error}")


async def _listen(match: Match, words: Words) -> None:
    name = words.clean(match.stranger.name)
    async for event in match:
        if isinstance(event, wire.Chat):
            words.say(f"{name}: {words.clean(event.text)}")
        elif isinstance(event, wire.Typing) and event.active:
            words.say(f"{name} is typing …")


@contextlib.asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> Any:
    """Run ``work`` beside the block; at the block's end it has a moment to finish what it reads."""
    task = asyncio.create_task(work)
    try:
        yield
        await asyncio.wait({task}, timeout=0.5)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, PeerError):
            await task


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of ``work``, or ``None`` when ``stop`` comes first."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.wait({working, stopping})


def _print(report: MatchReport, match: Match, plan: _Plan, words: Words) -> None:
    if plan.json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        words.report(report, match)
