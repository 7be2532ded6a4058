"""Open descriptors inside a namespace from outside it: what is opened there stays there."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.lab.commands import run
from tests.lab.host import NAMESPACES, Host

CLONE_NEWNET = 0x40000000
RTMGRP_LINK = 1
LINK_SECONDS = 5.0


def enter(namespace: str) -> None:
    """Move the calling thread into a network namespace (setns(2), which Python has from 3.12 on)."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = os.open(NAMESPACES / namespace, os.O_RDONLY)
    try:
        if libc.setns(handle, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    finally:
        os.close(handle)


def wait_for_links(host: Host) -> None:
    """Return when every link of a host has a carrier: the kernel says so up to a second after it is up."""
    links = socket_of(host, lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
    with links:
        links.bind((0, RTMGRP_LINK))
        links.settimeout(LINK_SECONDS)
        while "NO-CARRIER" in run("ip", "-netns", host.namespace, "link"):
            links.recv(65_536)


def socket_in(host: Host, address: str, port: int = 0, kind: int = socket.SOCK_DGRAM) -> socket.socket:
    """A socket of a host of the lab, bound there."""

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket_of(host, lambda: socket.socket(family, kind))
    made.bind((address, port))
    return made


def socket_of(host: Host, make: Callable[[], socket.socket]) -> socket.socket:
    """What ``make`` opens, opened in a host's namespace."""

    def enter_and_make() -> socket.socket:
        enter(host.namespace)
        return make()

    # In a thread of its own, so that only that one leaves the machine's network.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(enter_and_make).result()
