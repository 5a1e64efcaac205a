"""The held-out samples as a training plays them: in parts, all ways at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agents import Pass, Trajectory
from benchmarks.evaluation.baselines import AfterTraining, BeforeTraining, PlaysHeldOut
from benchmarks.evaluation.limits import KINDS, TRAINED, Shares, shares_of
from benchmarks.evaluation.play import batch_seed, first_indices
from benchmarks.training.settings import CourseSettings

if TYPE_CHECKING:
    from benchmarks.training.method import Trainee

AT_ONCE = 80
"""Held-out samples that a runner plays at once, in all ways: the engine keeps what they share."""


def parts_of(env_settings: dict[str, Any], settings: CourseSettings) -> list[list[int]]:
    """The samples that are evaluated on, in the parts that are played at once."""
    indices = first_indices(len(env_settings["data"]), settings.evaluation.samples)
    size = AT_ONCE * max(1, settings.run.num_env_runners)
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def player(
    algorithm: Trainee,
    env_settings: dict[str, Any],
    parts: Sequence[list[int]],
    step: Callable[[], None],
) -> PlaysHeldOut:
    """What plays the held-out samples with the algorithm's weights; `step` follows each part."""

    def play(passes: Sequence[Pass]) -> list[list[Trajectory]]:
        played: list[list[Trajectory]] = [[] for _ in passes]
        for part in parts:
            own = [_drawn_for(one, part[0]) for one in passes]
            for number, found in enumerate(algorithm.play_fixed(env_settings, part, own)):
                played[number] += found
            step()
        return played

    return play


def _drawn_for(one: Pass, first: int) -> Pass:
    """A way with a seed of its own for the part that begins with this sample."""
    seed = batch_seed(one.sampling.seed, first)
    return replace(one, sampling=replace(one.sampling, seed=seed))


def before_limits(before: BeforeTraining) -> dict[str, Shares]:
    """What limits did to the model before RL, by what was played."""
    return {
        "untrained": shares_of(before.untrained),
        "untrained, always_low": shares_of(before.always_low),
        "untrained, always_high": shares_of(before.always_high),
        "untrained, vanilla": shares_of(before.vanilla),
    }


def run_limits(
    before: BeforeTraining, after: AfterTraining, rows: Sequence[Mapping[str, float]]
) -> dict[str, Shares]:
    """What limits did in all of a run, by what was played; of the rollouts the mean, if any were.

    Args:
        before: Episodes of the model before RL.
        after: Those of the trained one.
        rows: Logged metrics, one mapping an iteration, at least one.
    """
    named = {"refused": "refused", **{kind: f"endings/{kind}" for kind in KINDS[:3]}}
    training = {
        kind: sum(row.get(name, 0.0) for row in rows) / len(rows) for kind, name in named.items()
    }
    plays = any(name in row for row in rows for name in named.values())
    return {
        **before_limits(before),
        **({"rollouts in training": training} if plays else {}),
        TRAINED: shares_of(after.policy),
        f"{TRAINED}, temperature 1": shares_of(after.sampled),
        f"{TRAINED}, always_low": shares_of(after.always_low),
        f"{TRAINED}, always_high": shares_of(after.always_high),
    }
