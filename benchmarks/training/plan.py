"""The stages of a training, and how long they are going to take where that is known."""

from __future__ import annotations

from agents.engine import EngineSettings
from benchmarks.report.stages import Stage
from benchmarks.training.settings import TrainSettings

START_SECONDS, EPISODE_SECONDS = 30.0, 0.019
"""Of the embedded model on two cores: until the engine runs, and for an episode played and learned
from (348 s for 100 iterations of 192 episodes)."""
PLAYS = {"untrained": 2, "trained": 4}
"""How often the held-out samples are played before and after training."""


def plan(settings: TrainSettings, samples: int, done: int = 0) -> list[Stage]:
    """The stages of a run; times are known of the embedded model alone.

    Args:
        settings: Those of the run.
        samples: Held-out samples that there are.
        done: Iterations that are done already.
    """
    played, left = min(samples, settings.evaluation.samples), settings.run.iterations - done
    prompts, group = settings.grpo.num_prompts, settings.grpo.num_generations
    stages = [
        ("engine", "Ray and the engine start", START_SECONDS),
        ("untrained", f"the model before RL on {played} samples", PLAYS["untrained"] * played),
        ("training", f"{left} iterations of {prompts} x {group} episodes", left * prompts * group),
        ("trained", f"the trained model on {played} samples", PLAYS["trained"] * played),
    ]
    known = settings.engine.model_dir == EngineSettings().model_dir
    return [
        Stage(name, about, (cost if n == 0 else EPISODE_SECONDS * cost) if known else None)
        for n, (name, about, cost) in enumerate(stages)
    ]
