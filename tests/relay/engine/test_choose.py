"""Which engine a node gets, what is said about it, and that its settings reach it."""

from __future__ import annotations

import sys

import psutil
import pytest

from relay.engine.choose import (
    NATIVE_WHEEL,
    Choice,
    EngineMissingError,
    engine_reason,
    installed_engines,
    make_engine,
)
from relay.settings import NativeSettings
from tests.relay.engine.far_end import config


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no Rust toolchain was: the import system knows the wheel is not to be had."""
    monkeypatch.setitem(sys.modules, NATIVE_WHEEL, None)


@pytest.mark.usefixtures("no_wheel")
def test_without_the_wheel_auto_is_python_and_says_why() -> None:
    assert installed_engines() == ("python",)
    assert make_engine("auto", config()).name == "python"
    reason = engine_reason("auto")
    assert "not installed" in reason
    assert "make run" in reason
    with pytest.raises(EngineMissingError, match="not installed"):
        make_engine("native", config())


@pytest.mark.parametrize("choice", ["auto", "python"])
def test_what_is_chosen_is_made_and_has_its_reason(choice: Choice) -> None:
    best = "native" if "native" in installed_engines() else "python"
    assert make_engine(choice, config()).name == (best if choice == "auto" else "python")
    assert engine_reason(choice).endswith(".")


@pytest.mark.parametrize("workers", [1, 3])
async def test_the_number_of_workers_is_the_configured_one(engine_name: str, workers: int) -> None:
    """The Python engine has no threads of its own and takes no notice."""
    process = psutil.Process()
    before = process.num_threads()
    engine = make_engine(
        "native" if engine_name == "native" else "python", config(), NativeSettings(workers=workers)
    )
    await engine.start(lambda _event: None)
    assert process.num_threads() - before == (workers if engine_name == "native" else 0)
    await engine.close()
