"""A load from its first user to its report."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from yarl import URL

from burrow.load.errors import LoadError
from burrow.load.generator import PACKET_BYTES, Counts, Generator, make_generator
from burrow.load.report import LoadReport, Percentiles, limit_of, percentiles
from burrow.load.user import LoadUser, UserFailed
from peers.account import service_url, terms_version
from peers.errors import RateLimited
from relay.dtls.endpoint import Certificate

STRANGER_SECONDS = 15.0
"""Once everybody has joined, a stranger must come in this time."""
DRAIN_SECONDS = 0.5
"""What is on its way when sending stops is waited for so long."""
PROGRESS_SECONDS = 0.5
FILES_BESIDE = 128
"""Open files that are no user's; each user has a WebSocket and its leg's socket, twice with a generator."""
CLOSE_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """``ramp`` are the seconds in which the calls start, ``seconds`` those in which all are held."""

    url: str
    calls: int
    seconds: float
    ramp: float
    bit_rate: int
    generator: str = "auto"


@dataclass(frozen=True, slots=True)
class Progress:
    """Users so far, and the seconds of the hold that are over (negative: still starting)."""

    connected: int
    failed: int
    held: float


async def run_load(plan: LoadPlan, progress: Callable[[Progress], None]) -> LoadReport:
    """Carry the plan out. Raises :class:`LoadError`, and :class:`peers.errors.PeerError` when the service
    cannot be reached at all."""
    _raise_file_limit(2 * plan.calls)
    url = service_url(plan.url)
    host = await _own_address(url)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as http:
        terms = await terms_version(http, url)
        generator = make_generator(plan.generator, plan.bit_rate)
        certificate = Certificate.generateCertificate()
        users = [
            LoadUser(http, url, terms=terms, generator=generator, certificate=certificate, host=host)
            for _ in range(2 * plan.calls)
        ]
        try:
            return await _Load(plan, users, generator, progress).run()
        finally:
            await generator.close()  # it reads the sockets that the users close
            for at in range(0, len(users), CLOSE_AT_ONCE):
                await asyncio.gather(*(user.close() for user in users[at : at + CLOSE_AT_ONCE]))


class _Load:
    def __init__(
        self,
        plan: LoadPlan,
        users: list[LoadUser],
        generator: Generator,
        progress: Callable[[Progress], None],
    ) -> None:
        self._plan, self._users, self._generator, self._progress = plan, users, generator, progress
        self._failures: Counter[str] = Counter()
        self._everybody = asyncio.Event()
        self._joining = len(users)

    async def run(self) -> LoadReport:
        telling = asyncio.create_task(self._tell(), name="load progress")
        self._held_since: float | None = None
        try:
            await self._start_all()
            return await self._hold()
        finally:
            telling.cancel()
            await asyncio.wait({telling})

    async def _start_all(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                start = time.monotonic()
                for number, user in enumerate(self._users):
                    due = start + self._plan.ramp * (number // 2) / self._plan.calls
                    group.create_task(self._bring(user, due), name=f"load user {number}")
        except* RateLimited as errors:
            raise LoadError(
                f"The service limits what one address may do: {errors.exceptions[0]} To load a service of "
                "your own, raise auth.signups_per_minute and auth.requests_per_minute in its configuration "
                "to the users of the load, twice its calls, or start the calls more slowly with --ramp."
            ) from None

    async def _bring(self, user: LoadUser, due: float) -> None:
        await asyncio.sleep(due - time.monotonic())
        try:
            await user.open()
        except UserFailed as failure:
            self._failures[str(failure)] += 1
            return
        finally:
            self._joining -= 1
            if not self._joining:
                self._everybody.set()
        try:
            await user.call(self._everybody, STRANGER_SECONDS)
        except UserFailed as failure:
            self._failures[str(failure)] += 1

    async def _hold(self) -> LoadReport:
        self._held_since = begin = time.monotonic()
        cpu, before = time.process_time(), self._generator.counts()
        await asyncio.sleep(self._plan.seconds)
        seconds, cpu, after = time.monotonic() - begin, time.process_time() - cpu, self._generator.counts()
        lost_calls = Counter(
            f"call: ended: {user.ended}" for user in self._users if user.connected and user.ended
        )
        self._generator.stop_all()
        await asyncio.sleep(DRAIN_SECONDS)
        final = self._generator.counts()
        return self._report(final, lost_calls, _received(after) - _received(before), seconds, cpu / seconds)

    def _report(
        self, counts: Counts, lost: Counter[str], held: int, seconds: float, cores_used: float
    ) -> LoadReport:
        pairs: dict[str, list[LoadUser]] = {}
        for user in self._users:
            if user.connected and user.match is not None:
                pairs.setdefault(user.match, []).append(user)
        calls = [pair for pair in pairs.values() if len(pair) == 2]
        lasting = [pair for pair in calls if not any(user.ended for user in pair)]
        losses = [_loss(counts, pair) for pair in calls]
        sent = sum(leg_sent for leg_sent, _ in counts.legs)
        received = _received(counts)
        cores = len(os.sched_getaffinity(0))
        late = counts.late / max(counts.frames, 1)
        legs = max(2 * len(calls), 1)
        return LoadReport(
            calls=self._plan.calls,
            connected=len(calls),
            success=round(len(lasting) / self._plan.calls, 4),
            failures=dict(self._failures + lost),
            sign_in_ms=percentiles(user.sign_in_ms for user in self._users if user.sign_in_ms is not None),
            leg_ms=percentiles(user.leg_ms for user in self._users if user.leg_ms is not None),
            connect_ms=percentiles(user.connect_ms for user in self._users if user.connect_ms is not None),
            latency_ms=Percentiles(*(round(us / 1000, 3) for us in counts.latency_us)),
            sent=sent,
            received=received,
            loss=round(1 - received / sent, 6) if sent else 0.0,
            worst_loss=round(max(losses, default=0.0), 6),
            undecryptable=counts.bad,
            refused=counts.refused,
            bit_rate=round(held * PACKET_BYTES * 8 / seconds / legs),
            seconds=round(seconds, 1),
            generator=self._generator.name,
            cores_used=round(cores_used, 2),
            cores=cores,
            late_frames=round(late, 4),
            limit=limit_of(late, cores_used, cores, counts.refused),
        )

    async def _tell(self) -> None:
        while True:
            held = -1.0 if self._held_since is None else time.monotonic() - self._held_since
            connected = sum(user.connected for user in self._users)
            self._progress(Progress(connected, self._failures.total(), held))
            await asyncio.sleep(PROGRESS_SECONDS)


def _received(counts: Counts) -> int:
    return sum(received for _, received in counts.legs)


def _loss(counts: Counts, pair: list[LoadUser]) -> float:
    numbers = [user.number for user in pair if user.number is not None]
    sent = sum(counts.legs[number][0] for number in numbers)
    received = sum(counts.legs[number][1] for number in numbers)
    return 1 - received / sent if sent else 0.0


def _raise_file_limit(users: int) -> None:
    needed = users * 3 + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    if hard < needed:
        raise LoadError(
            f"{users} users need {needed} open files, and this process may have {hard}: raise it by "
            "'ulimit -n', or load with fewer calls."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


async def _own_address(url: URL) -> str:
    """The address from which this machine reaches the service's host: legs' sockets are bound there."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_DGRAM)
        family, kind, _, _, address = found[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise LoadError(f"{url.host} cannot be reached: {error}.") from error
