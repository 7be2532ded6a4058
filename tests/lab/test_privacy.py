"""No address of one who hides it ever reaches the stranger's browser: all that its socket received is read.

The one who hides has a browser that makes mDNS names (it was given no camera), and a page that says all it
knows: what protects the address is the server, not the client's good will.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import async_playwright

from tests.e2e.conftest import FLAGS
from tests.lab import plan
from tests.lab.caller import Browsers
from tests.lab.town import ORIGINS, Town

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(120)]

# Sends every description and candidate it can make, for every attempt there could be, past its own client.
TELL_ALL = """async () => {
    const peer = new RTCPeerConnection({ iceServers: [{ urls: lab.last("welcome").stun }] });
    peer.addTransceiver("video");
    const candidates = [];
    // Not until all is gathered: a STUN server that cannot be reached (by IPv6) is waited for.
    const gathered = new Promise((resolve) => {
        peer.onicecandidate = ({ candidate }) => {
            if (candidate) candidates.push(candidate.candidate);
            const has = (part) => candidates.some((one) => one.includes(part));
            if (has(".local ") && has(" srflx ")) resolve();
        };
    });
    await peer.setLocalDescription();
    await gathered;
    const { match } = lab.last("matched");
    let n = Math.max(...lab.said.map((message) => message.n ?? 0));
    const say = (message) => watch.sockets.at(-1).send(JSON.stringify({ ...message, n: ++n }));
    for (const attempt of [0, 1, 2, 3]) {
        for (const kind of ["offer", "answer"]) {
            say({ type: "description", match, attempt, kind, sdp: peer.localDescription.sdp });
        }
        for (const candidate of candidates) {
            say({ type: "candidate", match, attempt, candidate, mid: "0", line: 0 });
        }
    }
    say({ type: "chat", id: "the-end", text: "that was all" });
    peer.close();
    return candidates;
}"""
REMOTE_ADDRESSES = """async () => {
    const found = new Set();
    for (const peer of watch.peers) {
        for (const report of (await peer.getStats()).values()) {
            if (report.type === "remote-candidate" && report.address) found.add(report.address);
        }
    }
    return [...found];
}"""


async def told(town: Town, *, hides: bool) -> tuple[list[str], str, list[str]]:
    """A without a camera meets B: A's candidates, all that B's socket received, B's remote candidates."""
    no_devices = [flag for flag in FLAGS if not flag.startswith("--use-fake")]
    async with async_playwright() as playwright:
        browsers = Browsers(playwright, town.lab, town.service.url, ORIGINS, flags=no_devices, devices=False)
        try:
            a, b = await asyncio.gather(browsers.caller("open_a"), town.caller("cone_b"))
            if hides:
                await a.hide_address()
            await a.join()
            await b.join()
            await asyncio.gather(a.until("lab.last('matched')"), b.on("relay" if hides else "direct"))
            candidates: list[str] = await a.ask(f"({TELL_ALL})()")
            await b.until("lab.all('chat').some(m => m.id === 'the-end')")
            everything: list[str] = await b.page.evaluate("lab.raw")
            remote: list[str] = await b.ask(f"({REMOTE_ADDRESSES})()")
        finally:
            await browsers.close()
    return candidates, "\n".join(everything), remote


def addresses(site: Any) -> set[str]:
    return {site.inside, site.outside, site.addresses.lan, site.addresses.net}


async def test_no_address_of_who_hides_it_reaches_the_strangers_browser(town: Town) -> None:
    own = addresses(town.lab["open_a"])
    candidates, everything, remote = await told(town, hides=True)
    assert any(re.search(r"[0-9a-f-]{36}\.local ", line) for line in candidates), "A made mDNS names"
    assert any(f" {town.lab['open_a'].inside} " in line for line in candidates), "A knew its address"
    assert "that was all" in everything
    assert ".local" not in everything
    assert not [address for address in own if address in everything]
    assert set(remote) <= {plan.SERVER, plan.SERVER_V6}
    await town.browsers.leave()

    # The same two without hiding: the test does see an address where there is one.
    _, everything, remote = await told(town, hides=False)
    assert town.lab["open_a"].inside in everything
    assert ".local" in everything
    assert town.lab["open_a"].inside in remote
