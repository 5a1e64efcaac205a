"""A training with every feature of exploration and credit on, and what a checkpoint keeps of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from agents.errors import TrainingError
from agents.grpo.algorithm import GRPOConfig
from agents.rollouts.trajectory import Trajectory
from benchmarks.training.grpo import flat_metrics
from benchmarks.training.run import without_times

PROMPTS, GENERATIONS = 3, 4
ALL_ON: dict[str, Any] = {
    "balanced_exploration": 0.5,
    "balanced_steps": 2,
    "dynamic_sampling": True,
    "max_refills": 1,
    "credit": "dtpo",
    "token_budget": 0.2,
    "budget_lr": 0.5,
}


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    yield
    ray.shutdown()


def build(**settings: Any) -> Any:
    config = GRPOConfig().environment("VisionThink-v0", env_config={"data": "world"})
    config.training(
        backend="transformers",
        num_prompts=PROMPTS,
        num_generations=GENERATIONS,
        **settings,
    )
    config.debugging(seed=3)
    return config.build_algo()


def rollouts(algorithm: Any) -> dict[str, float]:
    """Metrics of an iteration that do not hang on the clock, as a run keeps them."""
    return without_times(flat_metrics(algorithm.train()))


def test_everything_on_and_resumed_is_as_unbroken(tmp_path: Path) -> None:
    unbroken = build(**ALL_ON)
    try:
        first = rollouts(unbroken)
        unbroken.save_to_path(str(tmp_path / "checkpoint"))
        second, third = rollouts(unbroken), rollouts(unbroken)
    finally:
        unbroken.stop()
    groups = first["groups/position"]
    assert PROMPTS <= groups <= 2 * PROMPTS
    assert first["groups/extra_episodes"] == (groups - PROMPTS) * GENERATIONS
    assert first["exploration/forced_share"] == 0.5
    assert second["exploration/forced_share"] == 0.25
    assert "exploration/forced_share" not in third
    assert first["budget/multiplier"] == 0.0 < first["budget/gap"]
    assert second["budget/multiplier"] == pytest.approx(0.5 * first["budget/gap"])
    assert "rewards/budget/mean" not in first and second["rewards/budget/mean"] < 0
    about = json.loads((tmp_path / "checkpoint" / "manifest.json").read_text())["about"]
    assert about == {"position": groups}
    resumed = build(**ALL_ON)
    try:
        resumed.restore_from_path(str(tmp_path / "checkpoint"))
        assert [rollouts(resumed), rollouts(resumed)] == [second, third]
    finally:
        resumed.stop()


def test_an_iteration_of_flat_groups_takes_no_step() -> None:
    """Hardly above a temperature of 0 the episodes of a group are alike: all groups are dropped."""
    algorithm = build(temperature=1e-4, dynamic_sampling=True, max_refills=1)
    try:
        before = algorithm.learner_group.get_weights()
        metrics = rollouts(algorithm)
        after = algorithm.learner_group.get_weights()
    finally:
        algorithm.stop()
    assert metrics["groups/dropped_share"] == 1.0
    assert metrics["groups/position"] == 2 * PROMPTS
    assert metrics["loss"] == 0.0
    before, after = before["default_policy"], after["default_policy"]
    assert all((before[name] == after[name]).all() for name in before)


def test_what_is_kept_has_turns_with_advantages_of_their_own() -> None:
    algorithm = build(credit="turn", balanced_exploration=1.0)
    try:
        algorithm._sync()
        kept: list[Trajectory] = algorithm._play().kept
    finally:
        algorithm.stop()
    assert len(kept) == PROMPTS * GENERATIONS
    assert [t.forced for t in kept[: 2 * GENERATIONS]] == [
        *("request", "answer") * 2,
        *("answer", "request") * 2,
    ]
    for t in kept:
        assert t.turn_advantages is not None and t.turn_advantages[0] == t.advantage
        assert len(t.turn_advantages) == len(t.turns) == (2 if t.forced == "request" else 1)


def test_a_budget_that_is_normalised_away_is_refused() -> None:
    config = GRPOConfig().training(token_budget=0.5, advantage_estimator="per_term")
    with pytest.raises(TrainingError, match="normalises away"):
        config.validate()
    config.training(scale_rewards="none").validate()
