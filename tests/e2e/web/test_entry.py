"""Coming in, staying in, and going out."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import Browser, expect

from tests.e2e.web.house import House
from tests.e2e.web.person import STEP_MS, Person
from tests.e2e.web.service import web_service

LOBBY = "Ready when you are"


async def in_lobby(person: Person) -> None:
    await expect(person.page.get_by_role("heading", name=LOBBY)).to_be_visible(timeout=STEP_MS)


async def register(person: Person, email: str, password: str) -> None:
    page = person.page
    await page.get_by_role("tab", name="Register").click()
    await page.get_by_label("Name", exact=True).fill("Ada")
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_label("I am 18 or older.").check()
    await page.get_by_label("I accept the terms of use.").check()
    await person.button("Make account").click()


async def account(person: Person, choice: str) -> None:
    await person.button("Account").click()
    await person.button(choice).click()


async def test_a_guest_confirms_age_and_terms(house: House) -> None:
    ada = await house.visitor()
    await ada.button("Continue as guest").click()
    await expect(ada.page.get_by_text("Please confirm that you are 18 or older.")).to_be_visible()
    await expect(ada.page.get_by_text("Please accept the terms to go on.")).to_be_visible()
    await expect(ada.page.get_by_label("I am 18 or older.")).to_be_focused()
    await ada.button("terms of use").click()
    await expect(ada.page.get_by_role("dialog", name="Terms of use")).to_contain_text(
        "18 years old", timeout=STEP_MS
    )
    await ada.page.keyboard.press("Escape")
    asked = []
    ada.page.on(
        "request", lambda request: asked.append(request) if request.url.endswith("auth/guest") else None
    )
    await ada.enter_as_guest("Ada")
    sent = asked[0].post_data_json
    assert sent["age_confirmed"] is True
    assert re.fullmatch(r"\d{4}-\d{2}", sent["terms_version"])


async def test_register_log_out_log_in(house: House) -> None:
    ada = await house.visitor()
    await register(ada, "ada@example.org", "correct horse")
    await in_lobby(ada)
    await account(ada, "Log out")
    await expect(ada.page.get_by_role("tab", name="Log in")).to_be_visible(timeout=STEP_MS)
    await ada.page.get_by_role("tab", name="Log in").click()
    await ada.page.get_by_label("Email address").fill("ada@example.org")
    await ada.page.get_by_label("Password").fill("wrong horse")
    await ada.button("Log in").click()
    await expect(ada.page.get_by_text("This address and password do not go together.")).to_be_visible(
        timeout=STEP_MS
    )
    await ada.page.get_by_label("Password").fill("correct horse")
    await ada.button("Log in").click()
    await in_lobby(ada)
    await ada.button("Account").click()
    await expect(ada.page.get_by_text("ada@example.org")).to_be_visible()


async def test_an_address_that_is_taken_is_not_given_away(house: House) -> None:
    ada = await house.visitor()
    await register(ada, "ada@example.org", "correct horse")
    await in_lobby(ada)
    eve = await house.visitor()
    await register(eve, "ada@example.org", "another horse")
    await expect(eve.page.get_by_text("This address cannot be used with this password.")).to_be_visible(
        timeout=STEP_MS
    )


async def test_sessions_survive_a_reload_and_a_log_out_ends_them(house: House) -> None:
    ada = await house.guest("Ada")
    for _ in range(2):
        await ada.page.reload()
        await in_lobby(ada)
    await account(ada, "Log out")
    await expect(ada.button("Continue as guest")).to_be_visible(timeout=STEP_MS)
    await ada.page.reload()
    await expect(ada.button("Continue as guest")).to_be_visible(timeout=STEP_MS)


async def test_a_guest_keeps_the_account(house: House) -> None:
    ada = await house.guest("Ada")
    await account(ada, "Keep this account")
    dialog = ada.page.get_by_role("dialog", name="Keep this account")
    await dialog.get_by_label("Email address").fill("keeper@example.org")
    await dialog.get_by_label("Password").fill("short")
    await dialog.get_by_role("button", name="Keep account").click()
    await expect(dialog.get_by_text("Please give a password of 8 to 256 characters.")).to_be_visible()
    await dialog.get_by_label("Password").fill("long enough")
    await dialog.get_by_role("button", name="Keep account").click()
    await ada.notice("The account is yours to keep.")
    await account(ada, "Log out")
    await ada.page.get_by_role("tab", name="Log in").click()
    await ada.page.get_by_label("Email address").fill("keeper@example.org")
    await ada.page.get_by_label("Password").fill("long enough")
    await ada.button("Log in").click()
    await in_lobby(ada)


async def test_a_token_that_runs_out_during_a_call_is_renewed_unnoticed(
    browser: Browser, tmp_path: Path
) -> None:
    async with (
        web_service(tmp_path, AUTH_ACCESS_TOKEN_SECONDS="12") as service,
        House(browser, service.url) as house,
    ):
        ada, bea = await house.pair()
        async with ada.page.expect_response("**/auth/refresh", timeout=20_000) as renewal:
            await bea.say("still there?")
        assert (await renewal.value).status == 200
        await expect(ada.call).to_have_attribute("data-call", "connected")
        await ada.moving()
        assert await ada.sockets() == 1
        assert not any("token" in url for url in await ada.page.evaluate("watch.sockets.map(s => s.url)"))


async def test_a_second_window_takes_over_only_when_asked(house: House) -> None:
    ada = await house.guest("Ada")
    again = Person(await ada.page.context.new_page(), house.url)
    await again.page.goto(house.url)
    await expect(again.page.get_by_role("heading", name="Burrow is open in another window")).to_be_visible(
        timeout=STEP_MS
    )
    await in_lobby(ada)
    await again.button("Use this window").click()
    await in_lobby(again)
    await expect(ada.page.get_by_role("heading", name="You went on in another window")).to_be_visible(
        timeout=STEP_MS
    )


async def test_the_language_can_be_changed_and_stays(house: House) -> None:
    ada = await house.visitor()
    await ada.button("Language and colours").click()
    await ada.page.get_by_label("Language", exact=True).select_option("ar")
    await expect(ada.page.locator("html")).to_have_attribute("dir", "rtl")
    await expect(ada.page.get_by_role("button", name="متابعة كضيف")).to_be_visible()
    await ada.page.reload()
    await expect(ada.page.locator("html")).to_have_attribute("lang", "ar")
    wide = await ada.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert wide is False


async def test_a_service_that_is_away_is_told_in_words(house: House, service: object) -> None:
    ada = await house.visitor()
    await ada.page.route("**/api/v1/**", lambda route: route.abort())
    await ada.page.get_by_label("I am 18 or older.").check()
    await ada.page.get_by_label("I accept the terms of use.").check()
    await ada.button("Continue as guest").click()
    await expect(ada.page.get_by_role("alert")).to_have_text(
        "The service cannot be reached. Check your connection and try again."
    )
