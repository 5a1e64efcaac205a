"""Supervised fine-tuning as a run: the same checks, measurements and files as of one by RL.

    visionthink sft --seed 0

The model before RL plays the prompts that RL would begin with, with its decision forced both ways;
the episode that took the right decision, and is right, is learned.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents import ChatEncoder, Pass, Sampling, TrainingError, Trajectory
from agents.rollouts import prompt_indices
from agents.sft import read_demonstrations
from benchmarks.evaluation.baselines import write_records
from benchmarks.evaluation.oracle import oracle_episodes
from benchmarks.evaluation.play import batch_seed
from benchmarks.report.stages import Stage, under_way
from benchmarks.report.terminal import console
from benchmarks.safety.disk import drafted
from benchmarks.training.measure import AT_ONCE
from benchmarks.training.method import Envs, Method
from benchmarks.training.plan import CHECK_SECONDS, EPISODE_SECONDS, START_SECONDS, around, timed
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import SFTSettings
from vt_env import ConfigError, VisionThinkEnv

if TYPE_CHECKING:
    from agents.sft import SFT

DEMONSTRATIONS = "demonstrations.jsonl"
"""File of a run folder that holds the episodes that are learned."""


def demonstrations_file(settings: SFTSettings, folder: RunFolder) -> Path:
    """Where the episodes that are learned are."""
    return settings.sft.records or folder.path / DEMONSTRATIONS


def prompts_played(settings: SFTSettings) -> int:
    """Prompts that are played to learn from; of a dataset with fewer, all of it."""
    if settings.sft.records is not None:
        return 0
    return math.ceil(settings.run.iterations * settings.sft.batch_size / settings.sft.epochs)


def chosen_episodes(
    low: Sequence[Trajectory], high: Sequence[Trajectory], targets: str
) -> list[Trajectory]:
    """The episodes that are learned: of each sample at most one, right and in the format.

    Args:
        low: Episodes with every request forced off.
        high: The same samples in the same order, with every request forced on.
        targets: ``"oracle"`` or ``"best"``, as `SFTOptions` has them.
    """
    if targets == "best":
        # A tie goes to the direct answer.
        pairs = zip(low, high, strict=True)
        chosen = [max(pair, key=_worth) for pair in pairs]
    else:
        chosen = oracle_episodes(low, high)[0]
    return [t for t in chosen if t.outcome.correct and t.outcome.well_formed]


def _worth(trajectory: Trajectory) -> tuple[bool, float]:
    return bool(trajectory.outcome.correct), trajectory.reward


def _demonstrate(algorithm: SFT, settings: SFTSettings, env: dict[str, Any], path: Path) -> None:
    """Plays prompts both ways, and writes the episodes that are learned; whole or not at all."""
    size, seed = len(env["data"]), settings.run.seed
    indices = prompt_indices(size, seed, 0, min(size, prompts_played(settings)))
    starts = range(0, len(indices), AT_ONCE)
    low: list[Trajectory] = []
    high: list[Trajectory] = []
    with under_way("demonstrations", len(starts)) as step:
        for start in starts:
            sampling = Sampling(
                settings.sft.temperature,
                seed=batch_seed(seed, start),
                max_new_tokens=settings.known().max_new_tokens,
            )
            passes = [Pass(sampling, "answer"), Pass(sampling, "request")]
            played = algorithm.play_fixed(env, indices[start : start + AT_ONCE], passes)
            low += played[0]
            high += played[1]
            step()
    chosen = chosen_episodes(low, high, settings.sft.targets)
    if not chosen:
        raise TrainingError(
            f"The model is right, in the format, on none of the {len(indices)} prompts that it "
            "played, so there is nothing to learn from."
        )
    asked = sum(t.outcome.requested for t in chosen)
    console.print(f"learns {len(chosen)} episodes of {len(indices)} prompts, {asked} of which ask")
    with drafted(path) as draft:
        write_records(chosen, draft)
    algorithm.refresh_engines()


def _plan(settings: SFTSettings, done: int) -> list[Stage]:
    """The stages; times are known of the embedded model alone."""
    left, prompts = settings.run.iterations - done, prompts_played(settings)
    taught = EPISODE_SECONDS * left * settings.sft.batch_size
    shown = EPISODE_SECONDS * 2 * prompts
    steps = f"{left} iterations of {settings.sft.batch_size} episodes"
    before, after = around(settings)
    stages = [
        Stage("check", "settings, data, model and judge", CHECK_SECONDS),
        Stage("engine", "the engine starts", START_SECONDS),
        *([Stage("demonstrations", f"at most {prompts} prompts, twice", shown)] * bool(prompts)),
        *before,
        Stage("training", steps, taught),
        *after,
    ]
    return timed(stages, settings)


def _check(settings: SFTSettings, env: VisionThinkEnv, _train_env: dict[str, Any]) -> None:
    """Traces all records, so that what does not fit is told before an engine starts."""
    for name in ("num_env_runners", "num_learners"):
        if getattr(settings.run, name):
            raise ConfigError(f"run.{name} must be 0: sft has one process.")
    if settings.sft.records is None:
        return
    from agents.models import load_tokenizer
    from agents.sft.demonstrations import Retracer

    found = read_demonstrations(settings.sft.records)
    encoder = ChatEncoder(load_tokenizer(settings.engine.model_dir))
    retrace = Retracer(env.factory, encoder, settings.sft.records)
    for one in found:
        retrace([one])


def _position(settings: SFTSettings, iteration: int) -> int:
    return iteration * settings.sft.batch_size


@contextmanager
def _opened(settings: SFTSettings, envs: Envs, folder: RunFolder) -> Iterator[SFT]:
    """Engine and trainer in this process, taught what the run learns."""
    cores = settings.run.threads or os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))
    from agents import sft

    run = settings.run
    with under_way("engine"):
        algorithm = sft.SFT(
            settings.sft,
            settings.engine,
            settings.env.id,
            envs.train,
            seed=run.seed,
            iterations=run.iterations,
        )
    try:
        trained, whole = algorithm.parameter_counts()
        console.print(f"trains {trained / 1e6:,.2f} of {whole / 1e6:,.2f} million parameters")
        path = demonstrations_file(settings, folder)
        if not path.is_file():
            _demonstrate(algorithm, settings, envs.train, path)
        algorithm.teach(read_demonstrations(path), path)
        yield algorithm
    finally:
        algorithm.stop()


BY_SFT = Method("SFT", SFTSettings, _plan, _check, _position, _opened, dict, "sft")
"""Supervised fine-tuning, in one process."""
