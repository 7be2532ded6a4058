"""The direct route in two real browsers: it carries the picture, breaks, comes back, and is not tried."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS, Person
from tests.e2e.web.service import WebService, web_service

DIRECT = (
    "watch.peers.findLast(p => p.getConfiguration().iceServers.length > 0 && p.getTransceivers().length > 0)"
)
RELAY = "watch.legs().at(-1)"
PATIENT = "20000"
"""Milliseconds: a busy machine must not decide that direct is too slow."""


async def path(person: Person, words: str) -> None:
    """Wait until the page says by which way it goes."""
    await expect(person.page.get_by_role("main")).to_contain_text(words, timeout=STEP_MS)


async def shows(person: Person, peer: str) -> None:
    """The picture on the screen is that connection's, alone heard, and moves."""
    await person.until(
        f"(() => {{ const v = document.querySelector('video[data-seen]'); const p = {peer};"
        " return p && v && v.srcObject.getVideoTracks()[0] === p.getReceivers()[1].track && !v.muted"
        " && [...document.querySelectorAll('main video')].filter(o => o !== v && o.srcObject && !o.muted)"
        ".every(o => o.closest('[data-corner]')); })()"
    )
    await person.moving()


async def never_dark(person: Person) -> None:
    """From now on, note how long the shown picture stood still at most, and whether it ever was not there."""
    await expect(person.stranger).to_have_css("opacity", "1")  # the first picture has faded in
    await person.page.evaluate(
        """() => {
            window.standstill = 0; window.dark = 0;
            let frames = -1, since = performance.now();
            const look = () => {
                const video = document.querySelector("video[data-seen]");
                if (video === null || Number(getComputedStyle(video).opacity) < 1) window.dark += 1;
                const count = video?.getVideoPlaybackQuality().totalVideoFrames;
                const now = video === null ? "" : video.srcObject.id + count;
                if (now !== frames) { frames = now; since = performance.now(); }
                window.standstill = Math.max(window.standstill, performance.now() - since);
                requestAnimationFrame(look);
            };
            look();
        }"""
    )


def matches(folder: Path) -> list[dict[str, Any]]:
    """The rows an operator sees, oldest first."""
    with contextlib.closing(sqlite3.connect(folder / "data" / "burrow.sqlite3")) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT * FROM matches ORDER BY started_at").fetchall()
    return [dict(row) for row in rows]


@pytest.fixture
async def patient_service(tmp_path: Path) -> AsyncIterator[WebService]:
    async with web_service(tmp_path, ROUTES_RELAY_AFTER_MS=PATIENT) as running:
        yield running


@pytest.fixture
async def patient_house(browser: Browser, patient_service: WebService) -> AsyncIterator[House]:
    async with House(browser, patient_service.url) as open_house:
        yield open_house


async def test_the_picture_goes_directly_and_the_relay_carries_nothing(
    patient_house: House, patient_service: WebService, tmp_path: Path
) -> None:
    ada, bea = await patient_house.pair()
    for person in (ada, bea):
        await path(person, "Direct")
        await shows(person, DIRECT)
        assert await person.loudness() > 0.01
        sent = await person.page.evaluate(
            f"async () => [...(await {RELAY}.getStats()).values()].filter(s => s.type === 'outbound-rtp')"
            ".reduce((sum, s) => sum + s.packetsSent, 0)"
        )
        assert sent == 0, "the relay's leg is up and idle"
        assert await person.page.evaluate("watch.violations") == []
        await expect(person.page.locator("[data-grade]")).to_contain_text("Direct", timeout=STEP_MS)

    # Everything one does to camera and microphone acts on the connection that carries.
    assert await ada.page.evaluate(f"{DIRECT}.getSenders()[0].track.enabled") is True
    await ada.button("Mute microphone").click()
    assert await ada.page.evaluate(f"{DIRECT}.getSenders()[0].track.enabled") is False
    await ada.button("Turn camera off").click()
    await expect(bea.page.locator("[data-camera-off]")).to_be_visible(timeout=STEP_MS)
    await ada.until(f"{DIRECT}.getSenders()[1].track === null")
    await ada.button("Turn camera on").click()
    await expect(bea.page.locator("[data-camera-off]")).to_have_count(0, timeout=STEP_MS)
    await ada.until(f"{DIRECT}.getSenders()[1].track !== null")
    await bea.moving()
    await ada.button("Picture and volume").click()
    await ada.page.get_by_role("switch", name="Low-bandwidth mode").click()
    await ada.until(f"{DIRECT}.getSenders()[1].getParameters().encodings[0].maxBitrate === 120000")
    await ada.page.keyboard.press("Escape")

    await ada.button("Next").click()
    await bea.ended()
    assert await bea.page.evaluate(f"{DIRECT}.connectionState") == "closed"
    await patient_service.stop()
    [row] = matches(tmp_path)
    assert json.loads(row["routes"]) == ["direct"]
    assert row["packets_a_to_b"] == row["packets_b_to_a"] == 0


async def test_direct_that_breaks_goes_on_by_relay_with_the_picture_kept(patient_house: House) -> None:
    ada, bea = await patient_house.pair()
    for person in (ada, bea):
        await path(person, "Direct")
        await never_dark(person)
    await ada.page.evaluate(f"{DIRECT}.close()")
    for person in (ada, bea):
        await path(person, "Relayed")
        await person.notice("The relay carries the talk now.")
        await shows(person, RELAY)
        assert await person.page.evaluate("dark") == 0, "the last picture stays"
    await expect(ada.call).to_have_attribute("data-call", "connected")
    # The service says when the old connection goes, and that is after the new one carries.
    await bea.until(f"{DIRECT}.connectionState === 'closed'")


async def test_from_the_relay_to_direct_nobody_notices(browser: Browser, tmp_path: Path) -> None:
    async with (
        web_service(tmp_path, ROUTES_POLICY="relay-first", ROUTES_STABLE_SECONDS="3") as service,
        House(browser, service.url) as house,
    ):
        ada, bea = await house.pair()
        await shows(ada, RELAY)
        await never_dark(bea)
        for person in (ada, bea):
            await path(person, "Direct")
            await person.notice("You are connected directly now.")
            await shows(person, DIRECT)
        assert await bea.page.evaluate("dark") == 0
        assert await bea.page.evaluate("standstill") < 1_500
        # What was on the leg's senders is off, so that its estimate lasts.
        await ada.until(f"{RELAY}.getSenders().every(s => s.track === null)")
        await ada.until(f"{RELAY}.connectionState === 'connected'")


async def test_who_hides_the_address_is_relayed_and_is_told(patient_house: House) -> None:
    ada = await patient_house.guest("Ada")
    bea = await patient_house.guest("Bea")
    await ada.page.get_by_role("switch", name="Hide my address").click()
    await ada.find()
    await bea.find()
    await ada.connected()
    await bea.connected()
    for person in (ada, bea):
        await path(person, "Relayed")
        await shows(person, RELAY)
        assert await person.page.evaluate(f"{DIRECT} === undefined"), "no direct attempt is made at all"


UFRAG = "remoteDescription.sdp.match(/a=ice-ufrag:(.*)/)[1]"


async def test_another_network_restarts_ice_on_both_connections(patient_house: House) -> None:
    ada, bea = await patient_house.pair()
    await path(ada, "Direct")
    direct = await ada.page.evaluate(f"{DIRECT}.{UFRAG}")
    relay = await bea.page.evaluate(f"{RELAY}.{UFRAG}")
    legs = await bea.legs()
    await bea.page.evaluate("dispatchEvent(new Event('online'))")
    await ada.until(f"{DIRECT}.{UFRAG} !== given && {DIRECT}.signalingState === 'stable'", direct)
    await bea.until(f"{RELAY}.{UFRAG} !== given && {RELAY}.signalingState === 'stable'", relay)
    for person in (ada, bea):
        await shows(person, DIRECT)
        assert await person.page.evaluate(f"{DIRECT}.connectionState") == "connected"
        await path(person, "Direct")
    assert await bea.legs() == legs, "the leg is restarted, not replaced"


async def test_another_network_restarts_the_leg_that_carries(house: House) -> None:
    ada = await house.guest("Ada")
    bea = await house.guest("Bea")
    await ada.page.get_by_role("switch", name="Hide my address").click()
    await ada.find()
    await bea.find()
    await ada.connected()
    await bea.connected()
    before = await ada.page.evaluate(f"{RELAY}.{UFRAG}")
    legs = await ada.legs()
    await ada.page.evaluate("dispatchEvent(new Event('online'))")
    await ada.until(f"{RELAY}.{UFRAG} !== given && {RELAY}.connectionState === 'connected'", before)
    for person in (ada, bea):
        await shows(person, RELAY)
    assert await ada.legs() == legs, "link, DTLS and SRTP go on"
