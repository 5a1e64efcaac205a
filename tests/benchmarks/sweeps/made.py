"""A sweep's folder as trials leave it, written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.sweeps import Point, Sweep, Trial, trials
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.trial import start_key
from vt_env.settings.tree import to_json

SWEEP = Sweep(
    "fees",
    "What does a fee do?",
    (
        Point("free", {"grpo.shaper": "none"}),
        Point("dear", {"grpo.shaper": "every_request", "grpo.shaper_params": {"penalty": 0.5}}),
    ),
)


def episode(sample: int, correct: bool | None, tokens: int, need: bool | None) -> dict[str, Any]:
    return {
        "sample_id": f"test-0-{sample}", "correct": correct, "well_formed": True,
        "visual_tokens": tokens, "full_tokens": 36, "needs_high_res": need,
    }  # fmt: skip


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def finish_trial(folder: SweepFolder, trial: Trial, asks: bool) -> None:
    """One that ends with asking about everything, or about nothing; two samples, one in need."""
    path = folder.trial(trial).path
    tokens = 45 if asks else 9
    lines(
        path / "episodes.jsonl", [episode(0, asks, tokens, True), episode(1, True, tokens, False)]
    )
    rate = float(asks)
    lines(
        path / "metrics.jsonl",
        [{"iteration": n, "reward": 0.1 * n + trial.seed, "request_rate_need": rate,
          "request_rate_no_need": rate} for n in (1, 2)],
    )  # fmt: skip
    trial.settings.resolved().save(path / "settings.json")
    summary = {
        "request_rate_need": rate, "request_rate_no_need": rate, "accuracy": 0.5 + rate / 2,
        "visual_tokens/share_of_full": tokens / 36, "reward": 1.0, "regret_to_start_oracle": 0.25,
    }  # fmt: skip
    (path / "summary.json").write_text(json.dumps(summary))
    low, high = folder.start_files(start_key(to_json(trial.settings)))
    lines(low, [episode(0, False, 9, True), episode(1, True, 9, False)])
    lines(high, [episode(0, True, 45, True), episode(1, True, 45, False)])


def made(root: Path, seeds: int = 3) -> tuple[SweepFolder, list[Trial]]:
    folder, planned = SweepFolder(root / SWEEP.name), trials(SWEEP, seeds)
    folder.write_definition(SWEEP, planned)
    for trial in planned:
        finish_trial(folder, trial, asks=trial.point == "free")
    return folder, planned
