"""A second offer with new ICE credentials on the same connection: real Chromium, each engine."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Browser

from tests.e2e.test_relay_in_chromium import ALIVE, MATCH_SECONDS, both_linked, client, stats
from tests.service import RunningService

# Restarts, and watches frames, DTLS and the path meanwhile.
RESTART = """async () => {
    const { transport } = client.pc.getSenders()[0];
    const dtls = [];
    transport.addEventListener('statechange', () => dtls.push(transport.state));
    const ufrag = sdp => sdp.match(/a=ice-ufrag:(\\S+)/)[1];
    const ufrags = () => [client.pc.localDescription, client.pc.remoteDescription].map(d => ufrag(d.sdp));
    const before = { ufrags: ufrags(), pair: (await client.stats()).transport.selectedCandidatePairId };
    const video = document.getElementById('remote');
    let last = performance.now(), longest = 0, on = true;
    const watch = now => {
        longest = Math.max(longest, now - last);
        last = now;
        if (on) video.requestVideoFrameCallback(watch);
    };
    video.requestVideoFrameCallback(watch);
    const leg = client.log.find(m => m.type === 'leg_offer').leg;
    client.send({ type: 'leg_open', restart: leg });
    for (;;) {
        await client.frame();
        const pair = (await client.stats()).transport.selectedCandidatePairId;
        if (pair && pair !== before.pair) break;
    }
    // And some more on the new path.
    const frames = (await client.stats()).video.framesDecoded;
    while ((await client.stats()).video.framesDecoded < frames + 30) await client.frame();
    on = false;
    const of = type => client.log.filter(m => m.type === type);
    return { dtls, longest, before: before.ufrags, after: ufrags(),
             legs: of('leg_offer').map(m => m.leg), states: of('leg_state').map(m => m.state) };
}"""


@pytest.mark.timeout(120)
@pytest.mark.media
async def test_media_goes_on_over_new_credentials_without_a_new_handshake(
    browser: Browser, service: RunningService
) -> None:
    async with (
        client(browser, service) as a,
        client(browser, service) as b,
    ):
        for page in (a, b):
            await page.evaluate("client.send({type: 'join'})")
        await both_linked(a, b)
        for page in (a, b):
            async with asyncio.timeout(MATCH_SECONDS):
                await page.evaluate(ALIVE)
        lost = (await stats(b))["video"]["packetsLost"]
        async with asyncio.timeout(MATCH_SECONDS):
            seen = await a.evaluate(RESTART)
        assert seen["dtls"] == []
        assert not set(seen["before"]) & set(seen["after"])
        assert seen["legs"][0] == seen["legs"][1]
        assert len(seen["legs"]) == 2
        assert seen["states"] == ["connected"]
        assert seen["longest"] < 1000, "the picture goes on by the old path until the new one is there"
        # The stranger sees no more than a glance of it.
        assert [m["state"] for m in await b.evaluate("client.log.filter(m => m.type === 'route')")] == [
            "trying",
            "linked",
            "connected",
        ]
        other = await stats(b)
        assert other["video"]["packetsLost"] - lost <= 2
        assert len(re.findall("leg_connected", service.log)) == 2, "no leg came up a second time"
        # Both directions still flow.
        for page in (a, b):
            frames = (await stats(page))["video"]["framesDecoded"]
            await page.wait_for_function(
                "async n => (await client.stats()).video.framesDecoded > n + 20", arg=frames, timeout=10_000
            )
