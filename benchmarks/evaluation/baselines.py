"""The final evaluation: the trained policy beside the same model with its decision forced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from agents import Decision, Sampling, Trajectory
from agents.rollouts.metrics import episode_metrics, summary_metrics
from benchmarks.evaluation.oracle import oracle_episodes, regret


class PlaysHeldOut(Protocol):
    """Plays the held-out samples with the current weights."""

    def __call__(self, sampling: Sampling, decision: Decision | None = None) -> list[Trajectory]:
        """One trajectory a sample, always in the same order."""
        ...


@dataclass(frozen=True)
class BeforeTraining:
    """The model before RL.

    Attributes:
        untrained: Its episodes at temperature 1, its decisions its own.
        always_high: Its episodes at temperature 0 with every request forced.
    """

    untrained: list[Trajectory]
    always_high: list[Trajectory]


@dataclass(frozen=True)
class AfterTraining:
    """The trained model; all at temperature 0 but `sampled`.

    Attributes:
        policy: Its episodes, its decisions its own.
        sampled: The same at temperature 1.
        always_low: With every request forced off.
        always_high: With every request forced on.
    """

    policy: list[Trajectory]
    sampled: list[Trajectory]
    always_low: list[Trajectory]
    always_high: list[Trajectory]


def play_before(play: PlaysHeldOut, max_new_tokens: int, seed: int) -> BeforeTraining:
    """Plays what is needed of the model before RL."""
    warm = Sampling(temperature=1.0, max_new_tokens=max_new_tokens, seed=seed)
    greedy = Sampling(temperature=0.0, max_new_tokens=max_new_tokens)
    return BeforeTraining(play(warm), play(greedy, "request"))


def play_after(play: PlaysHeldOut, max_new_tokens: int, seed: int) -> AfterTraining:
    """Plays the trained model and its forced baselines."""
    warm = Sampling(temperature=1.0, max_new_tokens=max_new_tokens, seed=seed)
    greedy = Sampling(temperature=0.0, max_new_tokens=max_new_tokens)
    return AfterTraining(play(greedy), play(warm), play(greedy, "answer"), play(greedy, "request"))


def summarise(before: BeforeTraining, after: AfterTraining) -> dict[str, Any]:
    """Puts policy and baselines side by side.

    `regret_to_oracle` is the oracle's mean return less the policy's, in units of reward. Accuracy
    given a request is compared with the model before RL on the very samples that the trained
    policy asks about, both at temperature 0.
    """
    oracle, margin = oracle_episodes(after.always_low, after.always_high)
    best = episode_metrics(oracle)["reward"]
    asked = {t.sample_id for t in after.policy if t.outcome.requested}
    before_rl = episode_metrics([t for t in before.always_high if t.sample_id in asked])
    return {
        **_with_regret(after.policy, best),
        "accuracy_given_request_before_rl": before_rl["accuracy"],
        "baselines": {
            "always_low": _with_regret(after.always_low, best),
            "always_high": _with_regret(after.always_high, best),
            "oracle": {**_with_regret(oracle, best), "margin_decision": margin},
            "untrained": _with_regret(before.untrained, best),
        },
        "temperature_1": _with_regret(after.sampled, best),
    }


def _with_regret(episodes: Sequence[Trajectory], best: float | None) -> dict[str, Any]:
    reward = episode_metrics(episodes)["reward"]
    return {**summary_metrics(episodes), "regret_to_oracle": regret(reward, best)}


def write_records(episodes: Sequence[Trajectory], path: Path) -> None:
    """Writes one `judges.EpisodeRecord` an episode, as lines of JSON."""
    lines = (replace(t.record, episode=number).to_line() for number, t in enumerate(episodes))
    path.write_text("".join(lines), encoding="utf-8")
