"""The operators' REST on the whole service: who gets in, what is seen, what is done, what is written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.repositories import users
from signaling.messages import Ended, Idle, Ping, Pong, Quality
from tests.signaling.operators.desk import API, OPERATOR, Desk, desk


def every_route(here: Desk) -> list[tuple[str, str]]:
    """From the router itself, so that none can be forgotten."""
    assert here.service.app is not None
    found = [
        (route.method, route.resource.canonical.replace("{match}", "m").replace("{user}", "u"))
        for route in here.service.app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith(API)
    ]
    return [
        (method.replace("*", "PUT"), path.replace("{rest}", "nothing"))
        for method, path in found
        if not path.endswith("/feed")
    ]


async def test_nobody_but_an_operator_gets_through_on_any_route(here: Desk) -> None:
    await here.account("ursula")
    await here.account("mona", "moderator")
    routes = every_route(here)
    assert len(routes) >= 15
    refused: dict[tuple[int, str], list[str | None]] = {
        (401, "unauthenticated"): [None, "", "nonsense", "a.b.c"],
        (401, "token_expired"): [here.token(OPERATOR, "operator", age_seconds=901)],
        (403, "forbidden"): [here.token("ursula"), here.token("mona", "moderator")],
    }
    for method, path in routes:
        for (status, code), tokens in refused.items():
            for token in tokens:
                got, body = await here.request(method, path, token, {})
                assert got == status, f"{method} {path} with {token}"
                if method != "HEAD":
                    assert body["code"] == code
                    assert set(body) == {"code", "message", "details"}
    assert await here.audit() == [], "nothing was done"
    for method, path in routes:
        status, body = await here.ask(method, path.removeprefix(API), {} if method != "GET" else None)
        assert status in (200, 400, 404, 405, 409), f"{method} {path}: {body}"


async def test_a_forged_role_and_a_role_that_was_taken_away_open_nothing(here: Desk) -> None:
    """The token says operator, the database knows better: at once, not after its 15 minutes."""
    await here.account("ursula")
    status, _ = await here.request("GET", f"{API}/node", here.token("ursula", "operator"))
    assert status == 403
    assert (await here.ask("GET", "/node"))[0] == 200
    await here.database.write(lambda session: users.set_role(session, f"{OPERATOR}@example.org", "user"))
    assert (await here.ask("GET", "/node"))[0] == 403


async def test_a_call_is_seen_and_ended_and_both_users_are_told(here: Desk) -> None:
    anna, bert = await here.pair("anna", "bert")
    match = (await here.get("/calls"))["calls"][0]["match"]
    await anna.say(
        Quality(match=match, level="poor", reason="loss", rtt_ms=80.0, loss_permille=70, received_bps=900_000)
    )
    await bert.say(Quality(match=match, level="good", sent_bps=1_000_000))
    for client in (anna, bert):
        await client.raw(Ping())
        await client.until(Pong)
    call = (await here.get(f"/calls/{match}"))["call"]
    assert (call["route"], call["state"]) == ("direct", "connected")
    assert (call["a"]["user"], call["a"]["name"], call["a"]["transport"]) == (
        "anna",
        "Name of anna",
        "direct",
    )
    assert (call["a"]["quality"], call["a"]["quality_reason"]) == ("poor", "loss")
    assert (call["a"]["rtt_ms"], call["a"]["received_loss_permille"]) == (80.0, 70)
    assert (call["a"]["received_bps"], call["b"]["sent_bps"]) == (900_000, 1_000_000)
    assert [u["match"] for u in (await here.get("/users?q=anna"))["users"]] == [match]

    assert await here.ask("POST", f"/calls/{match}/end") == (200, {"match": match})
    for client in (anna, bert):
        ended = await client.until(Ended)
        assert (ended.reason, ended.by, ended.match) == ("ended_by_operator", "service", match)
        assert ended.message == "An operator ended this call."
        await client.until(Idle)
    status, body = await here.ask("POST", f"/calls/{match}/end")
    assert (status, body["code"]) == (404, "not_found")
    second, first = await here.audit()
    assert (first["action"], first["target"], first["outcome"]) == ("call.end", match, "done")
    assert first["operator"] == {"id": OPERATOR, "name": f"Name of {OPERATOR}"}
    assert first["before"] == {"state": "connected", "route": "direct"}
    assert second["outcome"] == "not_found"

    story = await here.get(f"/calls/{match}")
    assert story["call"] is None
    assert story["stored"]["end_reason"] == "ended_by_operator"
    steps = [(step["step"], step["route"], step["side"]) for step in story["steps"]]
    assert steps[0] == ("matched", None, None)
    assert ("trying", "direct", None) in steps
    assert ("connected", "direct", None) in steps
    assert ("quality_poor", None, "a") in steps
    assert steps[-1][0] == "ended"
    times = [step["at_ms"] for step in story["steps"]]
    assert times == sorted(times)
    assert (await here.get("/matches?user=anna"))["matches"][0]["match"] == match
    assert (await here.get("/matches?user=nobody"))["matches"] == []


async def test_a_user_is_disconnected(here: Desk) -> None:
    anna, bert = await here.pair("anna", "bert")
    assert await here.ask("POST", "/users/anna/disconnect") == (200, {"user": "anna"})
    assert (await bert.until(Ended)).reason == "ended_by_operator"
    assert await anna.close_code() == 4006
    assert not (await here.get("/users/anna"))["online"]
    assert (await here.get("/users/bert"))["online"]
    status, body = await here.ask("POST", "/users/anna/disconnect")
    assert (status, body["code"]) == (404, "not_found")
    assert [(a["action"], a["target"], a["outcome"]) for a in await here.audit()] == [
        ("user.disconnect", "anna", "not_found"),
        ("user.disconnect", "anna", "done"),
    ]


async def test_lists_go_on_where_the_page_before_ended(here: Desk) -> None:
    for n in range(5):
        await here.pair(f"a{n}", f"b{n}")
    seen: list[str] = []
    after = ""
    while True:
        page = await here.get(f"/calls?limit=2{after}")
        assert page["total"] == 5
        seen += [call["a"]["user"] for call in page["calls"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [f"a{n}" for n in range(5)], "the oldest first, each once"
    only = await here.get("/calls?user=b3")
    assert [call["b"]["user"] for call in only["calls"]] == ["b3"]
    for path in ("/calls", "/matches", "/audit"):
        far = await here.get(f"{path}?after=99999999999999999.x")
        assert far["next"] is None


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/calls?limit=0", "limit"),
        ("/calls?limit=x", "limit"),
        ("/calls?limit=5&limit=6", "limit"),
        ("/calls?after=yesterday", "after"),
        ("/calls?user=a%20b", "user"),
        ("/matches?color=red", None),
        ("/users", None),
        ("/minutes?since=-1", "since"),
    ],
)
async def test_a_question_that_cannot_be_understood_is_named(
    here: Desk, path: str, field: str | None
) -> None:
    status, body = await here.ask("GET", path)
    assert (status, body["code"]) == (400, "bad_request")
    assert body["details"].get("field") == field
    assert body["message"]


async def test_limits_are_changed_in_part_and_impossible_ones_refused(here: Desk) -> None:
    before = await here.get("/node/limits")
    status, after = await here.ask("PATCH", "/node/limits", {"soft": 0.4, "max_legs": 10})
    assert (status, after) == (200, {**before, "soft": 0.4, "max_legs": 10})
    assert await here.get("/node/limits") == after
    status, body = await here.ask("PATCH", "/node/limits", {"soft": 3, "hard": 2})
    assert (status, body["code"]) == (409, "limits_conflict")
    assert "soft limit (3)" in body["message"]
    assert await here.get("/node/limits") == after
    assert (await here.ask("PATCH", "/node/limits", {"hardest": 2}))[0] == 400
    refused, done = await here.audit()
    assert (done["before"], done["after"], done["outcome"]) == (before, after, "done")
    assert (refused["outcome"], refused["after"]["hard"]) == ("limits_conflict", 2.0)


async def test_draining_and_taking_it_back(here: Desk) -> None:
    await here.pair("anna", "bert")
    assert (await here.ask("POST", "/node/undrain"))[1]["code"] == "not_draining"
    status, node = await here.ask("POST", "/node/drain", {"deadline_seconds": 600})
    assert (status, node["drain"]["by"], node["drain"]["calls_left"]) == (200, "operator", 1)
    assert node["not_ready"] == ["draining"]
    status, ready = await here.request("GET", "/ready", None)
    assert (status, ready["details"]["reasons"]) == (503, ["draining"])
    assert len((await here.get("/calls"))["calls"]) == 1, "nobody is cut off"
    status, node = await here.ask("POST", "/node/undrain")
    assert (status, node["drain"]) == (200, None)
    assert [(a["action"], a["outcome"]) for a in await here.audit()] == [
        ("node.undrain", "done"),
        ("node.drain", "done"),
        ("node.undrain", "not_draining"),
    ]


async def test_what_a_run_saw_is_there_after_it(tmp_path: Path) -> None:
    async with desk(tmp_path / "data") as here:
        await here.pair("anna", "bert")
        match = (await here.get("/calls"))["calls"][0]["match"]
        await here.until(lambda story: bool(story["samples"]), f"{API}/calls/{match}")
    async with desk(tmp_path / "other") as other:
        assert (await other.get("/minutes"))["minutes"] == []
    async with desk(tmp_path / "data", again=True) as here:
        (minute,) = (await here.get("/minutes"))["minutes"][-1:]
        assert minute["matches"] == 1
        assert minute["connected"] == {"direct": 1}
        assert minute["ends"] == {"service_stopping": 1}
        assert sum(minute["connect_ms"]["direct"]) == 1
        assert minute["calls_direct"] == 1
        assert minute["online"] == 2
        story = await here.get(f"/calls/{match}")
        assert story["samples"][0][1] == "direct"
