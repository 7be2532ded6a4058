"""Everything that a whole scenario logs: one call can be followed, and nothing secret stands in it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.bare_caller import callers
from tests.service import running_service

ADDRESS = re.compile(r"(?<![\d.])(?!127\.0\.0\.)\d{1,3}(\.\d{1,3}){3}(?![\d.])")
SECRET = re.compile(r"v=0|a=(ice|fingerprint|candidate|ssrc)|eyJ[\w-]{8}|ice-pwd|BEGIN [A-Z ]*KEY")


@pytest.mark.timeout(120)
async def test_a_call_can_be_followed_and_nothing_secret_is_said(tmp_path: Path) -> None:
    settings = {"routes_policy": "relay-only", "log_format": "json", "log_level": "debug"}
    async with running_service(tmp_path, **settings) as service, callers(service, 2) as users:
        first, second = users
        await asyncio.gather(*(user.told("route", state="linked") for user in users))
        first.send_video()
        await second.video()
        await asyncio.gather(*(user.told("route", state="connected") for user in users))
        await first.say("chat", id="1", text="between the two of us")
        await second.told("chat")
        # What a hostile client would like to see in the log.
        await first.say("leg_answer", leg=first.messages[-1].get("leg", "x"), sdp="v=0\r\n[error] forged")
        await first.say("report", match=(await first.told("matched"))["match"], reason="other", text="rude")
        await first.told("reported")
        match = (await first.told("matched"))["match"]
        await first.say("leave")
        await second.told("ended")
        assert await service.stop() == 0
        log = service.log
        secrets = [(await user.told("welcome"))["seat"] for user in users]
        offers = [(await user.told("leg_offer"))["sdp"] for user in users]
        tokens = [user.token for user in users]
    for offer in offers:
        for name in ("ice-ufrag", "ice-pwd"):
            found = re.search(rf"a={name}:(\S+)", offer)
            assert found
            secrets.append(found[1])
    for secret in (*secrets, *tokens, "between the two of us", "rude"):
        assert secret not in log
    assert not SECRET.search(log)
    assert not ADDRESS.search(log)
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.splitlines()]
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)

    story = [line["event"] for line in lines if str(match) in json.dumps(line)]
    assert story == ["match_started", "link_up", "link_down", "match_ended"]
    legs = next(line["legs"] for line in lines if line["event"] == "link_up")
    for leg in legs:
        own = [line for line in lines if line.get("leg") == leg]
        assert {"leg_path", "leg_connected", "leg_closed"} <= {line["event"] for line in own}
        assert {line["remote"] for line in own if "remote" in line} == {"127.0.0.x"}
