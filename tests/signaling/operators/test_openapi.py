"""The OpenAPI document says what the service does: held against it with made-up requests."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from signaling.operators.routes import OPERATIONS
from signaling.settings import AuthSettings
from tests.signaling.operators.desk import API, OPERATOR, Desk, desk

EXAMPLES = 12
"""Made up for each operation, besides those at each border of each constraint."""


async def test_the_document_names_every_operation_and_the_roles_it_needs(here: Desk) -> None:
    document = await here.get("/openapi.json")
    described = {
        (method.upper(), path.removeprefix(API)) for path, of in document["paths"].items() for method in of
    }
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}
    assert document["security"] == [{"operator": []}]
    for of in document["paths"].values():
        for operation in of.values():
            assert {"200", "401", "403"} <= set(operation["responses"])
    names = {name for schema in document["components"]["schemas"] for name in (schema,)}
    assert {"CallBody", "NodeStatus", "StoryBody", "ErrorBody"} <= names


@pytest.mark.timeout(180)
async def test_the_service_keeps_to_its_document(tmp_path: Path) -> None:
    async with desk(tmp_path / "data", auth=AuthSettings(requests_per_minute=1_000_000)) as here:
        await here.pair("anna", "bert")
        file = tmp_path / "openapi.json"
        file.write_text(json.dumps(await here.get("/openapi.json")))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", here.service.url,
            "-H", f"Authorization: Bearer {here.token(OPERATOR, 'operator')}",
            "--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing", "--seed", "1",
            "--mode", "all", "--checks", "all", "--no-color", "--generation-database", "none",
            cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()[-6000:]
