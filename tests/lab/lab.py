"""Build the lab, change it while it runs, and take it away again."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from tests.lab import plan, wire
from tests.lab.commands import CommandFailed
from tests.lab.filters import filter_rules, mapping_rule
from tests.lab.host import NAMESPACES, Host, join
from tests.lab.names import Run, process_start, stale
from tests.lab.namespace import wait_for_links
from tests.lab.plan import Kind, SitePlan, site_plan
from tests.lab.shaping import Conditions

ROOT = Path(__file__).parents[2]
SEED = 4
_serials = itertools.count(1)


class Site:
    """A client host behind its router."""

    def __init__(self, run: Run, name: str, kind: Kind, index: int, net: Host) -> None:
        self.name, self.kind = name, kind
        self.addresses: SitePlan = site_plan(kind, index)
        self.router = Host(run.namespace(f"{name}-router"))
        self.client = Host(run.namespace(name))
        self._net, self.uplink = net, f"up{index}"
        self._v6 = self.addresses.family == 6
        self.outside = self.addresses.outside
        """The router's public address now."""
        self.inside = self.addresses.client
        """The client's own address now."""
        self._rebinds = 0
        self._wire: subprocess.Popen[str] | None = None

    @property
    def hosts(self) -> tuple[Host, Host]:
        return self.client, self.router

    def build(self, conditions: Conditions | None, seed: int) -> None:
        """Make the two hosts and their links."""
        a = self.addresses
        for host in self.hosts:
            host.create(forwards=host is self.router, ipv6=self._v6)
        join(self.client, "eth0", self.router, "lan")
        if conditions is None:
            join(self.router, "wan", self._net, self.uplink)
        else:
            self._wire = self._start_wire(seed)
            self.shape(conditions)
        if not self._v6:
            self._net.run("sh", "-ec", f"echo 1 >/proc/sys/net/ipv6/conf/{self.uplink}/disable_ipv6")
        nodad = " nodad" if self._v6 else ""
        up, lan = a.uplink_prefix_length, a.lan_prefix_length
        self._net.ip(
            f"address add {a.net}/{up} dev {self.uplink}{nodad}",
            f"link set {self.uplink} up",
            *([] if self.kind not in (Kind.OPEN, Kind.IPV6_ONLY) else
              [f"route add {a.inside_prefix} via {a.outside} dev {self.uplink} onlink"]),
        )  # fmt: skip
        self.router.ip(
            f"address add {a.outside}/{up} dev wan{nodad}",
            f"address add {a.lan}/{lan} dev lan{nodad}",
            "link set wan up",
            "link set lan up",
            f"route add default via {a.net}",
        )
        self.client.ip(
            f"address add {a.client}/{lan} dev eth0{nodad}",
            "link set eth0 up",
            f"route add default via {a.lan}",
        )
        rules = filter_rules(self.kind)
        if rules:
            self.router.run(f"{self._tables}-restore", given=rules)

    @property
    def _tables(self) -> str:
        return "ip6tables" if self._v6 else "iptables"

    # --- what can happen to it -----------------------------------------------------------------

    def shape(self, conditions: Conditions) -> dict[str, int]:
        """Change the uplink's loss, delay, jitter and rate; the site must have been built with some."""
        assert self._wire is not None, "build the site with conditions"
        assert self._wire.stdin is not None
        assert self._wire.stdout is not None
        self._wire.stdin.write(wire.command(conditions))
        self._wire.stdin.flush()
        counts: dict[str, int] = _line(self._wire)
        return counts

    def rebind(self) -> None:
        """The NAT forgets its UDP mappings and makes others, as a home router does after a silence."""
        if self.kind in (Kind.OPEN, Kind.IPV6_ONLY):
            raise ValueError(f"A network of kind {self.kind} has no NAT.")
        self._rebinds += 1
        self.router.run(
            "iptables", "-t", "nat", "-I", "POSTROUTING", "1", "-o", "wan",
            *mapping_rule(self.kind, self._rebinds).split(),
        )  # fmt: skip
        # 1: there was none.
        self.router.run("conntrack", "-D", "-p", "udp", allowed=(0, 1))

    def move(self) -> None:
        """The router gets another public address and loses the one it had (a provider's new lease); the
        next time it is the other way round."""
        a, length = self.addresses, self.addresses.uplink_prefix_length
        before = self.outside
        self.outside = a.outside if before == a.outside_next else a.outside_next
        self.router.ip(
            f"address delete {before}/{length} dev wan",
            f"address add {self.outside}/{length} dev wan",
            f"route replace default via {a.net}",
        )
        self.router.run("conntrack", "-F")

    def readdress(self) -> None:
        """The client itself gets another address and loses the one it had; the next time it is the other
        way round."""
        a, length = self.addresses, self.addresses.lan_prefix_length
        nodad = " nodad" if self._v6 else ""
        before = self.inside
        self.inside = a.client if before == a.client_next else a.client_next
        self.client.ip(
            f"address delete {before}/{length} dev eth0",
            f"address add {self.inside}/{length} dev eth0{nodad}",
            f"route replace default via {a.lan}",
        )

    def cut(self) -> None:
        """Nothing passes the uplink any more, and nobody is told."""
        for chain in ("INPUT", "OUTPUT", "FORWARD"):
            self.router.run(self._tables, "-I", chain, "1", "-j", "DROP")

    def restore(self) -> None:
        """End a :meth:`cut`."""
        for chain in ("INPUT", "OUTPUT", "FORWARD"):
            self.router.run(self._tables, "-D", chain, "-j", "DROP")

    @contextlib.contextmanager
    def only_tcp(self) -> Iterator[None]:
        """Nothing but TCP passes the uplink meanwhile."""
        rule = ("FORWARD", "-p", "udp", "-j", "DROP")
        self.router.run(self._tables, "-I", *rule)
        try:
            yield
        finally:
            self.router.run(self._tables, "-D", *rule)

    def unplug(self) -> None:
        """The client's own link goes down, and it knows."""
        self.client.ip("link set eth0 down")

    def plug(self) -> None:
        """End an :meth:`unplug`. Routes went with the link."""
        a = self.addresses
        lines = ["link set eth0 up"]
        if self._v6:
            lines.append(f"address replace {a.client}/{a.lan_prefix_length} dev eth0 nodad")
        self.client.ip(*lines, f"route replace default via {a.lan}")
        wait_for_links(self.client)

    # --- the process of a shaped uplink ----------------------------------------------------------

    def _start_wire(self, seed: int) -> subprocess.Popen[str]:
        started = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.wire", str(seed),
             self.router.namespace, "wan", self._net.namespace, self.uplink],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        _line(started)
        return started

    def stop(self) -> None:
        """End the uplink's process. Idempotent."""
        if self._wire is not None:
            self._wire.communicate()
            self._wire = None


def _line(process: subprocess.Popen[str]) -> dict[str, int]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise CommandFailed(f"The wire ended with {process.wait()}.")
    counts: dict[str, int] = json.loads(line)
    return counts


class Lab:
    """A public network ``net``, a ``server`` in it, and a site for each name. Use as a context."""

    def __init__(
        self,
        sites: Mapping[str, Kind],
        conditions: Mapping[str, Conditions] | None = None,
        seed: int = SEED,
    ) -> None:
        """``conditions``: the sites whose uplink is a shaped one."""
        self._run = Run(os.getpid(), process_start(os.getpid()) or 0, next(_serials))
        self._conditions, self._seed = dict(conditions or {}), seed
        self.net = Host(self._run.namespace("net"))
        self.server = Host(self._run.namespace("server"))
        self.sites = {
            name: Site(self._run, name, kind, index, self.net)
            for index, (name, kind) in enumerate(sites.items(), start=1)
        }

    def __getitem__(self, name: str) -> Site:
        return self.sites[name]

    def __enter__(self) -> Self:
        remove_stale()
        try:
            self._build()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _build(self) -> None:
        self.net.create(forwards=True, ipv6=True)
        self.server.create(forwards=False, ipv6=True)
        join(self.net, "srv", self.server, "eth0")
        self.net.ip(
            f"address add {plan.NET_SERVER}/24 dev srv",
            f"address add {plan.NET_SERVER_V6}/64 dev srv nodad",
            "link set srv up",
        )
        self.server.ip(
            f"address add {plan.SERVER}/24 dev eth0",
            f"address add {plan.SERVER_SECOND}/24 dev eth0",
            f"address add {plan.SERVER_THIRD}/24 dev eth0",
            f"address add {plan.SERVER_V6}/64 dev eth0 nodad",
            f"address add {plan.SERVER_V6_SECOND}/64 dev eth0 nodad",
            "link set eth0 up",
            f"route add default via {plan.NET_SERVER}",
            f"route add default via {plan.NET_SERVER_V6}",
        )
        for index, site in enumerate(self.sites.values()):
            site.build(self._conditions.get(site.name), self._seed + 2 * index)
        if any(site.addresses.family == 6 for site in self.sites.values()):
            # IPv4 uses a link before the kernel has told of its carrier, IPv6 does not.
            for host in self._hosts:
                wait_for_links(host)

    def part(self, a: str, b: str) -> None:
        """Nothing passes between two sites any more; each still reaches everybody else."""
        self._between("-I", a, b)

    def rejoin(self, a: str, b: str) -> None:
        """End a :meth:`part`."""
        self._between("-D", a, b)

    def _between(self, action: str, a: str, b: str) -> None:
        for tables in ("iptables", "ip6tables"):
            for one, other in ((a, b), (b, a)):
                self.net.run(tables, action, "FORWARD", "-i", self.sites[one].uplink,
                             "-o", self.sites[other].uplink, "-j", "DROP")  # fmt: skip

    def remove(self) -> None:
        """End everything that runs in the lab and remove it. Idempotent."""
        for site in self.sites.values():
            site.stop()
        for host in self._hosts:
            host.remove()

    @property
    def _hosts(self) -> tuple[Host, ...]:
        return (*(host for site in self.sites.values() for host in site.hosts), self.server, self.net)


def remove_stale() -> None:
    """Remove what crashed runs left."""
    found = [entry.name for entry in NAMESPACES.iterdir()] if NAMESPACES.is_dir() else []
    for namespace in stale(found, process_start):
        Host(namespace).remove()
