"""Every distinct image is held once, from the sample to the trainer: a large batch fits a host."""

import json
import subprocess
import sys

import pytest

from tests.agents.pixels import CANVAS, GROUPS, SIZE


@pytest.mark.slow
def test_a_large_batch_fits_two_gigabytes() -> None:
    command = [sys.executable, "-m", "tests.agents.pixels"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["groups"] == GROUPS
    assert found["shown"] == GROUPS * SIZE * 2
    assert found["distinct"] == GROUPS * 2
    assert found["pixels"] == GROUPS * (CANVAS**2 + (CANVAS // 2) ** 2) * 3
    assert found["bytes"] < 2e9
