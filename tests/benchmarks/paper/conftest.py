"""A sweep of the paper's rule as its trials leave it, written by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.paper.material import Material
from benchmarks.sweeps import SWEEPS, Sweep, trials
from benchmarks.sweeps.folder import SweepFolder
from tests.benchmarks.sweeps.made import finish_trial

Rates = dict[str, float]


def material(root: Path, sweep: Sweep, rates: Rates, seeds: int = 2) -> Material:
    """Trials of which each point ends with a rate of requests."""
    folder, planned = SweepFolder(root / sweep.name), trials(sweep, seeds)
    for trial in planned:
        rate = rates[trial.point]
        finish_trial(folder, trial, asks=rate > 0.5)
        path = folder.trial(trial).path
        low, high, full = (
            {"accuracy": right, "visual_tokens/share_of_full": tokens, "resize_call_ratio": asks,
             "by_family": {"maps": {"accuracy": right}, "charts": {"accuracy": right / 2}}}
            for right, tokens, asks in ((0.5, 0.25, 0.0), (1.0, 1.25, 1.0), (0.9, 1.0, 0.0))
        )  # fmt: skip
        families = {
            name: {"accuracy": 0.8, "resize_call_ratio": asks, "visual_tokens/share_of_full": 0.6}
            for name, asks in (("maps", 0.25), ("charts", 0.75))
        }
        summary = {
            "accuracy": 0.95, "resize_call_ratio": rate, "request_rate_need": rate,
            "request_rate_no_need": rate / 2, "visual_tokens/share_of_full": 0.75,
            "by_family": families,
            "reward": 1.4, "regret_to_start_oracle": 0.05,
            "temperature_1": {"accuracy": 0.9, "resize_call_ratio": rate, "reward": 1.3},
            "baselines": {"vanilla": full, "always_low": low, "always_high": high,
                          "untrained": {"accuracy": 0.7, "resize_call_ratio": 0.4},
                          "start_oracle": {**low, "accuracy": 0.97, "reward": 1.45}},
        }  # fmt: skip
        (path / "summary.json").write_text(json.dumps(summary))
        rows = [{"iteration": n, "resize_call_ratio": 0.4} for n in (1, 2)]
        (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Material(sweep, planned, folder)


def alter(made: Material, point: str, **changes: object) -> None:
    """Changes what the trials of a point ended with."""
    for trial in made.done(point):
        file = made.folder.trial(trial).path / "summary.json"
        file.write_text(json.dumps(made.folder.summary(trial) | changes))


@pytest.fixture
def taught(tmp_path: Path) -> Material:
    """The sweep of fine-tuned models; with oracle targets they ask less."""
    return material(tmp_path, SWEEPS["sft"], {"oracle": 0.3, "best": 0.6})


@pytest.fixture
def penalty(tmp_path: Path) -> Material:
    rates = {"none": 0.97, "all": 0.05, "every-request": 0.02, "paper-theta0.2": 0.48}
    return material(tmp_path, SWEEPS["penalty"], rates)
