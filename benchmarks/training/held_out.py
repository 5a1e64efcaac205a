"""Evaluation during training: a fixed held-out slice, played greedily every so many iterations.

The policy is compared with the oracle of the model before RL, measured once on the same slice. What
is played leaves no trace in training: engines draw from a seed of each call, and take their weights
anew afterwards, which drops their caches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents import Decision, Pass, Sampling, Trajectory
from agents.rollouts.metrics import episode_metrics
from benchmarks.evaluation.oracle import oracle_episodes, regret
from benchmarks.evaluation.play import first_indices
from benchmarks.report.terminal import console
from vt_env import ConfigError, open_env

if TYPE_CHECKING:
    from benchmarks.training.method import Trainee
    from benchmarks.training.settings import CourseSettings

SHOWN = (
    "accuracy",
    "request_rate_need",
    "request_rate_no_need",
    "visual_tokens/share_of_full",
    "reward",
)
"""Metrics of the slice that are kept, under ``eval/``."""
REGRET = "eval/regret_to_start_oracle"


@dataclass(frozen=True)
class Slice:
    """The samples that are held out.

    Attributes:
        env: Settings of their environment, whose data is open.
        indices: Which samples of it.
        split: Name of their split; None: it has none.
    """

    env: dict[str, Any]
    indices: list[int]
    split: str | None


def open_slice(settings: CourseSettings, evaluation: dict[str, Any]) -> Slice | None:
    """Opens the slice, so that what is wrong with it is known before an engine starts.

    Args:
        settings: Those of the run.
        evaluation: Settings of its evaluation environment, whose data is open: the first samples
            of it are taken where there is no validation split, which is said.

    Returns:
        None where there is no evaluation during training.

    Raises:
        VisionThinkError: If the validation split is there and cannot be used.
    """
    if not settings.evaluation.every:
        return None
    env = settings.validation_env()
    try:
        if env is not None:
            len(env["data"])
    except ConfigError:  # no such split, or no splits at all
        env = None
    if env is None:
        console.print(
            f"{evaluation['data'].data}: has no validation split beside what is trained on and "
            "reported, so evaluations during training play the first samples of the final "
            "evaluation; what is stopped or chosen by them is reported on the same samples.",
            markup=False,
            soft_wrap=True,
        )
        env = evaluation
    else:
        open_env(settings.env.id, **env).close()
    data = env["data"]
    indices = first_indices(len(data), settings.evaluation.slice)
    return Slice(env, indices, data.settings.get("split"))


class HeldOut:
    """Plays the slice with the current weights of an algorithm.

    Args:
        algorithm: What is trained.
        part: The samples.
        max_new_tokens: Most tokens of a turn.
    """

    def __init__(self, algorithm: Trainee, part: Slice, max_new_tokens: int) -> None:
        self._algorithm, self._slice = algorithm, part
        self._sampling = Sampling(temperature=0.0, max_new_tokens=max_new_tokens)
        self._best: float | None = None

    def measure_start(self) -> None:
        """Measures what policies are compared with later: the oracle of the model as it is."""
        low, high = self._play("answer", "request")
        self._best = episode_metrics(oracle_episodes(low, high)[0])["reward"]
        self._algorithm.refresh_engines()

    def measure(self) -> dict[str, float]:
        """Metrics of the policy as it is, by names that begin with ``eval/``."""
        (episodes,) = self._play(None)
        metrics = slice_metrics(episodes, self._best)
        self._algorithm.refresh_engines()
        return metrics

    def _play(self, *decisions: Decision | None) -> list[list[Trajectory]]:
        part, passes = self._slice, [Pass(self._sampling, decision) for decision in decisions]
        return self._algorithm.play_fixed(part.env, part.indices, passes)


def slice_metrics(episodes: Sequence[Trajectory], best: float | None) -> dict[str, float]:
    """Metrics of a policy's episodes on the slice.

    Args:
        episodes: At least one.
        best: The start oracle's mean return; None: not known.

    Returns:
        Those of `SHOWN` under ``eval/``, and `REGRET`: the start oracle's mean return less the
        policy's, in units of reward. What there is nothing to take over is left out.
    """
    found: Mapping[str, float | None] = episode_metrics(episodes)
    named = {f"eval/{name}": found[name] for name in SHOWN}
    named[REGRET] = regret(found["reward"], best)
    return {name: value for name, value in named.items() if value is not None}
