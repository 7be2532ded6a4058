"""A path that takes no packet of full length: the engine sends it in fragments, as any other sender would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MTU = 1_300
"""A tunnel's; packets of 1,340 octets and what protects and frames them do not fit."""
PROGRAM = """
import json, sys
from burrow.bench.relay_native import Scenario
import burrow.bench.relay_native as bench
bench.PACKET_BYTES = 1340
train = int(sys.argv[1])
with bench.runner(Scenario(legs=8, train=train, rate=400.0)) as one:
    one.run(0.2, 200.0)
    figures = one.run(0.5)
print(json.dumps({"loss": figures.loss, "bad": figures.bad, "rate": figures.packets_per_second}))
"""


@pytest.mark.parametrize("train", [1, 4])
def test_packets_longer_than_the_path_arrive(train: int) -> None:
    """Alone, and in trains that the kernel cannot segment into what the path takes."""
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", f'ip link set lo mtu {MTU} up && exec "$@"', "-",
         sys.executable, "-c", PROGRAM, str(train)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=50,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # None would arrive if they were refused; a kernel that is short of time may lose some fragments.
    assert told["loss"] < 0.5
    assert told["bad"] == 0
    assert told["rate"] > 50
