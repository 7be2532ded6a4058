"""The lab that the table's cases share: one service, a TURN server, and a browser wherever one is needed."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import async_playwright

from tests.certificates import Authority
from tests.e2e.conftest import FLAGS
from tests.lab import plan
from tests.lab.caller import PORT, Browsers, Caller, serving
from tests.lab.lab import Lab
from tests.lab.plan import Kind
from tests.lab.shaping import Conditions
from tests.service import RunningService
from tests.turn_server import SECRET, turn_server

TURN_HOST = "turn.example.org"
TURN_URL = f"turns:{TURN_HOST}:443?transport=tcp"
OTHER_PORT = 8081
BY_443 = f"http://{plan.SERVER}:443"
"""The service for those who can reach nothing but port 443."""
ANOTHER_BY_443 = f"http://{plan.SERVER_THIRD}:443"
"""The same of :meth:`Town.another_service`."""
ORIGINS = (
    f"http://{plan.SERVER}:{PORT}",
    BY_443,
    ANOTHER_BY_443,
    f"http://{plan.SERVER}:{OTHER_PORT}",
    f"http://[{plan.SERVER_V6}]:{OTHER_PORT}",
)
BAD_PATH = Conditions(loss=0.05, delay_ms=50, rate_bps=1_500_000)
"""Of one side, each way: so is the whole path to the other one."""
BAD_LINE = Conditions(loss=0.05, delay_ms=25, rate_bps=1_500_000)
"""Of each side, each way: the round trip from one to the other has four times the delay."""

SITES: Mapping[str, Kind] = {
    "open_a": Kind.OPEN,
    "open_b": Kind.OPEN,
    "cone_a": Kind.CONE,
    "cone_b": Kind.CONE,
    "symmetric_a": Kind.SYMMETRIC,
    "symmetric_b": Kind.SYMMETRIC,
    "udp_blocked_a": Kind.UDP_BLOCKED,
    "udp_blocked_b": Kind.UDP_BLOCKED,
    "only_443": Kind.ONLY_443,
    "bad_a": Kind.CONE,
    "bad_b": Kind.CONE,
    "ipv6_a": Kind.IPV6_ONLY,
    "ipv6_b": Kind.IPV6_ONLY,
}
SHAPED: Mapping[str, Conditions] = {"bad_a": BAD_LINE, "bad_b": BAD_LINE}


@dataclass(slots=True)
class Town:
    lab: Lab
    folder: Path
    service: RunningService
    browsers: Browsers
    turn_log: Path
    engine: str

    async def caller(self, site: str) -> Caller:
        """A new guest on a site, in the lobby of the service."""
        return await self.browsers.caller(site, url=BY_443 if site == "only_443" else None)

    @contextlib.asynccontextmanager
    async def another_service(
        self, host: str = plan.SERVER, **settings: str
    ) -> AsyncIterator[RunningService]:
        """A second one on ports of its own, for a case that needs other settings; no TURN server."""
        folder = self.folder / "another"
        folder.mkdir(exist_ok=True)
        ports = {
            "server_port": str(OTHER_PORT),
            "relay_udp_port": "3480",
            "relay_tcp_port": "3480",
            "relay_stun_port": "3481",
            "relay_engine": self.engine,
        }
        async with serving(self.lab, folder, host, **{**ports, **settings}) as service:
            yield service


@contextlib.asynccontextmanager
async def town(folder: Path, *sites: str, engine: str = "auto") -> AsyncIterator[Town]:
    """Only with these ``sites``; all without any. One packet engine for the whole life of a town: ``auto`` is
    what operators run, the other one is tested on fewer networks."""
    wanted = {name: kind for name, kind in SITES.items() if not sites or name in sites}
    shaped = {name: conditions for name, conditions in SHAPED.items() if name in wanted}
    with Lab(wanted, shaped) as lab:
        for host in (lab.server, *(lab[name].client for name in wanted)):
            host.knows({TURN_HOST: plan.SERVER_SECOND})
        for address, port in ((plan.SERVER, PORT), (plan.SERVER_THIRD, OTHER_PORT)):
            lab.server.run(
                "iptables", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "-d", address, "--dport", "443",
                "-j", "DNAT", "--to-destination", f"{plan.SERVER}:{port}",
            )  # fmt: skip
        authority = Authority(folder)
        certificate = authority.sign(TURN_HOST)
        trust = f"--ignore-certificate-errors-spki-list={_key_of(certificate[0])}"
        async with (
            turn_server(
                folder,
                certificate,
                address=plan.SERVER_SECOND,
                port=443,
                peer=plan.SERVER,
                inside=lab.server.inside(),
            ) as turn_log,
            serving(
                lab,
                folder,
                inside=("env", f"SSL_CERT_FILE={authority.file}"),
                turn_urls=TURN_URL,
                turn_secret=SECRET,
                relay_engine=engine,
            ) as service,
            async_playwright() as playwright,
        ):
            browsers = Browsers(playwright, lab, service.url, ORIGINS, (*FLAGS, trust))
            try:
                yield Town(lab, folder, service, browsers, turn_log, engine)
            finally:
                await browsers.close()


def _key_of(certificate: Path) -> str:
    """The hash of its public key, by which Chromium is told to trust this one certificate and no other."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return base64.b64encode(digest).decode()
