"""The stages of a training, and how long they are going to take where that is known."""

from __future__ import annotations

from collections.abc import Sequence

from agents.engine import EngineSettings
from benchmarks.report.stages import Stage
from benchmarks.training.settings import CourseSettings, TrainSettings
from vt_env.data.settings import WORLD

CHECK_SECONDS, START_SECONDS, EPISODE_SECONDS = 13.0, 20.0, 0.014
"""Of the embedded model on two cores: until everything is imported and checked, until the engine
runs, and for an episode played, learned from or not (105 s for 40 iterations of 192 episodes)."""
PLAYS = {"held-out": 2, "untrained": 4, "trained": 4}
"""How often held-out samples are played: the slice before training, all before and after it."""


def plan(settings: TrainSettings, done: int = 0) -> list[Stage]:
    """The stages of a run; times are known of the embedded model alone.

    Args:
        settings: Those of the run.
        done: Iterations that are done already.
    """
    left = settings.run.iterations - done
    prompts, group = settings.grpo.num_prompts, settings.grpo.num_generations
    trained = EPISODE_SECONDS * left * prompts * group
    every, part = settings.evaluation.every, EPISODE_SECONDS * settings.evaluation.slice
    trained += part * -(-left // every) if every else 0.0
    before, after = around(settings)
    stages = [
        Stage("check", "settings, data, model and judge", CHECK_SECONDS),
        Stage("engine", "Ray and the engine start", START_SECONDS),
        *before,
        Stage("training", f"{left} iterations of {prompts} x {group} episodes", trained),
        *after,
    ]
    return timed(stages, settings)


def around(settings: CourseSettings) -> tuple[list[Stage], list[Stage]]:
    """What is measured before the training of any method, and after it."""
    played = settings.evaluation.samples
    held_out = settings.evaluation.data or settings.data.name
    most = f"{played}" if held_out == WORLD else f"at most {played}"
    samples, part = EPISODE_SECONDS * played, EPISODE_SECONDS * settings.evaluation.slice
    about = f"the model before RL on {most} samples"
    before = [Stage("untrained", about, samples * PLAYS["untrained"])]
    if settings.evaluation.every:
        about = "the model before RL on the held-out slice"
        before.insert(0, Stage("held-out", about, part * PLAYS["held-out"]))
    about = f"the trained model on {most} samples"
    return before, [Stage("trained", about, samples * PLAYS["trained"])]


def timed(stages: Sequence[Stage], settings: CourseSettings) -> list[Stage]:
    """The stages, without times if the model is another one than the embedded."""
    if settings.engine.model_dir == EngineSettings().model_dir:
        return list(stages)
    return [Stage(stage.name, stage.about) for stage in stages]
