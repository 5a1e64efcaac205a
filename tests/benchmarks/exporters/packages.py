"""wandb and trackio for the tests that need the real ones: as installed, or brought by pip."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BEFORE = "import sys; sys.path.extend(sys.argv[1:2]); folder = sys.argv[2]\n"


def brought(package: str, request: pytest.FixtureRequest) -> Path:
    """A folder with the package in it, kept between test runs; empty where it is installed."""
    folder = request.config.cache.mkdir(f"exporter-{package}")
    spec = find_spec(package)
    if (spec is None or spec.origin is None) and not (folder / package).is_dir():
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--target", str(folder), package],
            capture_output=True, text=True, timeout=540, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"pip does not bring {package}: {done.stderr.strip()[-200:]}")
    return folder


def run(code: str, packages: Path, folder: Path, **variables: str) -> str:
    """Runs code in a process of its own, without a network's keys; returns what it printed.

    Args:
        code: Is given ``folder``.
        packages: From `brought`; what is installed goes before it.
        folder: Where it may write.
        **variables: Of the environment.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "TRACKIO_", "HF_"))}
    done = subprocess.run(
        [sys.executable, "-c", BEFORE + code, str(packages), str(folder)],
        cwd=folder, env={**kept, "PYTHONPATH": str(ROOT), "HOME": str(folder), **variables},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


PLAY = """
from pathlib import Path
from benchmarks.exporters.base import check_exporters
from benchmarks.exporters.dispatch import Exports
from tests.benchmarks.exporters.made import SHOWN, exported

def play(resumed, *iterations, end=False):
    check_exporters([NAME])
    exports = Exports([NAME])
    exports.begin(exported(Path(folder), resumed))
    for iteration in iterations:
        exports.log(iteration, {"reward": iteration / 10, "eval/accuracy": 0.5})
    if end:
        exports.show(iterations[-1], [SHOWN, SHOWN])
    exports.finish({"iterations": 3, "accuracy": 0.75} if end else None)

play(False, 1, 2)
play(True, 2, 3, end=True)
"""
