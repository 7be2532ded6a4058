"""The database is away: the node is seen and steered all the same, and no action is forgotten."""

from __future__ import annotations

from pathlib import Path

from db.settings import DatabaseSettings
from signaling.messages import Ended
from signaling.settings import LiveSettings
from tests.db.postgres import PostgresCluster
from tests.signaling.operators.desk import OPERATOR, desk


async def test_an_operator_acts_without_the_database(tmp_path: Path, own_postgres: PostgresCluster) -> None:
    settings = DatabaseSettings(url=await own_postgres.create_migrated(), timeout_seconds=1.0)
    # Nobody reads the users' sockets meanwhile.
    live = LiveSettings(ping_seconds=600.0)
    async with desk(tmp_path / "data", database=settings, live=live) as here:
        anna, _ = await here.pair("anna", "bert")
        match = (await here.get("/calls"))["calls"][0]["match"]
        own_postgres.freeze()
        try:
            assert (await here.get("/node"))["matches"] == 1
            story = await here.get(f"/calls/{match}")
            assert (story["call"]["match"], story["stored"]) == (match, None)
            assert (await here.ask("POST", f"/calls/{match}/end"))[0] == 200
            assert (await anna.until(Ended)).reason == "ended_by_operator"
            assert (await here.ask("PATCH", "/node/limits", {"soft": 0.3}))[0] == 200
            status, body = await here.ask("GET", "/audit")
            assert (status, body["code"]) == (503, "database_unavailable")
        finally:
            own_postgres.thaw()
        kept = await here.until(lambda answer: len(answer.get("actions", ())) == 2, "/api/v1/operator/audit")
        assert [(a["action"], a["operator"]["id"], a["outcome"]) for a in kept["actions"]] == [
            ("node.limits", OPERATOR, "done"),
            ("call.end", OPERATOR, "done"),
        ]
        assert (await here.get(f"/calls/{match}"))["stored"]["end_reason"] == "ended_by_operator"
