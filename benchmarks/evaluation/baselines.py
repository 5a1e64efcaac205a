"""The final evaluation: the trained policy beside the same model with its decision forced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from agents import Pass, Sampling, Trajectory
from agents.rollouts.metrics import episode_metrics, summary_metrics
from benchmarks.evaluation.oracle import oracle_episodes, regret


class PlaysHeldOut(Protocol):
    """Plays the held-out samples with the current weights."""

    def __call__(self, passes: Sequence[Pass]) -> list[list[Trajectory]]:
        """For each way one trajectory a sample, always in the same order."""
        ...


@dataclass(frozen=True)
class BeforeTraining:
    """The model before RL.

    Attributes:
        untrained: Its episodes at temperature 1, its decisions its own.
        always_low: Its episodes at temperature 0 with every request forced off.
        always_high: The same with every request forced on.
        vanilla: Its episodes at temperature 0 in one pass over the full-resolution image, which is
            the first and only view: what a model does that is not asked to decide anything.
    """

    untrained: list[Trajectory]
    always_low: list[Trajectory]
    always_high: list[Trajectory]
    vanilla: list[Trajectory]


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
    warm, greedy = _samplings(max_new_tokens, seed)
    forced = [Pass(greedy, "answer"), Pass(greedy, "request"), Pass(greedy, "vanilla")]
    return BeforeTraining(*play([Pass(warm), *forced]))


def play_after(play: PlaysHeldOut, max_new_tokens: int, seed: int) -> AfterTraining:
    """Plays the trained model and its forced baselines."""
    warm, greedy = _samplings(max_new_tokens, seed)
    forced = [Pass(greedy, "answer"), Pass(greedy, "request")]
    return AfterTraining(*play([Pass(greedy), Pass(warm), *forced]))


def _samplings(max_new_tokens: int, seed: int) -> tuple[Sampling, Sampling]:
    """Temperature 1, and 0."""
    return (
        Sampling(temperature=1.0, max_new_tokens=max_new_tokens, seed=seed),
        Sampling(temperature=0.0, max_new_tokens=max_new_tokens),
    )


def summarise(before: BeforeTraining, after: AfterTraining) -> dict[str, Any]:
    """Puts policy and baselines side by side.

    `regret_to_start_oracle` is the mean return that the model before RL has with the oracle's
    decision, less the policy's, in units of reward: what RL may hope for. `regret_to_oracle`
    compares with the trained model's own oracle, and so rewards a model that forgets how to read.
    Accuracy given a request is compared with the model before RL on the very samples that the
    trained policy asks about, both at temperature 0. The baselines are the trained model's, but for
    those of the model before RL: `start_oracle`, `untrained` and `vanilla`.
    """
    oracle, margin = oracle_episodes(after.always_low, after.always_high)
    start, start_margin = oracle_episodes(before.always_low, before.always_high)
    best = {
        "regret_to_start_oracle": episode_metrics(start)["reward"],
        "regret_to_oracle": episode_metrics(oracle)["reward"],
    }
    asked = {t.sample_id for t in after.policy if t.outcome.requested}
    before_rl = episode_metrics([t for t in before.always_high if t.sample_id in asked])
    return {
        **_with_regret(after.policy, best),
        "accuracy_given_request_before_rl": before_rl["accuracy"],
        "baselines": {
            "always_low": _with_regret(after.always_low, best),
            "always_high": _with_regret(after.always_high, best),
            "oracle": {**_with_regret(oracle, best), "margin_decision": margin},
            "start_oracle": {**_with_regret(start, best), "margin_decision": start_margin},
            "untrained": _with_regret(before.untrained, best),
            "vanilla": _with_regret(before.vanilla, best),
        },
        "temperature_1": _with_regret(after.sampled, best),
    }


def _with_regret(episodes: Sequence[Trajectory], best: dict[str, float | None]) -> dict[str, Any]:
    reward = episode_metrics(episodes)["reward"]
    regrets = {name: regret(reward, most) for name, most in best.items()}
    return {**summary_metrics(episodes), **regrets}


def write_records(episodes: Sequence[Trajectory], path: Path) -> None:
    """Writes one `judges.EpisodeRecord` an episode, as lines of JSON."""
    lines = (replace(t.record, episode=number).to_line() for number, t in enumerate(episodes))
    path.write_text("".join(lines), encoding="utf-8")
