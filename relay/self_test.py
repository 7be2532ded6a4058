"""The node's test of itself: a whole leg through each announced address, from its authenticated STUN check
to its keys. Plain Binding requests are left out: their limit is for all, so strangers could use it up.

It comes in as a browser does, by a socket of its own, and so finds an address that is not this machine's
any more, an engine that does not answer, a certificate that does not work, a loop that is stuck. What it
cannot see is a firewall in front of the machine: the kernel takes packets to an own address a short way.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, cast

import structlog
from aioice import stun
from aiortc.sdp import SessionDescription

from relay import door
from relay.door import LegId, SelfTestReport, SelfTestStep
from relay.dtls.endpoint import Certificate, DtlsEndpoint, DtlsError
from relay.engine.interface import Address
from relay.sdp.answer import Fingerprint

INTERVAL_SECONDS = 60.0
RETRY_SECONDS = 0.3
"""Between two requests of a check: STUN goes over UDP, and one may be lost."""
STEP_SECONDS = 3.0
"""A step that takes longer has failed: through an own address it takes milliseconds."""
DATAGRAMS = 16
PRIORITY = 110 << 24 | 0xFFFF << 8 | 255
"""Of a peer-reflexive candidate (RFC 8445 section 5.1.2.2)."""

_WHY: dict[SelfTestStep, str] = {
    "ice": "A leg's STUN checks got no answer at {where}. Is {host} still an address of this machine, and "
    "does its own firewall let UDP to that port in? If so, the packet engine may be stuck: look for errors "
    "in the log, and restart the node.",
    "dtls": "A leg at {where} was reached, but the DTLS handshake failed. The event loop may be overloaded "
    "or the certificate unusable: look at the event-loop lag, and restart the node.",
}
T = TypeVar("T")
E = TypeVar("E", bound=door.Event)

_log = structlog.get_logger("relay")


class ProbedNode(Protocol):
    """As much of the node as its test needs."""

    @property
    def bound(self) -> tuple[Address, ...]: ...

    def probe(self, leg: LegId, sink: Callable[[door.Event], None]) -> None:
        """Open a leg that counts nowhere and whose events go to ``sink``."""

    def ask(self, request: door.Request) -> None: ...


class StepFailed(Exception):
    """A step of the test at an address did not work."""

    def __init__(self, step: SelfTestStep, address: Address) -> None:
        host = f"[{address.host}]" if ":" in address.host else address.host
        self.step: SelfTestStep = step
        self.where = f"{host}:{address.port}"
        super().__init__(_WHY[step].format(where=self.where, host=address.host))


class SelfTest:
    """Runs at once and then every :data:`INTERVAL_SECONDS`; :meth:`stop` ends it."""

    def __init__(self, node: ProbedNode, *, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._node = node
        self._interval = interval_seconds
        self._certificate = Certificate.generateCertificate()
        self._numbers = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.report: SelfTestReport | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="self-test")

    async def stop(self) -> None:
        # The event as well: aiortc's handshake waits by wait_for, which can lose a cancellation in 3.11
        # when a datagram comes with it. The test then goes on for milliseconds, and no further one begins.
        self._stopping.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def run_once(self) -> SelfTestReport:
        """Test every address, and keep and answer what was found."""
        began = time.monotonic()
        failures = 0 if self.report is None else self.report.failures
        failed: StepFailed | None = None
        for address in self._node.bound:
            try:
                await self._test(address)
            except StepFailed as error:
                failed = error
                break
        elapsed_ms = round((time.monotonic() - began) * 1000, 1)
        if failed is None:
            if failures:
                _log.info("self_test_passed", after_failures=failures, elapsed_ms=elapsed_ms)
            self.report = SelfTestReport(at=time.time(), ok=True, elapsed_ms=elapsed_ms)
        else:
            self.report = SelfTestReport(
                at=time.time(),
                ok=False,
                failures=failures + 1,
                step=failed.step,
                address=failed.where,
                message=str(failed),
                elapsed_ms=elapsed_ms,
            )
            _log.error(
                "self_test_failed",
                step=failed.step,
                announced=failed.where,
                failures=failures + 1,
                reason=str(failed),
            )
        return self.report

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self.run_once()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._stopping.wait()

    async def _test(self, address: Address) -> None:
        loop = asyncio.get_running_loop()
        try:
            transport, end = await loop.create_datagram_endpoint(
                _FarEnd, remote_addr=(address.host, address.port)
            )
        except OSError as error:
            raise StepFailed("ice", address) from error
        try:
            await self._test_leg(end, address)
        finally:
            transport.close()

    async def _test_leg(self, end: _FarEnd, address: Address) -> None:
        leg = LegId(f"self-test-{next(self._numbers)}-{secrets.token_hex(4)}")
        events: asyncio.Queue[door.Event] = asyncio.Queue()  # a leg has a handful of events
        self._node.probe(leg, events.put_nowait)
        try:
            offer = await _step("ice", address, _next(events, door.LegOffered))
            relay_end = _RelayEnd(offer.sdp)
            own_ufrag = secrets.token_hex(4)
            end.dtls = DtlsEndpoint(self._certificate, "client", end.send)
            self._node.ask(door.AnswerLeg(leg, _answer(offer.sdp, own_ufrag, self._certificate.sha256)))
            await _step("ice", address, end.checked(lambda: relay_end.check(own_ufrag)))
            await _step("dtls", address, end.dtls.handshake(relay_end.fingerprints))
            await _step("dtls", address, _next(events, door.LegConnected))
        except DtlsError as error:
            raise StepFailed("dtls", address) from error
        finally:
            self._node.ask(door.CloseLeg(leg))
            if end.dtls is not None:
                await end.dtls.close()


async def _step(step: SelfTestStep, address: Address, work: Coroutine[Any, Any, T]) -> T:
    try:
        async with asyncio.timeout(STEP_SECONDS):
            return await work
    except TimeoutError as error:
        raise StepFailed(step, address) from error


async def _next(events: asyncio.Queue[door.Event], kind: type[E]) -> E:
    while True:
        event = await events.get()
        if isinstance(event, kind):
            return event


class _FarEnd(asyncio.DatagramProtocol):
    """A browser's end of a leg, as far as its keys."""

    def __init__(self) -> None:
        self.dtls: DtlsEndpoint | None = None
        self._answers: asyncio.Queue[bytes] = asyncio.Queue(DATAGRAMS)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, _addr: object) -> None:
        # RFC 7983. What finds its queue full is lost, as on the way.
        if data[:1] and data[0] < 4 and not self._answers.full():
            self._answers.put_nowait(data)
        elif data[:1] and 20 <= data[0] < 64 and self.dtls is not None:
            self.dtls.feed(data)

    def error_received(self, _exc: Exception) -> None:
        """An ICMP answer; the step's own time says that it failed."""

    def send(self, datagram: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(datagram)

    async def checked(self, request: Callable[[], stun.Message]) -> None:
        """Send requests until one is answered with success."""
        asked: set[bytes] = set()
        while True:
            message = request()
            asked.add(message.transaction_id)
            self.send(bytes(message))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    while not _answers(await self._answers.get(), asked):
                        pass
                    return


def _answers(datagram: bytes, asked: set[bytes]) -> bool:
    try:
        message = stun.parse_message(datagram)
    except ValueError:
        return False
    return message.transaction_id in asked and message.message_class is stun.Class.RESPONSE


class _RelayEnd:
    """What an offer says of the relay's end."""

    def __init__(self, offer: str) -> None:
        section = SessionDescription.parse(offer).media[0]
        assert section.ice is not None
        assert section.dtls is not None
        self._ufrag, self._password = str(section.ice.usernameFragment), str(section.ice.password)
        self.fingerprints = tuple(Fingerprint(f.algorithm, f.value) for f in section.dtls.fingerprints)

    def check(self, own_ufrag: str) -> stun.Message:
        """A connectivity check that nominates (RFC 8445 section 7.2.2)."""
        message = stun.Message(
            stun.Method.BINDING,
            stun.Class.REQUEST,
            attributes={
                "USERNAME": f"{self._ufrag}:{own_ufrag}",
                "PRIORITY": PRIORITY,
                "ICE-CONTROLLING": secrets.randbits(64),
                "USE-CANDIDATE": None,
            },
        )
        message.add_message_integrity(self._password.encode())
        return message


def _answer(offer: str, ufrag: str, fingerprint: str) -> str:
    """The least that is an answer: every codec of the offer, nothing sent."""
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1"]
    password = secrets.token_hex(12)
    for section in SessionDescription.parse(offer).media:
        lines += [
            f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, section.fmt))}",
            "c=IN IP4 0.0.0.0",
            f"a=ice-ufrag:{ufrag}",
            f"a=ice-pwd:{password}",
            f"a=fingerprint:sha-256 {fingerprint}",
            "a=setup:active",
            f"a=mid:{section.rtp.muxId}",
            "a=recvonly",
            "a=rtcp-mux",
        ]
        for codec in section.rtp.codecs:
            lines.append(f"a=rtpmap:{codec.payloadType} {codec}")
            if codec.name == "rtx":
                lines.append(f"a=fmtp:{codec.payloadType} apt={codec.parameters['apt']}")
    return "\r\n".join(lines) + "\r\n"
