"""The paths of one leg: which remote addresses are validated, which is selected, is it still there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from relay.door import Transport

A = TypeVar("A")


@dataclass(slots=True)
class Path(Generic[A]):
    """One candidate pair: a local socket and a remote address, named together by ``address``."""

    address: A
    transport: Transport
    heard_at: float
    nominated_at: float | None = None
    priority: int = 0
    current: bool = False
    """A check with the newest credentials came from it."""

    def rank(self) -> tuple[bool, int, float]:
        """Order among nominated pairs: UDP before TCP, then priority, then the latest nomination."""
        return self.transport == "udp", self.priority, self.nominated_at or 0.0


@dataclass(frozen=True, slots=True)
class PathRules:
    """Times in seconds."""

    most: int
    stale: float
    interrupted: float
    consent: float


@dataclass(frozen=True, slots=True)
class Changes(Generic[A]):
    """What a check or a tick changed."""

    selected: Path[A] | None = None
    """Newly selected."""
    interrupted: bool = False
    resumed: bool = False
    lost: bool = False
    renewed: bool = False
    """The first nomination since a restart: the credentials before it are over."""
    forgotten: tuple[A, ...] = ()
    """Addresses that are no longer the leg's."""


class LegPaths(Generic[A]):
    """Validated pairs of one leg, nomination (RFC 8445 section 7.3.1.5) and consent (RFC 7675)."""

    def __init__(self, rules: PathRules, now: float) -> None:
        self._rules = rules
        self._paths: dict[A, Path[A]] = {}
        self._heard_at = now
        self._interrupted = False
        self._restarting = False
        """A restart that no nomination has followed yet: the paths of before go on until then."""
        self._reached = False
        """A path was selected since the beginning or the last loss."""
        self.lost = False
        self.selected: Path[A] | None = None

    def restart(self) -> None:
        """The leg has new credentials (RFC 8445 section 9): what is selected stays so until a pair is
        nominated with them."""
        self._restarting = True
        for path in self._paths.values():
            path.current = False

    def checked(
        self,
        address: A,
        transport: Transport,
        priority: int,
        nominated: bool,
        now: float,
        current: bool = True,
    ) -> Changes[A]:
        """An authenticated check came from ``address``, by the newest credentials if ``current``: those
        before it do not nominate."""
        forgotten: tuple[A, ...] = ()
        path = self._paths.get(address)
        if path is None:
            forgotten = self._make_room()
            path = self._paths[address] = Path(address, transport, now)
        path.heard_at = now
        path.current |= current
        nominated = nominated and current
        renewed = nominated and self._restarting
        if renewed:
            self._restarting = False
            for known in self._paths.values():
                known.nominated_at = None
        if nominated:
            path.nominated_at = now
            path.priority = priority
        self._heard_at = now
        resumed, self._interrupted = self._interrupted, False
        self.lost = False
        return Changes(selected=self._select(now), resumed=resumed, renewed=renewed, forgotten=forgotten)

    def tick(self, now: float) -> Changes[A]:
        """Let time pass: call it a few times a second."""
        silence = now - self._heard_at
        if silence >= self._rules.consent and not self.lost:
            self.lost, self._reached = True, False
            forgotten = tuple(self._paths)
            self._paths.clear()
            self.selected = None
            return Changes(lost=True, forgotten=forgotten)
        interrupted = False
        if silence >= self._rules.interrupted and not self._interrupted and self._reached:
            self._interrupted = interrupted = True
        return Changes(selected=self._select(now), interrupted=interrupted)

    def forget(self, address: A) -> None:
        """The address now belongs to another leg."""
        self._paths.pop(address, None)
        if self.selected is not None and self.selected.address == address:
            self.selected = None

    def closed(self, address: A, now: float) -> Changes[A]:
        """The address is of no use any more (its TCP connection ended): take another that was nominated."""
        self.forget(address)
        return Changes(selected=self._select(now) if self.selected is None else None)

    @property
    def addresses(self) -> tuple[A, ...]:
        return tuple(self._paths)

    def _make_room(self) -> tuple[A, ...]:
        if len(self._paths) < self._rules.most:
            return ()
        others = (p for p in self._paths.values() if p is not self.selected)
        oldest = min(others, key=lambda path: path.heard_at, default=None)
        if oldest is None:
            return ()
        del self._paths[oldest.address]
        return (oldest.address,)

    def _select(self, now: float) -> Path[A] | None:
        # Once a restart is done, only what was checked with its credentials counts.
        paths = [p for p in self._paths.values() if p.current or self._restarting]
        nominated = [p for p in paths if p.nominated_at is not None]
        candidates = [p for p in nominated if now - (p.nominated_at or 0.0) < self._rules.stale]
        if not candidates:
            if self.selected is not None and now - self.selected.heard_at < self._rules.stale:
                return None
            # Consent checks need not nominate (RFC 7675 section 5.1): a client whose NAT has given it a new
            # mapping may be heard from there and nowhere else.
            candidates = [p for p in paths if now - p.heard_at < self._rules.stale]
            if not self._reached or (self.selected is None and nominated):
                candidates = nominated
        best = max(candidates, key=Path.rank, default=None)
        if best is None or best is self.selected:
            return None
        self.selected, self._reached = best, True
        return best
