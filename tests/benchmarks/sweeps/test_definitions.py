"""Sweeps are data whose mistakes are found before anything runs."""

import re

import pytest
from tokenizers import Tokenizer

from agents.tiny import CHECKPOINT
from benchmarks.evaluation.play import PlaySettings
from benchmarks.sweeps import SWEEPS, Point, Sweep, trials
from benchmarks.sweeps.trial import load, start_key
from benchmarks.training.settings import SFTSettings, TrainSettings
from vt_env import (
    Answer,
    ConfigError,
    Crop,
    Request,
    UnknownNameError,
    VisionThinkEnv,
    to_text,
)
from vt_env.settings.tree import to_json

TWO = Sweep(
    "two", "Which?", (Point("a", {"rewards.price": 0.1}), Point("b", {"rewards.price": 0.2}))
)


@pytest.mark.parametrize("sweep", SWEEPS.values(), ids=str)
def test_every_shipped_sweep_can_be_run(sweep: Sweep) -> None:
    planned = trials(sweep, seeds=2)
    assert len(planned) == 2 * len(sweep.points)
    assert len({trial.id for trial in planned}) == len(planned)
    assert sweep.question.endswith("?") and sweep.varied()
    settings = {str(trial.settings) for trial in planned}
    assert len(settings) == len(planned), "no two trials are the same"


def test_ids_that_others_cite_do_not_change() -> None:
    names = {sweep.name: [point.name for point in sweep.points] for sweep in SWEEPS.values()}
    assert names["penalty"] == ["none", "all", "every-request", "paper-theta0.2"]
    assert names["theta"] == [
        "none", "theta0", "theta0.15", "theta0.2", "theta0.25", "theta0.3",
    ]  # fmt: skip
    assert names["judge-noise"] == ["flip0", "flip0.05", "flip0.1", "flip0.2"]
    assert names["view"] == ["resize", "crop", "both"]
    assert names["ladder"] == ["two", "three-lower", "three-between"]
    (trial,) = [t for t in trials(SWEEPS["penalty"], 2) if t.id == "penalty/paper-theta0.2/1"]
    assert isinstance(trial.settings, TrainSettings)
    assert trial.settings.grpo.shaper == "paper"
    assert dict(trial.settings.grpo.shaper_params) == {"theta": 0.2}
    assert (trial.settings.run.seed, trial.settings.rewards.preset) == (1, "paper")


def test_noise_is_in_training_alone() -> None:
    planned = trials(SWEEPS["judge-noise"], 1)
    assert [t.settings.train_env()["judge"]["rate"] for t in planned] == [0, 0.05, 0.1, 0.2]
    assert [t.settings.eval_env()["judge"] for t in planned] == [{"name": "rule"}] * 4
    assert len({start_key(to_json(t.settings)) for t in planned}) == 1, "one model before RL"
    own = {"judge.params.judge": "llm", "judge.params.params": '{"model": "m"}'}
    given = {**own, "evaluation.judge": "llm", "evaluation.judge_params.model": "m"}
    noisy = trials(SWEEPS["judge-noise"], 1, given)[1].settings
    assert noisy.judge.params == {"rate": 0.05, "judge": "llm", "params": '{"model": "m"}'}
    assert noisy.eval_env()["judge"] == {"name": "llm", "model": "m"}


def test_a_crop_has_room_in_a_turn() -> None:
    turn = to_text(Crop((28, 56, 84, 84), "unclear"))
    tokens = len(Tokenizer.from_file(str(CHECKPOINT / "tokenizer.json")).encode(turn).ids)
    known = PlaySettings().known().max_new_tokens
    for trial in trials(SWEEPS["view"], 1):
        assert known < tokens < trial.settings.known().max_new_tokens


@pytest.mark.parametrize(
    ("point", "levels"),
    [("two", [9, 36]), ("three-lower", [4, 9, 36]), ("three-between", [9, 16, 36])],
)
def test_every_level_of_a_ladder_is_another_and_can_be_reached(
    point: str, levels: list[int]
) -> None:
    (trial,) = trials(SWEEPS["ladder"].only(point), 1)
    env = VisionThinkEnv(**trial.settings.train_env())
    episode = env.factory.episode(0)
    shown = [episode.visual_tokens]
    while episode.turn + 1 < env.factory.config.max_turns:
        episode.step(to_text(Request()))
        shown.append(episode.visual_tokens - sum(shown))
    assert shown == levels
    assert episode.step(to_text(Answer("7"))).case is not None


def test_the_first_seed_of_all_points_comes_first() -> None:
    assert [t.id for t in trials(TWO, 2)] == ["two/a/0", "two/b/0", "two/a/1", "two/b/1"]
    assert [t.seed for t in trials(TWO, 1, {"run.seed": 7})] == [7, 7]


def test_the_users_settings_win_over_the_base_but_not_over_points() -> None:
    sweep = Sweep("s", "?", TWO.points, {"run.iterations": 9, "rewards.format": 0.1})
    for trial in trials(sweep, 1, {"run.iterations": 3}):
        assert (trial.settings.run.iterations, trial.settings.rewards.format) == (3, 0.1)
    for clash in ("rewards.price", "grpo.shaper_params.theta", "grpo.shaper_params"):
        other = Sweep("s", "?", (*TWO.points, Point("c", {"grpo.shaper_params.theta": 0.1})))
        with pytest.raises(ConfigError, match=f"{re.escape(clash)}: sweep s varies"):
            trials(other, 1, {clash: 0.3})


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ((), "no points"),
        ((Point("a"), Point("a")), "two points are called 'a'"),
        ((Point("../a"),), "is no name"),
        ((Point(""),), "is no name"),
        ((Point("a", {"run.seed": 1}),), "--seeds"),
    ],
)
def test_bad_sweeps_are_refused(points: tuple[Point, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Sweep("bad", "?", points)


def test_bad_settings_name_their_point() -> None:
    sweep = Sweep("s", "?", (Point("fine"), Point("wrong", {"grpo.beta": -1.0})))
    with pytest.raises(ConfigError, match=r"sweep s, point wrong: .*beta"):
        trials(sweep, 1)
    with pytest.raises(ConfigError, match="--seeds must be at least 1"):
        trials(TWO, 0)


def test_only_keeps_what_a_pattern_names() -> None:
    assert [point.name for point in SWEEPS["theta"].only("theta0.2*").points] == [
        "theta0.2", "theta0.25",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"--only z\*: sweep two has the points a, b"):
        TWO.only("z*")


def test_trials_of_another_method_have_its_settings() -> None:
    for trial in trials(SWEEPS["sft"], 1, {"run.iterations": 3}):
        assert isinstance(trial.settings, SFTSettings) and trial.method == "sft"
        assert trial.settings.sft.targets == trial.point
        assert trial.settings.run.iterations == 3
        assert load(to_json(trial.settings), trial.method) == trial.settings
    assert SWEEPS["sft"].only("best").method == "sft"
    with pytest.raises(ConfigError, match=r"no setting 'grpo\.lr'"):
        trials(SWEEPS["sft"], 1, {"grpo.lr": 1e-4})
    with pytest.raises(UnknownNameError, match="'sft'"):
        Sweep("s", "?", (Point("a"),), method="stf")


def test_both_methods_are_compared_with_the_same_start() -> None:
    """Whoever is compared with RL is evaluated on its samples, and begins with its model."""
    rl, taught = (trials(SWEEPS[name], 1)[0] for name in ("penalty", "sft"))
    assert start_key(to_json(rl.settings)) == start_key(to_json(taught.settings))
    other = trials(SWEEPS["sft"], 1, {"evaluation.samples": 7})[0]
    assert start_key(to_json(rl.settings)) != start_key(to_json(other.settings))
