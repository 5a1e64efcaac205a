"""Runs one policy over a dataset, a person's own images included, and says what it came to."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.backends import make_backend
from agents.ranges import SAMPLING, SEED
from agents.rollouts.collect import JUDGED, Decision
from agents.rollouts.trajectory import Trajectory
from benchmarks.evaluation.baselines import (
    batch_sampling,
    evaluation_indices,
    play_batch,
    write_records,
)
from benchmarks.evaluation.limits import limits_record, shares_of, show_limits
from benchmarks.evaluation.metrics import figures
from benchmarks.evaluation.play import PlaySettings, world_settings
from benchmarks.report.terminal import console, family_table, figures_table, progress_bar
from judges import AbstentionLimit, check_judge
from vt_env.checkpoints import PlayDefaults
from vt_env.env import VisionThinkEnv
from vt_env.errors import UnknownNameError
from vt_env.ranges import Numbers, check_numbers

WORLD_SAMPLES = 600
"""Samples of the world that are played unless told otherwise."""
BATCH = 200
"""Episodes played at once: memory stays flat however large the dataset is."""
SHOWN = 12
"""Answers that are printed; all of them are in episodes.jsonl."""
_RANGES = {
    "samples": Numbers(0, whole=True),
    "seed": SEED,
    "temperature": SAMPLING["temperature"],
}
DECISIONS: dict[str, Decision | None] = {"policy": None, "answer": "answer", "request": "request"}


@dataclass(frozen=True)
class EvalSettings:
    """Settings of an evaluation; see ``visionthink eval --help``."""

    data: str
    play: PlaySettings
    judge: dict[str, Any]
    untagged_answer: str | None
    samples: int
    temperature: float
    seed: int
    decision: str
    canvas: int | None = None

    def __post_init__(self) -> None:
        if self.decision not in DECISIONS:
            raise UnknownNameError("decision", self.decision, DECISIONS)
        check_numbers(self, _RANGES)


def evaluate_policy(settings: EvalSettings, out: Path | None) -> list[Trajectory]:
    """Plays the dataset once, prints the figures, and writes them if there is a folder to write to.

    Raises:
        DatasetError: Naming every bad row, before the engine starts.
        EndpointError: If the judge asks a model that cannot be reached, before the engine starts.
        AbstentionLimitError: If the judge abstains on too many answers.
    """
    used = settings.play.known()
    env = VisionThinkEnv(
        data=settings.data,
        judge=settings.judge,
        untagged_answer=settings.untagged_answer,
        **settings.play.env(),
        **world_settings(settings.data, "test", settings.canvas),
    )
    try:
        check_judge(env.judge)
        wanted = settings.samples or (
            WORLD_SAMPLES if settings.data == "world" else len(env.dataset)
        )
        indices = evaluation_indices(len(env.dataset), wanted)
        episodes = _play(settings, used, env, indices)
    finally:
        env.close()
    limits = limits_record({"policy": shares_of(episodes)}, used)
    summary = {**figures(episodes).to_json(), "limits": limits}
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
    decision, play = DECISIONS[settings.decision], settings.play
    backend = make_backend(play.backend, play.model, max_model_len=used.max_model_len)
    episodes: list[Trajectory] = []
    limit = AbstentionLimit(window=BATCH)
    try:
        with progress_bar() as bar:
            task = bar.add_task("episodes", total=len(indices))
            for start in range(0, len(indices), BATCH):
                sampling = batch_sampling(
                    settings.temperature, used.max_new_tokens, settings.seed, start
                )
                batch = indices[start : start + BATCH]
                played = play_batch(backend, env, batch, sampling, decision)
                episodes += played
                limit.check(t.abstained for t in played if t.ending in JUDGED)
                bar.update(task, completed=len(episodes))
    finally:
        backend.close()
    return episodes


def _print(summary: dict[str, object], episodes: list[Trajectory]) -> None:
    console.print(figures_table({"policy": summary}, f"{len(episodes)} samples"))
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
