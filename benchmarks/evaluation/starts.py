"""The model before RL, sample by sample: what it makes of each, with its decision forced.

A line of ``starts.jsonl`` is a sample of the final evaluation, in order: ``index`` (its place in
the evaluation data), ``sample_id``, ``needs_high_res``, ``answer`` and ``request`` (how the model
before RL fares when it answers at once, and when it asks: ``correct``, ``reward``, ``prediction``,
``visual_tokens``), and ``oracle``, the decision that the start oracle takes. What that earns less
what the policy did is the regret of the sample.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agents import Trajectory
from benchmarks.evaluation.baselines import BeforeTraining
from benchmarks.evaluation.oracle import oracle_episodes
from benchmarks.safety.disk import write_whole

STARTS = "starts.jsonl"


def write_starts(before: BeforeTraining, path: Path) -> None:
    """Writes a line a sample, through a draft."""
    rows = start_rows(before.always_low, before.always_high)
    write_whole(path, "".join(json.dumps(row) + "\n" for row in rows))


def start_rows(low: Sequence[Trajectory], high: Sequence[Trajectory]) -> Iterator[dict[str, Any]]:
    """What is written of each sample.

    Args:
        low: Episodes with every request forced off.
        high: The same samples with every request forced on.
    """
    chosen, _ = oracle_episodes(low, high)
    for direct, asked, best in zip(low, high, chosen, strict=True):
        yield {
            "index": direct.index,
            "sample_id": direct.sample_id,
            "needs_high_res": direct.outcome.needs_high_res,
            "answer": _fared(direct),
            "request": _fared(asked),
            "oracle": "answer" if best is direct else "request",
        }


def _fared(t: Trajectory) -> dict[str, Any]:
    return {
        "correct": t.outcome.correct,
        "reward": round(t.reward, 6),
        "prediction": t.answer,
        "visual_tokens": t.visual_tokens,
    }
