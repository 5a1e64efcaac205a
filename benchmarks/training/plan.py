"""The stages of a training, and how long they are going to take where that is known."""

from __future__ import annotations

from agents.engine import EngineSettings
from benchmarks.report.stages import Stage
from benchmarks.training.settings import TrainSettings
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
    played, left = settings.evaluation.samples, settings.run.iterations - done
    held_out = settings.evaluation.data or settings.data.name
    most = f"{played}" if held_out == WORLD else f"at most {played}"
    prompts, group = settings.grpo.num_prompts, settings.grpo.num_generations
    episodes, trained = EPISODE_SECONDS * played, EPISODE_SECONDS * left * prompts * group
    every, part = settings.evaluation.every, EPISODE_SECONDS * settings.evaluation.slice
    trained += part * -(-left // every) if every else 0.0
    slice_ = part * PLAYS["held-out"]
    stages = [
        ("check", "settings, data, model and judge", CHECK_SECONDS),
        ("engine", "Ray and the engine start", START_SECONDS),
        *([("held-out", "the model before RL on the held-out slice", slice_)] * bool(every)),
        ("untrained", f"the model before RL on {most} samples", episodes * PLAYS["untrained"]),
        ("training", f"{left} iterations of {prompts} x {group} episodes", trained),
        ("trained", f"the trained model on {most} samples", episodes * PLAYS["trained"]),
    ]
    known = settings.engine.model_dir == EngineSettings().model_dir
    return [Stage(name, about, seconds if known else None) for name, about, seconds in stages]
