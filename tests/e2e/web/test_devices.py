"""The hair check: devices that are there, missing, forbidden, busy, and gone."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.e2e.web.browser import FAKE_DEVICES, chromium
from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS, Person
from tests.e2e.web.service import WebService

# The second of Chromium's fake cameras takes depth pictures, which no codec sends.
THREE_CAMERAS = ("--use-fake-device-for-media-stream=device-count=3", "--use-fake-ui-for-media-stream")
TWO_CAMERAS = ("--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream")


def problem(person: Person, kind: str) -> str:
    return f'[role=group][aria-label="{kind}"]'


def failing(kind: str, name: str, message: str) -> str:
    """A script that lets one kind of device fail with that error."""
    return f"""
        navigator.mediaDevices.getUserMedia = (real => async wishes => {{
            if (wishes.{kind}) throw new DOMException({message!r}, {name!r});
            return real(wishes);
        }})(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices));
    """


async def test_all_is_seen_to_work_before_it_is_said(house: House) -> None:
    ada = await house.guest("Ada")
    page = ada.page
    await expect(page.get_by_text("Picture is moving.")).to_be_visible(timeout=STEP_MS)
    await expect(page.get_by_text("We hear you.")).to_be_visible(timeout=STEP_MS)
    await expect(page.get_by_text("Your network is ready.")).to_be_visible(timeout=STEP_MS)
    # The fake microphone beeps, so the meter moves.
    await ada.until("document.querySelector('[role=meter]').ariaValueNow !== '0'")
    mirrored = (
        await page.get_by_label("Your picture, as in a mirror")
        .locator("video")
        .evaluate("v => getComputedStyle(v).transform")
    )
    assert mirrored.startswith("matrix(-1")

    await page.get_by_text("Your network is ready.").click()
    await expect(page.locator("dl")).to_contain_text("Relay by UDP")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await ada.button("Copy report").click()
    await expect(ada.button("Copied")).to_be_visible()
    report = await page.evaluate("navigator.clipboard.readText()")
    assert "relay by UDP: works" in report
    assert "verdict: good" in report

    await ada.button("Play a test sound").click()
    await expect(page.get_by_text("Did you hear three notes?")).to_be_visible(timeout=STEP_MS)
    await expect(page.get_by_text("Speaker heard.")).to_have_count(0)
    await ada.button("Yes").click()
    await expect(page.get_by_text("Speaker heard.")).to_be_visible()


async def test_a_silent_microphone_is_not_said_to_work(house: House) -> None:
    silent = """
        navigator.mediaDevices.getUserMedia = (real => async wishes => {
            if (!wishes.audio) return real(wishes);
            const quiet = new AudioContext().createMediaStreamDestination().stream.getAudioTracks();
            const picture = wishes.video ? (await real({video: wishes.video})).getTracks() : [];
            return new MediaStream([...quiet, ...picture]);
        })(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices));
    """
    ada = await house.guest("Ada", script=silent)
    await expect(ada.page.get_by_text("Picture is moving.")).to_be_visible(timeout=STEP_MS)
    await expect(ada.page.get_by_text("Say something: the bar should move.")).to_be_visible()
    await expect(ada.page.get_by_text("We hear you.")).to_have_count(0)


async def test_a_permission_is_denied_and_then_given_without_a_reload(service: WebService) -> None:
    async with chromium(FAKE_DEVICES[:1]) as browser, House(browser, service.url) as house:
        ada = await house.visitor()
        # Nobody answers the question in a headless browser: what is not granted is denied.
        await ada.page.context.grant_permissions([], origin=service.url)
        await ada.enter_as_guest("Ada")
        for kind in ("Camera", "Microphone"):
            box = ada.page.locator(problem(ada, kind))
            await expect(box).to_have_attribute("data-problem", "denied_by_browser", timeout=STEP_MS)
            await expect(box).to_contain_text("blocked for this page")
        await expect(ada.button("Find someone without camera and microphone")).to_be_enabled()
        await ada.page.context.grant_permissions(["camera", "microphone"], origin=service.url)
        await expect(ada.page.get_by_text("Picture is moving.")).to_be_visible(timeout=STEP_MS)
        await expect(ada.page.locator("[data-problem]")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "message", "told"),
    [
        ("NotAllowedError", "Permission denied by system", "denied_by_system"),
        ("NotAllowedError", "Permission dismissed", "dismissed"),
        ("NotReadableError", "Could not start video source", "in_use"),
        ("NotFoundError", "Requested device not found", "not_found"),
    ],
)
async def test_errors_are_told_apart(house: House, name: str, message: str, told: str) -> None:
    ada = await house.guest("Ada", script=failing("video", name, message))
    await expect(ada.page.locator(problem(ada, "Camera"))).to_have_attribute(
        "data-problem", told, timeout=STEP_MS
    )
    await expect(ada.page.get_by_text("We hear you.")).to_be_visible(timeout=STEP_MS)


async def test_without_any_device_one_can_still_meet_and_write(service: WebService) -> None:
    async with chromium(flags=()) as browser, House(browser, service.url) as house:
        ada = await house.guest("Ada")
        bea = await house.guest("Bea")
        for kind in ("Camera", "Microphone"):
            await expect(ada.page.locator(problem(ada, kind))).to_have_attribute(
                "data-problem", "not_found", timeout=STEP_MS
            )
        await ada.button("Find someone without camera and microphone").click()
        await bea.find()
        # The picture that stands for a camera that is off is a picture too.
        await ada.connected()
        await bea.connected()
        await ada.say("no camera, but words")
        await expect(bea.page.locator("[data-from=stranger]")).to_contain_text("no camera, but words")


async def test_choices_are_kept(service: WebService) -> None:
    async with chromium(TWO_CAMERAS) as browser, House(browser, service.url) as house:
        ada = await house.guest("Ada")
        camera = ada.page.get_by_label("Camera", exact=True)
        await expect(camera.locator("option")).to_have_count(2, timeout=STEP_MS)
        await camera.select_option(index=1)
        chosen = await camera.input_value()
        await ada.button("Mute microphone").click()
        await ada.page.reload()
        await expect(camera).to_have_value(chosen, timeout=STEP_MS)
        await expect(ada.button("Unmute microphone")).to_be_visible()
        await ada.button("Other camera").click()
        await expect(camera).not_to_have_value(chosen, timeout=STEP_MS)


async def test_another_camera_and_speaker_in_a_call(service: WebService) -> None:
    async with chromium(THREE_CAMERAS) as browser, House(browser, service.url) as house:
        ada, bea = await house.pair()
        await bea.moving()
        await ada.button("Picture and volume").click()
        camera = ada.page.get_by_label("Camera", exact=True)
        before = await camera.input_value()
        await camera.select_option(index=2)
        await expect(camera).not_to_have_value(before, timeout=STEP_MS)
        # What is sent is the other camera, and the stranger's picture of it goes on.
        await ada.until("watch.carrying().getSenders()[1].track?.getSettings().deviceId !== given", before)
        await bea.moving()
        speaker = ada.page.get_by_label("Speaker", exact=True)
        await speaker.select_option(index=1)
        chosen = await speaker.input_value()
        await ada.until("document.querySelector('video[data-seen]').sinkId === given", chosen)


async def test_a_camera_that_vanishes_during_a_call(house: House) -> None:
    unplugging = """
        navigator.mediaDevices.getUserMedia = (real => async wishes => {
            if (window.unplugged && wishes.video) throw new DOMException("not found", "NotFoundError");
            const stream = await real(wishes);
            window.camera = stream.getVideoTracks()[0] ?? window.camera;
            return stream;
        })(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices));
        navigator.mediaDevices.enumerateDevices = (real => async () =>
            (await real()).filter(device => !(window.unplugged && device.kind === "videoinput"))
        )(navigator.mediaDevices.enumerateDevices.bind(navigator.mediaDevices));
    """
    ada, bea = await house.pair(script=unplugging)
    await ada.page.evaluate("unplugged = true; camera.stop(); camera.dispatchEvent(new Event('ended'))")
    await expect(ada.button("Turn camera on")).to_be_visible(timeout=STEP_MS)
    await ada.button("Picture and volume").click()
    await expect(ada.page.locator(problem(ada, "Camera"))).to_have_attribute("data-problem", "vanished")
    # The talk goes on; Bea is told that the camera is off instead of seeing a frozen face.
    await expect(bea.call).to_have_attribute("data-call", "connected")
    await expect(bea.page.locator("[data-camera-off]")).to_be_visible(timeout=STEP_MS)
    await ada.page.evaluate(
        "unplugged = false; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))"
    )
    await expect(ada.page.locator("[data-problem]")).to_have_count(0, timeout=STEP_MS)
    await bea.until("document.querySelector('video[data-seen]').videoWidth > 320")


async def test_sound_that_the_browser_holds_back_is_played_by_a_press(house: House) -> None:
    held = """
        HTMLMediaElement.prototype.play = (real => function () {
            const held = new DOMException("needs a user gesture", "NotAllowedError");
            return this.muted || window.pressed ? real.call(this) : Promise.reject(held);
        })(HTMLMediaElement.prototype.play);
        const press = event => { window.pressed ||= event.target.innerText === "Play sound"; };
        addEventListener("click", press, true);
    """
    ada, _bea = await house.pair(script=held)
    await ada.button("Play sound").click()
    await expect(ada.button("Play sound")).to_have_count(0)
    await ada.moving()
