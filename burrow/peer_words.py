"""What ``burrow peer`` tells a person while it runs."""

from __future__ import annotations

import typer

from peers import Match, MatchReport, Offline, Online, PeerEvent
from signaling import messages as wire


class Words:
    """Says on a line each what happens, on standard error when standard output is for machines."""

    def __init__(self, *, to_stderr: bool) -> None:
        self._to_stderr = to_stderr
        self._online = False
        self._stranger = "The stranger"

    def say(self, line: str) -> None:
        typer.echo(line, err=self._to_stderr)

    @staticmethod
    def clean(text: str) -> str:
        """A stranger's text without what could move the cursor or colour the terminal."""
        return "".join(c if c.isprintable() else "·" for c in text)

    def event(self, event: PeerEvent) -> None:
        """Say what a message of the service or a change of the connection means, where it means something."""
        line = self._line(event)
        if line is not None:
            self.say(line)

    def _line(self, event: PeerEvent) -> str | None:
        match event:
            case Online():
                again, self._online = self._online, True
                if not again:
                    return None
                return "Connected again." if event.resumed else "Connected again, but the seat was lost."
            case Offline():
                return f"Connection lost ({event.reason}); trying again in {event.delay_seconds:.1f} s."
            case wire.Queued():
                wait = "" if event.estimate_seconds is None else f", about {event.estimate_seconds:.0f} s"
                return f"Waiting: place {event.position} of {event.waiting}, {event.online} online{wait}."
            case wire.Matched():
                self._stranger = self.clean(event.stranger.name)
                return f"Matched with {self._stranger}."
            case wire.LegState(state="connected"):
                return f"Connected to the relay over {(event.transport or 'udp').upper()}."
            case wire.LegState(code="closed_by_browser"):
                return None  # this peer's own doing, when it goes
            case wire.LegState(state="closed" | "refused" | "interrupted"):
                why = event.message or event.code
                return f"The connection to the relay is {event.state}" + (f": {why}" if why else ".")
            case wire.Route(state="connected"):
                return f"{self._stranger} is connected by {event.route}."
            case wire.Route(state="interrupted"):
                return f"Nothing comes from {self._stranger} at the moment."
            case wire.Ended():
                return f"The match ended ({event.reason}, by {event.by})."
            case wire.Closing():
                return f"The service stops: {self.clean(event.message)}"
            case wire.Error():
                return f"Refused: {self.clean(event.message)}" if event.code != "not_matched" else None
            case _:
                return None

    def report(self, report: MatchReport, match: Match) -> None:
        """Sum up a match for a person."""
        video, audio = report.video, report.audio
        lost = "" if video.frames_lost is None else f", {video.frames_lost} lost"
        delay = (
            ""
            if video.latency_ms_p50 is None
            else f", {video.latency_ms_p50:.0f} ms late (99 %: {video.latency_ms_p99:.0f} ms)"
        )
        self.say(f"Match {report.match_id} by {report.route or 'no route'}, ended: {report.ended}.")
        self.say(f"  connected: {_ms(report.connect_ms)}, first picture: {_ms(report.first_frame_ms)}")
        self.say(f"  picture: {video.codec or 'none'}, {video.frames_received} frames{lost}{delay}")
        self.say(f"  sound: {audio.packets_received} packets, {audio.packets_lost} lost")
        if match.recorded is not None:
            self.say(f"  recorded: {match.recorded.path}, {match.recorded.video_frames} frames")


def _ms(value: float | None) -> str:
    return "never" if value is None else f"after {value:.0f} ms"
