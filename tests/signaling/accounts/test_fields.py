from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signaling.accounts import fields
from signaling.errors import BadRequest


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ann@example.org", "ann@example.org"),
        ("  Ann@EXAMPLE.org ", "ann@example.org"),
        ("ANN+talk@example.org", "ann+talk@example.org"),
        ("u\u0308ber@example.org", "\u00fcber@example.org"),
        ("ann@xn--bcher-kva.example.org", "ann@b\u00fccher.example.org"),
        ("ann@B\u00dcCHER.example.org", "ann@b\u00fccher.example.org"),
        ("ann@intranet.local", "ann@intranet.local"),
        ("ann@burrow.test", "ann@burrow.test"),
        ("ann@localhost", "ann@localhost"),
    ],
)
def test_one_address_has_one_spelling(typed: str, kept: str) -> None:
    assert fields.email_address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", "ann", "ann@", "@example.org", "a b@example.org", "ann@@example.org", "ann\0@example.org",
        "ann@exa mple.org", "Ann <ann@example.org>", "ann@example.org\nBcc: x@example.org",
        "a" * 300 + "@example.org", "ann@" + "b" * 70 + ".org", "\u202eann@example.org", "\ud800@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_by_name(typed: str) -> None:
    with pytest.raises(BadRequest) as caught:
        fields.email_address(typed)
    assert caught.value.details["field"] == "email"


@given(st.text(max_size=80) | st.emails() | st.text(max_size=30).map(lambda t: f"{t}@example.org"))
@example("\u0130@example.org")
@example("\u00df@example.org")
def test_addresses_are_normal_once_and_for_all(typed: str) -> None:
    try:
        kept = fields.email_address(typed)
    except BadRequest:
        return
    assert fields.email_address(kept) == kept
    assert len(kept) <= 254
    assert "\0" not in kept
    kept.encode()


@pytest.mark.parametrize("length", [8, 256])
def test_passwords_of_allowed_length(length: int) -> None:
    assert fields.password("\U0001f600" * length)


@pytest.mark.parametrize("length", [0, 7, 257, 60_000])
def test_passwords_of_other_length(length: int) -> None:
    with pytest.raises(BadRequest) as caught:
        fields.password("x" * length)
    assert caught.value.details == {"field": "password", "min": 8, "max": 256}
    assert "xxx" not in caught.value.message


def test_a_password_is_the_same_on_every_keyboard() -> None:
    assert fields.password("u\u0308ber allem") == fields.password("\u00fcber allem")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ann", "Ann"),
        ("  Ann \n  B. ", "Ann B."),
        ("\u0627\u0644\u0633\u0644\u0627\u0645", "\u0627\u0644\u0633\u0644\u0627\u0645"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("A" * 40, "A" * 40),
    ],
)
def test_names_to_show(typed: str, kept: str) -> None:
    assert fields.display_name(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "A" * 41,
        "Ann\0",
        "\u202eAnn",
        "\u200d",
        "\u2066x",
        "\x1b[31mAnn",
        "\ud800",
        "\ufeffAnn",
        "\u0301",
    ],
)
def test_names_that_would_deceive_or_break_are_refused(typed: str) -> None:
    with pytest.raises(BadRequest) as caught:
        fields.display_name(typed)
    assert caught.value.details["field"] == "name"


@given(st.text(max_size=60))
def test_a_name_is_always_one_visible_line_that_can_be_stored(typed: str) -> None:
    try:
        name = fields.display_name(typed)
    except BadRequest:
        return
    assert 1 <= len(name) <= 40
    assert fields.display_name(name) == name
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name)
    name.encode()


def test_tags_are_lower_case_and_each_there_once() -> None:
    assert fields.tags("interests", (" Music ", "music", "Film  noir")) == ("music", "film noir")


@pytest.mark.parametrize("texts", [("",), ("x" * 33,), ("a\0b",), tuple(map(str, range(11)))])
def test_tags_out_of_bounds(texts: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest) as caught:
        fields.tags("languages", texts)
    assert caught.value.details["field"] == "languages"


@given(st.lists(st.text(max_size=40), max_size=12))
def test_tags_are_normal_once_and_for_all(texts: list[str]) -> None:
    try:
        kept = fields.tags("interests", tuple(texts))
    except BadRequest:
        return
    assert fields.tags("interests", kept) == kept
    assert len(kept) <= 10
