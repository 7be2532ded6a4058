"""Bodies from people who mean harm."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.errors import BadRequest
from signaling.http import bodies
from signaling.http.bodies import parse_body
from tests.signaling.accounts.people import registration
from tests.signaling.http.service import API, Service, error_of

KINDS = [bodies.Register, bodies.Login, bodies.Guest, bodies.Upgrade, bodies.ChangeProfile]
HOSTILE = [
    b"", b"null", b"true", b"[]", b'""', b"{", b"{}}", b'{"email"', b"\xff\xfe", b"\0", b"[" * 65_000,
    b'{"a":' * 10_000, b"1e999999", b'{"email": NaN}', b'{"email": "\\ud800", "password": "12345678"}',
    b'{"email": "a@b.c", "password": "12345678", "__class__": "x"}',
    b'{"email": {"$ne": ""}, "password": {"$ne": ""}}', b'{"email": ["a@b.c"], "password": "12345678"}',
    b'{"email": "a@b.c", "password": 12345678}', b'{"email": null, "password": null}',
]  # fmt: skip


def taken_or_refused(raw: bytes, kind: type[msgspec.Struct]) -> msgspec.Struct | BadRequest:
    try:
        return parse_body(raw, kind)
    except BadRequest as error:
        return error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("raw", HOSTILE)
def test_hostile_bodies_are_bad_requests(raw: bytes, kind: type[msgspec.Struct]) -> None:
    outcome = taken_or_refused(raw, kind)
    if isinstance(outcome, BadRequest):
        assert len(outcome.message) <= 300
        assert outcome.__cause__ is None


@pytest.mark.parametrize("raw", HOSTILE)
async def test_hostile_bodies_over_http(raw: bytes, service: Service) -> None:
    response = await service.client.post(
        f"{API}/auth/login", data=raw, headers={"Content-Type": "application/json"}
    )
    assert (await error_of(response))[:2] == (400, "bad_request")
    assert (await service.client.get("/health")).status == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": 1}, "email"),
        ({"age_confirmed": "yes"}, "age_confirmed"),
        ({"age_confirmed": 1}, "age_confirmed"),
        ({"age_confirmed": False}, "age_confirmed"),
        ({"extra": 1}, "extra"),
        ({"password": "x" * 257}, "password"),
        ({"name": ""}, "name"),
        ({"email": "nobody"}, "email"),
    ],
)
async def test_details_name_the_field(change: dict[str, Any], field: str, service: Service) -> None:
    response = await service.post("auth/register", registration() | change)
    status, code, details = await error_of(response)
    assert (status, code, details["field"]) == (400, "bad_request", field)


@pytest.mark.parametrize("missing", ["email", "password", "name", "age_confirmed", "terms_version"])
async def test_details_name_what_is_missing(missing: str, service: Service) -> None:
    body = {key: value for key, value in registration().items() if key != missing}
    response = await service.post("auth/register", body)
    assert await error_of(response) == (400, "bad_request", {"field": missing})


async def test_what_was_sent_is_not_sent_back(service: Service) -> None:
    response = await service.post("auth/register", registration(password="hunter2"))
    assert "hunter2" not in await response.text()
    response = await service.post("auth/login", {"email": "hunter2", "password": ["hunter2"]})
    assert "hunter2" not in await response.text()


def test_the_place_inside_a_list_is_named() -> None:
    with pytest.raises(BadRequest) as caught:
        parse_body(b'{"interests": ["music", 7]}', bodies.ChangeProfile)
    assert caught.value.details == {"field": "interests[1]"}


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from(
    ["email", "password", "name", "age_confirmed", "terms_version", "interests", "languages", "x"]
)


@given(st.dictionaries(NAMES, JSON), st.sampled_from(KINDS))
def test_any_json_is_taken_or_refused_in_the_one_way(
    body: dict[str, Any], kind: type[msgspec.Struct]
) -> None:
    outcome = taken_or_refused(json.dumps(body).encode(), kind)
    if isinstance(outcome, BadRequest):
        assert set(outcome.details) <= {"field"}
    else:
        assert set(body) <= set(kind.__struct_fields__)
        assert isinstance(outcome, kind)


@given(st.binary(max_size=200), st.sampled_from(KINDS))
def test_any_bytes_are_taken_or_refused_in_the_one_way(raw: bytes, kind: type[msgspec.Struct]) -> None:
    assert isinstance(taken_or_refused(raw, kind), BadRequest | kind)
