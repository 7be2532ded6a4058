"""Everything one can do in a call, and what the other one notices of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Dialog, expect

from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS, Person
from tests.e2e.web.service import web_service

LOBBY = "Ready when you are"


async def sound_of(person: Person) -> str:
    """What the audio sender of the connection that carries has: ``on``, ``muted`` or ``nothing``."""
    return str(
        await person.page.evaluate(
            """() => {
                const track = watch.carrying().getSenders()[0].track;
                return track === null ? "nothing" : track.enabled ? "on" : "muted";
            }"""
        )
    )


async def test_mute_and_camera_off(house: House) -> None:
    ada, bea = await house.pair()
    assert await sound_of(ada) == "on"
    await ada.button("Mute microphone").click()
    await ada.told("Microphone muted.")
    await expect(bea.page.locator("[data-muted]")).to_have_text("Muted", timeout=STEP_MS)
    await bea.told("Ada is muted.")
    assert await sound_of(ada) == "muted"
    assert await bea.loudness() < 0.01
    await ada.button("Unmute microphone").click()
    assert await sound_of(ada) == "on"
    await expect(bea.page.locator("[data-muted]")).to_have_count(0, timeout=STEP_MS)

    await ada.button("Turn camera off").click()
    await ada.told("Camera off.")
    tile = bea.page.locator("[data-camera-off]")
    await expect(tile).to_contain_text("Ada's camera is off", timeout=STEP_MS)
    await bea.told("Ada's camera is off.")
    # Said in words, so no picture of a crossed-out camera is sent; the sound goes on.
    await ada.until("watch.carrying().getSenders()[1].track === null")
    assert await bea.loudness() > 0.01
    await ada.button("Turn camera on").click()
    await expect(tile).to_have_count(0, timeout=STEP_MS)
    await bea.moving()


async def test_who_comes_without_a_camera_is_announced_as_such(house: House) -> None:
    ada = await house.guest("Ada")
    bea = await house.guest("Bea")
    await ada.button("Turn camera off").click()
    await ada.find()
    await bea.find()
    await ada.connected()
    await expect(bea.call).to_have_attribute("data-call", "connected", timeout=STEP_MS)
    await expect(bea.page.locator("[data-camera-off]")).to_contain_text(
        "You can hear each other all the same."
    )
    await ada.button("Turn camera on").click()
    await bea.connected()
    await bea.moving()


async def test_talking_while_muted_is_hinted(house: House) -> None:
    # The fake microphone only beeps; this one speaks.
    speaking = """
        navigator.mediaDevices.getUserMedia = (real => async wishes => {
            const stream = await real(wishes);
            if (!wishes.audio) return stream;
            const context = new AudioContext();
            const voice = context.createOscillator();
            const out = context.createMediaStreamDestination();
            voice.connect(out);
            voice.start();
            return new MediaStream([...stream.getVideoTracks(), ...out.stream.getAudioTracks()]);
        })(navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices));
    """
    ada, _bea = await house.pair(script=speaking)
    await ada.button("Mute microphone").click()
    await ada.notice("You are muted, and it sounds as if you were talking.")


async def test_own_picture_moves_by_keys_and_by_drag_and_hides(house: House) -> None:
    ada, _bea = await house.pair()
    own = ada.page.locator("[data-corner]")
    await expect(own).to_have_attribute("data-corner", "bottom-end")
    await own.focus()
    await ada.page.keyboard.press("ArrowUp")
    await ada.page.keyboard.press("ArrowLeft")
    await expect(own).to_have_attribute("data-corner", "top-start")
    box = await own.bounding_box()
    assert box is not None
    await ada.page.mouse.move(box["x"] + 100, box["y"] + 30)
    await ada.page.mouse.down()
    await ada.page.mouse.move(800, 650, steps=5)
    await ada.page.mouse.up()
    await expect(own).to_have_attribute("data-corner", "bottom-end")
    await ada.button("Hide your picture").click()
    await expect(own).to_have_count(0)
    await ada.button("Show your picture").click()
    await expect(own).to_be_visible()


async def test_picture_volume_and_bandwidth(house: House) -> None:
    ada, _bea = await house.pair()
    page = ada.page
    await ada.button("Picture and volume").click()
    await page.get_by_role("slider", name="Volume").fill("0.3")
    await ada.until("document.querySelector('video[data-seen]').volume === 0.3")
    fit = page.get_by_role("switch", name="Fill the screen with the picture")
    await expect(ada.stranger).to_have_css("object-fit", "contain")
    await fit.click()
    await expect(ada.stranger).to_have_css("object-fit", "cover")
    await page.get_by_role("switch", name="Low-bandwidth mode").click()
    await ada.until("watch.carrying().getSenders()[1].getParameters().encodings[0].maxBitrate === 120000")
    await page.get_by_role("switch", name="Low-bandwidth mode").click()
    await ada.until(
        "watch.carrying().getSenders()[1].getParameters().encodings[0].scaleResolutionDownBy === 1"
    )
    await ada.button("Full screen").click()
    await ada.until("document.fullscreenElement !== null")
    await ada.button("Picture and volume").click()
    await ada.button("Leave full screen").click()
    await ada.until("document.fullscreenElement === null")
    await expect(page.locator("[data-grade]")).to_be_visible(timeout=STEP_MS)
    assert await page.evaluate("watch.locks") >= 1, "the screen is kept awake"


async def test_esc_twice_is_next(house: House) -> None:
    ada, bea = await house.pair()
    armed = ada.page.locator("[data-esc-armed]")
    await ada.page.keyboard.press("Escape")
    await expect(armed).to_be_visible()
    await ada.told("Press Escape again for the next stranger.")
    await expect(armed).to_have_count(0, timeout=5_000)
    await expect(ada.call).to_have_attribute("data-call", "connected")
    # What is open takes its own Esc.
    await ada.button("More").click()
    await ada.page.keyboard.press("Escape")
    await ada.button("Stop").click()
    await ada.page.keyboard.press("Escape")
    await expect(ada.page.get_by_role("dialog")).to_have_count(0)
    await expect(armed).to_have_count(0)
    await ada.page.keyboard.press("Escape")
    await ada.page.keyboard.press("Escape")
    await bea.ended()
    await expect(ada.page.get_by_role("heading", name="Looking for someone…")).to_be_visible(timeout=STEP_MS)


@pytest.fixture
async def small_house(browser: Browser, tmp_path: Path) -> AsyncIterator[House]:
    """Where the same two may meet again at once."""
    async with (
        web_service(tmp_path, MATCHING_REMATCH_SECONDS="0") as service,
        House(browser, service.url) as open_house,
    ):
        yield open_house


async def test_auto_next_goes_on_by_itself_and_can_be_held(small_house: House) -> None:
    ada, bea = await small_house.pair()
    await ada.button("Picture and volume").click()
    await ada.page.get_by_role("switch", name="Find the next one by itself").click()
    await ada.page.keyboard.press("Escape")
    await bea.button("Next").click()
    await ada.ended()
    await expect(ada.page.get_by_text(re.compile("^Finding the next one in"))).to_be_visible()
    await ada.connected()  # alone with Bea, they meet again
    await bea.button("Next").click()
    await ada.ended()
    await ada.button("Stay here").click()
    await expect(ada.page.get_by_text(re.compile("^Finding the next one in"))).to_have_count(0)


async def test_leaving_by_accident_asks_first(house: House) -> None:
    ada, bea = await house.pair()
    seen: list[str] = []

    async def stay(dialog: Dialog) -> None:
        seen.append(dialog.type)
        await dialog.dismiss()

    ada.page.on("dialog", stay)
    await ada.page.close(run_before_unload=True)
    await bea.until("document.querySelector('[data-call]').dataset.call === 'connected'")
    await ada.page.evaluate("history.back()")
    await expect(ada.page.get_by_role("dialog", name="End this talk?")).to_be_visible(timeout=STEP_MS)
    assert seen == ["beforeunload"]
    await ada.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(ada.call).to_have_attribute("data-call", "connected")
    await bea.moving()


async def test_logging_out_of_the_line_asks_first(house: House) -> None:
    ada = await house.guest("Ada")
    await ada.find()
    await ada.button("Account").click()
    await ada.button("Log out").click()
    dialog = ada.page.get_by_role("dialog", name="Log out and end this?")
    await dialog.get_by_role("button", name="Log out").click()
    await expect(ada.button("Continue as guest")).to_be_visible(timeout=STEP_MS)


async def test_report_and_block(small_house: House) -> None:
    ada, bea = await small_house.pair()
    await ada.button("More").click()
    await ada.button("Report…").click()
    await ada.button("Send report").click()
    await expect(ada.page.get_by_text("Please pick what happened.")).to_be_visible()
    await ada.page.get_by_label("Spam or advertising").check()
    await ada.page.get_by_label("Also block and end the talk").uncheck()
    await ada.button("Send report").click()
    await ada.notice("Thank you. Your report was received.")
    await expect(ada.call).to_have_attribute("data-call", "connected")

    await ada.button("More").click()
    await ada.button("Block…").click()
    await ada.button("Block").click()
    await ada.ended()
    await expect(ada.page.get_by_text("You blocked them. You will not meet again.")).to_be_visible()
    await bea.ended()
    await expect(bea.page.get_by_text("They ended the talk.")).to_be_visible()
    # Alone with each other in the line, they are not brought together again.
    await ada.button("Find someone else").click()
    await bea.button("Find someone else").click()
    for person in (ada, bea):
        await expect(person.page.get_by_text("Place in line")).to_be_visible(timeout=STEP_MS)
    await expect(ada.call).to_have_count(0)


async def test_a_report_after_the_end(house: House) -> None:
    ada, bea = await house.pair()
    await bea.button("Next").click()
    await ada.ended()
    await ada.button("Report…").click()
    await ada.page.get_by_label("Something else").check()
    await ada.button("Send report").click()
    await ada.notice("Thank you. Your report was received.")


async def test_links_warn_before_they_open(house: House) -> None:
    ada, bea = await house.pair()
    await bea.say("look at https://example.org/a?b=c and javascript:alert(1) <b>x</b>")
    line = ada.page.locator("[data-from=stranger]")
    await expect(line).to_contain_text("<b>x</b>", timeout=STEP_MS)
    await expect(line.get_by_role("button")).to_have_count(1)
    await line.get_by_role("button", name="https://example.org/a?b=c").click()
    dialog = ada.page.get_by_role("dialog", name="Open this link?")
    await expect(dialog).to_contain_text("https://example.org/a?b=c")
    link = dialog.get_by_role("link", name="Open in a new tab")
    await expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)


async def test_the_chat_sticks_to_the_end_only_for_who_is_there(house: House) -> None:
    ada, bea = await house.pair()
    for number in range(12):
        await bea.say(f"line {number}\nmore of it")
    lines = ada.page.get_by_role("region", name="Chat")
    await expect(ada.page.locator("[data-from=stranger]")).to_have_count(12, timeout=STEP_MS)
    assert await lines.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight") < 5
    await lines.evaluate("e => { e.scrollTop = 0; }")
    await ada.until("document.querySelector('[role=region][aria-label=Chat]').scrollTop === 0")
    await bea.say("one more")
    pill = ada.button("New messages: 1")
    await expect(pill).to_be_visible(timeout=STEP_MS)
    assert await lines.evaluate("e => e.scrollTop") == 0
    await pill.click()
    await expect(pill).to_have_count(0)
    await expect(ada.page.locator("[data-from=stranger]").last).to_be_in_viewport()


async def test_unread_lines_are_counted_while_the_chat_is_hidden(house: House) -> None:
    ada, bea = await house.pair(phone=True)
    await bea.say("are you there?")
    await bea.say("hello?")
    await expect(ada.button("Chat, new messages: 2")).to_be_visible(timeout=STEP_MS)
    await expect(ada.page).to_have_title("(2) Burrow")
    await ada.button("Chat, new messages: 2").click()
    await expect(ada.page.locator("[data-from=stranger]").last).to_contain_text("hello?")
    await expect(ada.page).to_have_title("Burrow")
    await ada.button("Close chat").click()
    await expect(ada.button("Chat")).to_be_visible()


async def test_input_methods_and_length(house: House) -> None:
    ada, _bea = await house.pair()
    field = await ada.show_chat()
    session = await ada.page.context.new_cdp_session(ada.page)
    await field.focus()
    await session.send("Input.imeSetComposition", {"text": "こん", "selectionStart": 2, "selectionEnd": 2})
    await field.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await expect(ada.page.locator("[data-from=you]")).to_have_count(0)
    await session.send("Input.insertText", {"text": "こんにちは"})
    await expect(field).to_have_value("こんにちは")
    await field.press("Shift+Enter")
    await expect(field).to_have_value("こんにちは\n")
    await field.fill("🦡" * 1000)
    await expect(ada.page.get_by_text("0 characters left")).to_be_visible()
    await expect(ada.button("Send")).to_be_enabled()
    await field.fill("🦡" * 1001)
    await expect(ada.page.get_by_text("Too long by 1")).to_be_visible()
    await expect(ada.button("Send")).to_be_disabled()
    await field.fill("🦡" * 1000)
    await field.press("Enter")
    await expect(ada.page.locator("[data-status]")).to_have_attribute(
        "data-status", "delivered", timeout=STEP_MS
    )


async def test_picture_in_picture_outlives_a_change_of_route(browser: Browser, tmp_path: Path) -> None:
    async with (
        web_service(tmp_path, ROUTES_RELAY_AFTER_MS="20000") as service,
        House(browser, service.url) as house,
    ):
        ada, _bea = await house.pair()
        await ada.button("Picture and volume").click()
        await ada.button("Picture in picture").click()
        small = "document.pictureInPictureElement !== null"
        shown = "document.pictureInPictureElement === document.querySelector('video[data-seen]')"
        await ada.until(f"{small} && {shown}")
        await ada.page.evaluate("watch.carrying().close()")
        await ada.notice("The relay carries the talk now.")
        await ada.until(f"watch.legs().includes(watch.carrying()) && {small} && {shown}")
        await ada.moving()
        await ada.button("Picture and volume").click()
        await ada.button("Picture in picture").click()
        await ada.until("document.pictureInPictureElement === null")
        await expect(ada.call).to_have_attribute("data-call", "connected")
