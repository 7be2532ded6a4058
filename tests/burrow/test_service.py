"""The parts together: in which order they end."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from tests.signaling.operators.desk import desk


async def test_a_stop_within_a_drain_is_not_the_drains_end(tmp_path: Path) -> None:
    """As a second signal does: the calls end because the service stops, not because they are over."""
    with capture_logs() as logs:
        async with desk(tmp_path / "data") as here:
            await here.pair("anna", "bert")
            here.service.drain()
    events = [log["event"] for log in logs]
    assert "draining" in events
    assert "match_ended" in events
    assert "drained" not in events
