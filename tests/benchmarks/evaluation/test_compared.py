"""Metrics, intervals and differences are of the samples that were played."""

import math

import numpy as np
import pytest

from agents.policies.play import play_agent
from agents.policies.scripted import AlwaysAnswer, AlwaysRequest, OracleAgent, RandomAgent
from agents.rollouts.metrics import episode_metrics
from benchmarks.evaluation.compared import (
    COLUMNS,
    Played,
    compared,
    differences,
    evaluation_table,
    per_sample,
    summary_of,
)
from benchmarks.report.terminal import Console
from vt_env import VisionThinkEnv, make

COUNT = 40


@pytest.fixture(scope="module")
def env() -> VisionThinkEnv:
    return make("VisionThink-v0", split="test").unwrapped


def played(env: VisionThinkEnv, agent: object, name: str = "it", forced: bool = True) -> Played:
    def play(decision: object = None) -> list:
        episodes = [env.new_episode(n) for n in range(COUNT)]
        return play_agent(agent, episodes, env.judge, range(COUNT), decision)  # type: ignore[arg-type]

    own = play()
    if not forced:
        return Played(name, own)
    episodes = [env.new_episode(n) for n in range(COUNT)]
    low = play_agent(AlwaysAnswer(), episodes, env.judge, range(COUNT))
    return Played(name, own, {"answer": low, "request": play("request")})


def test_means_of_samples_are_the_metrics(env: VisionThinkEnv) -> None:
    own = played(env, RandomAgent(), forced=False).own
    metrics = episode_metrics(own)
    for name, values in per_sample(own).items():
        assert np.nanmean(values) == pytest.approx(metrics[name])
        assert values.shape == (COUNT,)


def test_a_summary_has_intervals_baselines_and_regret(env: VisionThinkEnv) -> None:
    found = summary_of(played(env, RandomAgent()))
    assert set(found["baselines"]) == {"always_low", "always_high", "oracle"}
    for name, (low, high) in found["intervals"].items():
        assert low <= found[name] <= high
    assert found["regret_to_oracle"] == pytest.approx(
        found["baselines"]["oracle"]["reward"] - found["reward"], abs=1e-5
    )
    assert set(found["intervals"]) == set(COLUMNS)


def test_who_has_no_baselines_has_no_regret(env: VisionThinkEnv) -> None:
    one = played(env, OracleAgent(), forced=False)
    assert (one.oracle, one.regret) == (None, None)
    assert "baselines" not in summary_of(one)


def test_infinity_is_written_as_text(env: VisionThinkEnv) -> None:
    one = Played("it", played(env, OracleAgent(), forced=False).own, {}, {"threshold": math.inf})
    assert summary_of(one)["told"] == {"threshold": "inf"}


def test_differences_are_paired(env: VisionThinkEnv) -> None:
    first = played(env, AlwaysRequest(), "first", forced=False)
    other = played(env, OracleAgent(), "other", forced=False)
    found = differences(other, first)
    gap = per_sample(other.own)["reward"] - per_sample(first.own)["reward"]
    assert found["reward"].mean == pytest.approx(gap.mean())
    assert found["reward"].low <= gap.mean() <= found["reward"].high
    assert found["request_rate_need"].samples < COUNT
    row = compared([first, other])[0].record()
    assert (row["agent"], row["less"]) == ("other", "first")
    assert row["accuracy"]["mean"] == pytest.approx(found["accuracy"].mean)
    same = differences(first, first)
    assert all((d.mean, d.low, d.high) == (0, 0, 0) for d in same.values())


def test_other_samples_are_not_compared(env: VisionThinkEnv) -> None:
    one = played(env, OracleAgent(), forced=False)
    with pytest.raises(ValueError, match="same samples"):
        differences(one, Played("other", one.own[1:]))


def test_eighty_columns_hold_every_figure(env: VisionThinkEnv) -> None:
    console = Console(width=80, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(evaluation_table([played(env, RandomAgent(), "endpoint:http://a/v1#model")]))
    text = console.export_text()
    assert "…\n" not in text and max(map(len, text.splitlines())) <= 80
    for name in ("accuracy", "reward", "regret", "oracle", " low"):
        assert name in text
    metrics = episode_metrics(played(env, RandomAgent(), forced=False).own)
    assert f"{metrics['reward']:.3f}" in text
