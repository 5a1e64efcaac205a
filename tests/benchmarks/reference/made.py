"""Run folders that nobody trained, with curves that are known."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

ITERATIONS = 20


def row(iteration: int, dice: random.Random, shift: float = 0.0) -> dict[str, float]:
    """Metrics of an iteration: requests where needed rise, the others die out."""
    rise, noise = 1 - math.exp(-iteration / 5), 0.04 * (dice.random() - 0.5)
    return {
        "iteration": iteration, "request_rate_need": 0.4 + 0.5 * rise + noise,
        "request_rate_no_need": 0.5 - 0.45 * rise + noise + shift,
        "resize_call_ratio": 0.45 + noise + shift / 2, "accuracy": 0.7 + 0.2 * rise + noise,
        "visual_tokens/share_of_full": 0.7 + noise + shift / 2, "reward": 1.1 + 0.2 * rise + noise,
        "loss": 0.1,
    }  # fmt: skip


def a_summary(dice: random.Random, shift: float = 0.0) -> dict[str, Any]:
    noise = 0.01 * (dice.random() - 0.5)
    end = {
        "episodes": 600, "accuracy": 0.95 + noise, "resize_call_ratio": 0.49 + noise,
        "request_rate_need": 0.98 + noise, "request_rate_no_need": 0.03 + noise + shift,
        "visual_tokens/share_of_full": 0.74 + noise, "reward": 1.38 + noise,
        "accuracy_given_request": 0.951 + noise, "accuracy_given_request_before_rl": 0.95,
        "regret_to_start_oracle": 0.004 + noise, "seconds": 120.0,
    }  # fmt: skip
    beside = {
        "always_high": {"accuracy": 0.97},
        "start_oracle": {"accuracy": 0.956, "visual_tokens/share_of_full": 0.74},
        "untrained": {"accuracy": 0.73, "regret_to_start_oracle": 0.2 + noise},
    }
    return {**end, "baselines": beside}


def made_run(
    path: Path,
    seed: int,
    iterations: int = ITERATIONS,
    done: bool = True,
    shift: float = 0.0,
    **changes: Any,
) -> Path:
    """A run's folder.

    Args:
        path: Where it is made.
        seed: Its seed, by which its curves differ too.
        iterations: How many it has.
        done: Whether it is over.
        shift: How much more it asks where there is no need.
        **changes: Settings, by path, with ``__`` for the dot.
    """
    given = {name.replace("__", "."): value for name, value in changes.items()}
    settings = build(TrainSettings, {"run.seed": seed, **given}).resolved()
    dice = random.Random(seed)
    path.mkdir(parents=True)
    settings.save(path / "settings.json")
    rows = [row(number, dice, shift) for number in range(1, iterations + 1)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    start = {
        "visionthink": "0.1.0", "commit": "a" * 40, "started": f"2027-01-0{1 + seed % 9}T10:00:00",
        "cores": 2, "processor": "Some without AVX-512", "packages": {"torch": "2.13.0", "x": "1"},
    }  # fmt: skip
    (path / "provenance.json").write_text(json.dumps([start]))
    if done:
        (path / "summary.json").write_text(json.dumps(a_summary(dice, shift)))
    return path


def made_runs(root: Path, seeds: int = 5, **changes: Any) -> list[Path]:
    """Runs of one setting."""
    return [made_run(root / f"s{seed}", seed, **changes) for seed in range(seeds)]
