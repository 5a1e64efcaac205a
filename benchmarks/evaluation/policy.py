"""Runs one policy over a dataset, a person's own images included, and says what it came to."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import Trajectory, Way
from agents.grpo.config import SEED, GRPOSettings
from agents.rollouts import JUDGED
from agents.rollouts.metrics import summary_metrics
from benchmarks.evaluation.baselines import write_records
from benchmarks.evaluation.limits import limits_record, shares_of, show_limits
from benchmarks.evaluation.play import JudgedSettings, batches, first_indices
from benchmarks.report.terminal import console, family_table, metrics_table
from judges import AbstentionLimit, check_judge
from vt_env import PlayDefaults, VisionThinkEnv, open_env
from vt_env.data.settings import WORLD, check_sources
from vt_env.settings.fields import check_fields, setting
from vt_env.settings.ranges import Numbers

WORLD_SAMPLES = 600
"""Samples of the world that are played unless told otherwise."""
BATCH = 200
"""Episodes played at once: memory stays flat however large the dataset is."""
SHOWN = 12
"""Answers that are printed; all of them are in episodes.jsonl."""
WAYS: dict[str, Way | None] = {
    "policy": None, "answer": "answer", "request": "request", "vanilla": "vanilla",
}  # fmt: skip


@dataclass(frozen=True)
class EvalSettings(JudgedSettings):
    """Settings of an evaluation."""

    samples: int = setting(
        0, f"At most this many samples; 0: all of a file, {WORLD_SAMPLES} of the world.", Numbers(0)
    )
    temperature: float = setting(0.0, "Sampling temperature; 0 is greedy.", Numbers(0, 2))
    seed: int = setting(0, "Seed of the sampling.", SEED)
    decision: str = setting(
        "policy",
        "policy: as it decides; answer or request: forced; vanilla: the full-resolution image is "
        "the first and only view, and it is answered.",
        tuple(WAYS),
    )
    max_abstention_share: float = setting(
        GRPOSettings.max_abstention_share,
        "Stop when the judge abstains on a larger share of answers.",
        Numbers(0, 1),
    )

    def __post_init__(self) -> None:
        check_fields(self)
        check_sources(self.data, self.world)

    def env_settings(self) -> dict[str, Any]:
        """Settings of the environment: of the world the test split, unless told otherwise."""
        return self.env_on(self.data, self.tested_split)


def evaluate_policy(settings: EvalSettings, out: Path | None) -> list[Trajectory]:
    """Plays the dataset once, prints the metrics, and writes them if there is a folder to write to.

    Raises:
        DatasetError: Naming every bad row, before the engine starts.
        EndpointError: If the judge asks a model that cannot be reached, before the engine starts.
        AbstentionLimitError: If the judge abstains on too many answers.
    """
    used = settings.known()
    env = open_env(settings.env.id, **settings.env_settings())
    try:
        check_judge(env.judge)
        wanted = settings.samples or (
            WORLD_SAMPLES if settings.data.name == WORLD else len(env.dataset)
        )
        indices = first_indices(len(env.dataset), wanted)
        episodes = _play(settings, used, env, indices)
    finally:
        env.close()
    limits = limits_record({"policy": shares_of(episodes)}, used)
    summary = {**summary_metrics(episodes), "limits": limits}
    _print(summary, episodes)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_records(episodes, out / "episodes.jsonl")
        text = json.dumps(summary, indent=1)
        (out / "summary.json").write_text(text + "\n", encoding="utf-8")
        console.print(f"Every episode: {out / 'episodes.jsonl'}", soft_wrap=True)
    show_limits(limits["warnings"])
    return episodes


def _play(
    settings: EvalSettings, used: PlayDefaults, env: VisionThinkEnv, indices: list[int]
) -> list[Trajectory]:
    episodes: list[Trajectory] = []
    limit = AbstentionLimit(settings.max_abstention_share, BATCH)
    with settings.player(used, env, settings.seed) as player:
        for batch in batches(indices, BATCH, what="episodes"):
            played = player.once(batch, settings.temperature, WAYS[settings.decision])
            episodes += played
            limit.check(t.abstained for t in played if t.ending in JUDGED)
    return episodes


def _print(summary: dict[str, object], episodes: list[Trajectory]) -> None:
    console.print(metrics_table({"policy": summary}, f"{len(episodes)} samples"))
    by_family = summary["by_family"]
    assert isinstance(by_family, dict)
    if len(by_family) > 1:
        console.print(family_table(by_family))
    reasons = Counter(t.abstained for t in episodes if t.abstained is not None)
    if reasons:
        listed = ", ".join(f"{reason} {count}" for reason, count in reasons.most_common())
        console.print(f"The judge abstained on {reasons.total()} answers: {listed}.")
    for t in episodes[:SHOWN] if len(episodes) <= 5 * SHOWN else []:
        verdict = {True: "right", False: "wrong", None: "abstained"}[t.outcome.correct]
        how = "after asking" if t.outcome.requested else "directly"
        answer = t.answer if t.answer is not None else f"({t.ending})"
        console.print(f"{t.sample_id}: {answer!r} {how}, {verdict}", markup=False, soft_wrap=True)
