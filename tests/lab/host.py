"""One host of the lab: a network namespace and the commands in it."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.commands import run

NAMESPACES = Path("/run/netns")
ETC = Path("/etc/netns")
GONE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Host:
    namespace: str

    def inside(self, *words: str) -> list[str]:
        """A command line that runs ``words`` in this host's network."""
        return ["ip", "netns", "exec", self.namespace, *words]

    def run(self, *words: str, given: str | None = None, allowed: tuple[int, ...] = (0,)) -> str:
        """Run a command in this host's network; see :func:`tests.lab.commands.run`."""
        return run(*self.inside(*words), given=given, allowed=allowed)

    def ip(self, *lines: str) -> None:
        """Commands of ``ip`` in this host, in order, in one process."""
        run("ip", "-netns", self.namespace, "-batch", "-", given="\n".join(lines) + "\n")

    def create(self, *, forwards: bool, ipv6: bool) -> None:
        """Make the namespace, with loopback up. IPv6 is off where the lab gives no such address, so that
        link-local ones do not stand in for it."""
        run("ip", "netns", "add", self.namespace)
        settings = []
        for which in ("all", "default"):
            # Without duplicate detection an address can be used as soon as the link is up.
            settings += [(f"ipv6/conf/{which}/disable_ipv6", int(not ipv6))]
            settings += [(f"ipv6/conf/{which}/accept_dad", 0)]
        if forwards:
            settings += [("ipv4/ip_forward", 1), ("ipv4/conf/all/send_redirects", 0)]
            settings += [("ipv6/conf/all/forwarding", 1)]
        self.run("sh", "-ec", "\n".join(f"echo {value} >/proc/sys/net/{name}" for name, value in settings))
        self.ip("link set lo up")

    def knows(self, names: Mapping[str, str]) -> None:
        """Names that resolve here, to their addresses, and no others: ``ip netns exec`` lays the files of
        such a folder over those of /etc."""
        folder = ETC / self.namespace
        folder.mkdir(parents=True, exist_ok=True)
        lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in names.items()), ""]
        (folder / "hosts").write_text("\n".join(lines))
        # A name server that is not there refuses at once; one that cannot be reached is waited for.
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions attempts:1\n")

    def remove(self) -> None:
        """End what still runs in it and remove the namespace; its interfaces go with it. Idempotent."""
        shutil.rmtree(ETC / self.namespace, ignore_errors=True)
        if not (NAMESPACES / self.namespace).exists():
            return
        for pid in run("ip", "netns", "pids", self.namespace).split():
            with contextlib.suppress(ProcessLookupError):
                _kill(int(pid))
        run("ip", "netns", "delete", self.namespace)


def _kill(pid: int) -> None:
    """End a process and wait until it is gone."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], GONE_SECONDS)
    finally:
        os.close(handle)


def join(a: Host, device_a: str, b: Host, device_b: str) -> None:
    """A cable between two hosts. Its ends are made inside: nothing shows in the machine's own network."""
    run("ip", "link", "add", device_a, "netns", a.namespace, "type", "veth",
        "peer", "name", device_b, "netns", b.namespace)  # fmt: skip
