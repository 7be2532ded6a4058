"""How fast users are matched while very many wait, friendly ones and hostile ones.

Each population fills the queue to ``waiting`` users and then measures single steps there: one more
``join``, one ``leave`` from a random place, one call of ``match``. A call of ``match`` is bounded work: it
may end without a pair, and :data:`Steps.found` says how often it found one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import partial

import msgspec

from signaling.core.matchmaker import Matchmaker, Wish

WAITING = 100_000
STEPS = 5_000
_NOBODY: Set[str] = frozenset()
_WISH = Wish()


class _Everybody(frozenset[str]):
    """Blocks of somebody who has blocked all there are, without the memory of a hundred thousand each."""

    def __contains__(self, user: object) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds one step took."""

    p50_us: float
    p99_us: float


@dataclass(frozen=True, slots=True)
class PopulationResult:
    """``matches_per_second`` counts the time of ``match`` alone; ``None`` where nobody can be matched."""

    population: str
    waiting: int
    join: Times
    leave: Times
    match: Times
    position: Times
    found: int
    """Calls of ``match`` that found a pair, of as many as were timed."""
    calls: int
    matches_per_second: float | None


@dataclass(frozen=True, slots=True)
class MatchingResult:
    """One entry for each population."""

    waiting: int
    steps: int
    populations: tuple[PopulationResult, ...]


def run(waiting: int = WAITING, steps: int = STEPS, seed: int = 1) -> MatchingResult:
    """Measure every population. ``waiting`` users in the queue, ``steps`` timed steps of each kind."""
    return MatchingResult(
        waiting,
        steps,
        tuple(measure(waiting, steps, random.Random(seed)) for measure in POPULATIONS),  # noqa: S311  # repeatable, no secret
    )


def report(result: MatchingResult) -> Iterator[str]:
    """The result as lines for people."""
    yield f"{result.waiting:,} waiting, {result.steps:,} steps of each kind; microseconds a step, p50 / p99"
    yield f"{'population':<28}{'join':>16}{'leave':>16}{'match':>18}{'position':>16}{'matches/s':>12}"
    for one in result.populations:
        rate = "none" if one.matches_per_second is None else f"{one.matches_per_second:,.0f}"
        cells = "".join(
            f"{f'{times.p50_us:.1f} / {times.p99_us:.1f}':>{width}}"
            for times, width in ((one.join, 16), (one.leave, 16), (one.match, 18), (one.position, 16))
        )
        yield f"{one.population:<28}{cells}{rate:>12}"


def to_json(result: MatchingResult) -> str:
    """The result for machines."""
    return msgspec.json.encode(result).decode()


def _friendly(waiting: int, steps: int, rng: random.Random) -> PopulationResult:
    """Nobody has blocked or met anybody: as after a restart, when all come back at once."""
    matchmaker = Matchmaker(60, 200_000)
    for i in range(waiting):
        matchmaker.join(f"u{i}", _NOBODY, _WISH, 0.0)
    return _measure("friendly", matchmaker, waiting, steps, rng, _NOBODY)


def _much_blocked(waiting: int, steps: int, rng: random.Random) -> PopulationResult:
    """Everyone who waits has blocked 10,000 others, and the one who could be met is hard to find."""
    matchmaker = Matchmaker(60, 200_000)
    crowd = [f"u{i}" for i in range(waiting)]
    some = [frozenset(rng.sample(crowd, min(10_000, waiting // 2))) for _ in range(50)]
    for i, user in enumerate(crowd):
        matchmaker.join(user, some[i % len(some)], _WISH, 0.0)
    return _measure("10,000 blocks each", matchmaker, waiting, steps, rng, some[0])


def _half_away(waiting: int, steps: int, rng: random.Random) -> PopulationResult:
    """Those who have waited longest, half of all, have lost their sockets and keep their places."""
    matchmaker = Matchmaker(60, 200_000)
    for i in range(waiting):
        matchmaker.join(f"u{i}", _NOBODY, _WISH, 0.0)
    for i in range(waiting // 2):
        matchmaker.hold(f"u{i}")
    return _measure("half without a socket", matchmaker, waiting, steps, rng, _NOBODY)


def _all_strangers_blocked(waiting: int, steps: int, rng: random.Random) -> PopulationResult:
    """Nobody may meet anybody: every search runs to its bound and finds nothing."""
    matchmaker = Matchmaker(60, 200_000)
    everybody = _Everybody()
    for i in range(waiting):
        matchmaker.join(f"u{i}", everybody, _WISH, 0.0)
    return _measure("nobody may meet", matchmaker, waiting, steps, rng, everybody)


def _met_before(waiting: int, steps: int, rng: random.Random) -> PopulationResult:
    """The thousand who wait longest have all just met each other: each search of theirs is a long run."""
    room = 1_000
    matchmaker = Matchmaker(60, 2_000_000)
    for i in range(waiting):
        matchmaker.join(f"u{i}", _NOBODY, _WISH, 0.0)
    for a in range(min(room, waiting)):
        for b in range(a):
            matchmaker.parted(f"u{a}", f"u{b}", 0.0)
    return _measure("the oldest 1,000 all met", matchmaker, waiting, steps, rng, _NOBODY)


POPULATIONS = (_friendly, _half_away, _much_blocked, _all_strangers_blocked, _met_before)


def _measure(
    name: str,
    matchmaker: Matchmaker,
    waiting: int,
    steps: int,
    rng: random.Random,
    blocks: Set[str],
) -> PopulationResult:
    joined = [f"new{i}" for i in range(steps)]
    join = [_timed(partial(matchmaker.join, user, blocks, _WISH, 1.0)) for user in joined]
    position = [_timed(partial(matchmaker.position, user)) for user in joined]
    match: list[float] = []
    found = 0
    for _ in range(steps):
        began = time.perf_counter()
        pair = matchmaker.match(1.0)
        match.append(time.perf_counter() - began)
        found += pair is not None
        # The queue stays as long as it was: who was matched comes back, as with "next".
        for ticket in pair or ():
            matchmaker.join(f"{ticket.user}+", blocks, _WISH, 1.0)
    users = [ticket.user for _, ticket in matchmaker.waiting(0, waiting + steps)]
    leave = [_timed(partial(matchmaker.leave, user)) for user in rng.sample(users, steps)]
    return PopulationResult(
        population=name,
        waiting=waiting,
        join=_times(join),
        leave=_times(leave),
        match=_times(match),
        position=_times(position),
        found=found,
        calls=steps,
        matches_per_second=found / sum(match) if found else None,
    )


def _timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def _times(seconds: list[float]) -> Times:
    ordered = sorted(seconds)
    return Times(
        round(ordered[len(ordered) // 2] * 1e6, 2), round(ordered[int(len(ordered) * 0.99)] * 1e6, 2)
    )
