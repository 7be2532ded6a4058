"""The lab is what it says: each kind of network behaves as the Internet's do (RFC 4787), and goes away."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab import plan
from tests.lab.conftest import MakeLab
from tests.lab.host import NAMESPACES
from tests.lab.lab import ROOT, Lab, remove_stale
from tests.lab.namespace import socket_in
from tests.lab.plan import Kind
from tests.lab.shaping import Conditions

REPLY_SECONDS = 3.0
NATS = (Kind.CONE, Kind.SYMMETRIC)
Address = tuple[str, int]


class Ends:
    """A client's socket and some of the server's, closed together."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.opened: list[socket.socket] = []

    def client(self, site: str, address: str | None = None) -> socket.socket:
        return self._keep(socket_in(self.lab[site].client, address or self.lab[site].addresses.client))

    def server(self, address: str = plan.SERVER) -> socket.socket:
        return self._keep(socket_in(self.lab.server, address))

    def _keep(self, made: socket.socket) -> socket.socket:
        made.settimeout(REPLY_SECONDS)
        self.opened.append(made)
        return made

    def __enter__(self) -> Ends:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.opened:
            one.close()


def mapped(client: socket.socket, server: socket.socket) -> Address:
    """How the server sees the client."""
    client.sendto(b"hello", server.getsockname()[:2])
    seen = server.recvfrom(100)[1]
    return str(seen[0]), int(seen[1])


def reaches(sender: socket.socket, to: Address, receiver: socket.socket, after: socket.socket) -> bool:
    """Whether a datagram arrives: ``after`` then sends one that does."""
    sender.sendto(b"is it let in?", to)
    after.sendto(b"this one is", to)
    first = receiver.recv(100)
    if first == b"is it let in?":
        assert receiver.recv(100) == b"this one is"
        return True
    return False


def test_cone_keeps_its_mapping_and_symmetric_does_not(make_lab: MakeLab) -> None:
    lab = make_lab(cone=Kind.CONE, symmetric=Kind.SYMMETRIC, open=Kind.OPEN)
    with Ends(lab) as ends:
        servers = [ends.server(), ends.server(), ends.server(plan.SERVER_SECOND)]
        for site, mappings in (("cone", 1), ("symmetric", 3), ("open", 1)):
            client = ends.client(site)
            seen = [mapped(client, server) for server in servers]
            assert len(set(seen)) == mappings, site
            a = lab[site].addresses
            assert {host for host, _ in seen} == {a.client if site == "open" else a.outside}


def test_nat_lets_in_only_whom_the_client_has_asked(make_lab: MakeLab) -> None:
    lab = make_lab(cone=Kind.CONE, open=Kind.OPEN)
    with Ends(lab) as ends:
        asked, other_port, other_host = ends.server(), ends.server(), ends.server(plan.SERVER_SECOND)
        for site, let_in in (("cone", False), ("open", True)):
            client = ends.client(site)
            at = mapped(client, asked)
            for stranger in (other_port, other_host):
                assert reaches(stranger, at, client, asked) is let_in, site


@pytest.mark.parametrize(
    ("a", "b", "direct"), [(Kind.CONE, Kind.CONE, True), (Kind.SYMMETRIC, Kind.CONE, False)]
)
def test_holes_are_punched_between_cones_only(make_lab: MakeLab, a: Kind, b: Kind, direct: bool) -> None:
    lab = make_lab(a=a, b=b)
    with Ends(lab) as ends:
        server, one, two = ends.server(), ends.client("a"), ends.client("b")
        at_one, at_two = mapped(one, server), mapped(two, server)
        for _ in range(2):
            one.sendto(b"from one", at_two)
            two.sendto(b"from two", at_one)
        for client, at in ((one, at_one), (two, at_two)):
            server.sendto(b"the last", at)
            got = []
            while b"the last" not in got:
                got.append(client.recv(100))
            assert (len(got) > 1) is direct


@pytest.mark.parametrize(
    ("kind", "udp", "tcp", "tcp_443"),
    [
        (Kind.CONE, True, True, True),
        (Kind.UDP_BLOCKED, False, True, True),
        (Kind.ONLY_443, False, False, True),
    ],
)
def test_filters_let_out_what_they_say(
    make_lab: MakeLab, kind: Kind, udp: bool, tcp: bool, tcp_443: bool
) -> None:
    lab = make_lab(a=kind)
    for port, passes in ((443, tcp_443), (8000, tcp)):
        with (
            socket_in(lab.server, plan.SERVER, port) as datagrams,
            socket_in(lab.server, plan.SERVER, port, socket.SOCK_STREAM) as listener,
            socket_in(lab["a"].client, lab["a"].addresses.client) as client,
            socket_in(lab["a"].client, lab["a"].addresses.client, kind=socket.SOCK_STREAM) as stream,
        ):
            listener.listen()
            listener.settimeout(REPLY_SECONDS)
            stream.settimeout(0.3)
            client.sendto(b"out?", (plan.SERVER, port))
            assert (stream.connect_ex((plan.SERVER, port)) == 0) is passes
            datagrams.setblocking(False)
            try:
                came = datagrams.recv(100) == b"out?"
            except BlockingIOError:
                came = False
            assert came is udp


def test_ipv6_only_reaches_the_server_by_ipv6_and_is_filtered(make_lab: MakeLab) -> None:
    lab = make_lab(a=Kind.IPV6_ONLY, b=Kind.IPV6_ONLY)
    with Ends(lab) as ends:
        asked, stranger = ends.server(plan.SERVER_V6), ends.server(plan.SERVER_V6_SECOND)
        client, other = ends.client("a"), ends.client("b")
        at = mapped(client, asked)
        assert at[0] == lab["a"].addresses.client
        assert not reaches(stranger, at, client, asked)
        client.sendto(b"punch", (lab["b"].addresses.client, other.getsockname()[1]))
        other.sendto(b"through", at)
        assert client.recv(100) == b"through"
    with pytest.raises(OSError, match="unreachable"), socket_in(lab["a"].client, "0.0.0.0") as four:  # noqa: S104 - the namespace's own
        four.sendto(b"nowhere", (plan.SERVER, 9))


@pytest.mark.parametrize("kind", NATS)
def test_rebinding_gives_a_new_mapping_and_forgets_the_old(make_lab: MakeLab, kind: Kind) -> None:
    lab = make_lab(a=kind)
    with Ends(lab) as ends:
        server, client = ends.server(), ends.client("a")
        ports = [mapped(client, server)[1]]
        for _ in range(2):
            lab["a"].rebind()
            old = (lab["a"].addresses.outside, ports[-1])
            ports.append(mapped(client, server)[1])
            server.sendto(b"to the old", old)
            server.sendto(b"to the new", (old[0], ports[-1]))
            assert client.recv(100) == b"to the new"
        assert len(set(ports)) == 3


def test_addresses_move_and_links_break_and_come_back(make_lab: MakeLab) -> None:
    lab = make_lab(a=Kind.CONE, b=Kind.OPEN)
    with Ends(lab) as ends:
        server, client, other = ends.server(), ends.client("a"), ends.client("b")
        assert mapped(client, server)[0] == lab["a"].addresses.outside
        lab["a"].move()
        assert mapped(client, server)[0] == lab["a"].addresses.outside_next == lab["a"].outside
        lab["a"].move()
        assert mapped(client, server)[0] == lab["a"].addresses.outside

        to_other = (lab["b"].addresses.client, other.getsockname()[1])
        client.sendto(b"before", to_other)
        assert other.recv(100) == b"before"
        lab.part("a", "b")
        client.sendto(b"parted", to_other)
        assert mapped(client, server)
        lab.rejoin("a", "b")
        client.sendto(b"after", to_other)
        assert other.recv(100) == b"after"

        lab["a"].cut()
        client.sendto(b"cut", server.getsockname())
        lab["a"].restore()
        client.sendto(b"restored", server.getsockname())
        assert server.recv(100) == b"restored"

        lab["a"].unplug()
        lab["a"].plug()
        assert mapped(client, server)

        lab["a"].readdress()
        with pytest.raises(OSError, match=r"."):
            client.sendto(b"from an address that is gone", server.getsockname())
        assert mapped(ends.client("a", lab["a"].addresses.client_next), server)


def test_shaped_uplink_delays_loses_and_counts(make_lab: MakeLab) -> None:
    lab = make_lab({"a": Conditions(delay_ms=40)}, a=Kind.CONE)
    with Ends(lab) as ends:
        server, client = ends.server(), ends.client("a")
        start = time.monotonic()
        server.sendto(b"back", mapped(client, server))
        assert client.recv(100) == b"back"
        assert 0.08 <= time.monotonic() - start < 0.5
        lab["a"].shape(Conditions(loss=1.0))
        client.sendto(b"lost", server.getsockname())
        # The wire reads its commands between packets, so what was sent before is counted or counted next.
        while lab["a"].shape(Conditions(loss=1.0))["lost"] == 0:
            continue
        assert lab["a"].shape(Conditions()) == {"passed": 2, "lost": 1, "overflowed": 0}
        assert mapped(client, server)


def test_two_labs_at_once_do_not_meet(make_lab: MakeLab) -> None:
    one, two = make_lab(a=Kind.CONE), make_lab(a=Kind.CONE)
    with Ends(one) as first, Ends(two) as second:
        server, other = first.server(), second.server()
        port = server.getsockname()[1]
        client = second.client("a")
        client.sendto(b"to the other lab's server?", (plan.SERVER, port))
        assert mapped(client, other)
        assert mapped(first.client("a"), server)
    namespaces = {host.namespace for lab in (one, two) for host in (lab.net, lab.server)}
    assert len(namespaces) == 4
    assert all((NAMESPACES / name).exists() for name in namespaces)
    one.remove()
    assert not (NAMESPACES / one.net.namespace).exists()
    assert (NAMESPACES / two.net.namespace).exists()


def runs(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has waited for has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


def test_next_lab_removes_what_a_killed_run_left(make_lab: MakeLab) -> None:
    """The killed run had a process in its lab, and its own shaped uplink."""
    script = """
import subprocess, sys, os, signal
from tests.lab.lab import Lab
from tests.lab.plan import Kind
from tests.lab.shaping import Conditions
lab = Lab({"a": Kind.CONE}, {"a": Conditions()})
lab.__enter__()
silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
left = subprocess.Popen(lab["a"].client.inside("sleep", "1000"), **silent)
print(lab.net.namespace, lab["a"].client.namespace, left.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    net, client, pid = done.stdout.split()
    assert (NAMESPACES / net).exists()
    assert runs(int(pid))
    lab = make_lab(a=Kind.OPEN)
    assert not (NAMESPACES / net).exists()
    assert not (NAMESPACES / client).exists()
    assert not runs(int(pid))
    remove_stale()
    assert (NAMESPACES / lab.net.namespace).exists()
