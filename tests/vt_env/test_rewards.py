"""Reward arithmetic: the terms of an episode, and terms of one's own."""

import pickle
from pathlib import Path
from typing import Any

import pytest

import vt_env
from judges import Verdict
from vt_env.env import VisionThinkEnv
from vt_env.episode import Episode, EpisodeConfig
from vt_env.errors import ConfigError, ParameterError, UnknownNameError
from vt_env.protocol import Answer, Request, to_text
from vt_env.rewards import (
    REWARD_PRESETS,
    REWARD_TERMS,
    RewardConfig,
    reward_config,
    token_cost,
)
from vt_env.tasks import World
from vt_env.templates import load_template
from vt_env.tokens import prefill_flops


def test_token_cost_is_a_share_of_a_full_pass() -> None:
    assert token_cost(36, 36, RewardConfig()) == pytest.approx(0.1)
    assert token_cost(45, 36, RewardConfig()) == pytest.approx(0.125)  # paper: 125% of a full pass
    assert token_cost(9, 36, RewardConfig()) == pytest.approx(0.025)
    assert token_cost(9, 36, RewardConfig(price=0.0)) == 0.0


def test_cost_modes() -> None:
    assert token_cost(9, 36, RewardConfig(price=0.002, cost="tokens")) == pytest.approx(0.018)
    flops = RewardConfig(cost="flops")
    assert token_cost(36, 36, flops) == pytest.approx(0.1)
    # Reading in two parts costs what reading at once does, and the second part costs more.
    first, second = token_cost(1000, 2000, flops), token_cost(1000, 2000, flops, before=1000)
    assert first + second == pytest.approx(0.1)
    assert first < second
    with pytest.raises(UnknownNameError, match="Did you mean 'flops'"):
        RewardConfig(cost="flop")


def test_prefill_flops_is_the_papers_formula() -> None:
    assert prefill_flops(0) == 0
    assert prefill_flops(10, layers=2, hidden=3, ffn=5) == 2 * (4 * 10 * 9 + 2 * 100 * 3 + 2 * 150)


@pytest.mark.parametrize("field", ["accuracy", "format", "price"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "1", None, True])
def test_impossible_weights_are_refused(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=rf"rewards\.{field} must lie in \[0, 1000000\]"):
        RewardConfig(**{field: value})  # type: ignore[arg-type]


def test_reward_config_takes_a_preset_a_config_or_some_fields() -> None:
    config = RewardConfig(price=0.3)
    assert reward_config(config) is config
    assert reward_config("paper") == REWARD_PRESETS["paper"] == RewardConfig(price=0.0)
    assert reward_config({"price": 0.3}) == config
    with pytest.raises(UnknownNameError, match=r"reward preset 'pricd'\. Did you mean 'priced'\?"):
        reward_config("pricd")
    with pytest.raises(UnknownNameError, match=r"'formt'\. Did you mean 'format'\?"):
        reward_config({"formt": 1.0})
    with pytest.raises(ConfigError, match=r"rewards\.price"):
        reward_config({"price": -1.0})


HERE = __name__


def brevity(episode: Episode, limit: int = 40) -> float:
    """-1 for every `limit` characters that the policy wrote."""
    return -sum(map(len, episode.turns)) / limit


def seen(episode: Episode) -> float:
    """Finds everything that there is of a finished episode."""
    assert episode.done
    assert episode.outcome.correct is (episode.verdict.correct if episode.verdict else False)
    assert len(episode.turns) == len(episode.turn_tokens) == episode.turn
    assert "format" in episode.reward_terms
    return float(sum(map(len, episode.turn_tokens)))


def broken(episode: Episode) -> float:
    raise KeyError("no such thing")


def no_number(episode: Episode) -> Any:
    return float("nan")


ASK, ANSWER = to_text(Request(thought="unclear")), to_text(Answer("red", "clear"))


def terms(**params: Any) -> dict[str, Any]:
    return {"terms": {f"{HERE}:brevity": params}}


def test_a_term_of_ones_own_is_paid_when_the_episode_is_over() -> None:
    env = vt_env.make(rewards=terms(weight=0.5, limit=10))
    env.reset(options={"index": 0})
    *_, info = env.step(ASK)
    assert "brevity" not in info["reward_terms"]
    _, reward, *_, info = env.step(ANSWER)
    expected = -0.5 * (len(ASK) + len(ANSWER)) / 10
    assert info["reward_terms"]["brevity"] == pytest.approx(expected)
    assert reward == pytest.approx(sum(info["reward_terms"].values()))


@pytest.mark.parametrize("last", ["no protocol at all", "x" * 101, ASK])
def test_it_is_paid_for_episodes_that_end_without_an_answer(last: str) -> None:
    env = vt_env.make(rewards=terms(), max_turns=1, max_action_chars=100)
    env.reset(options={"index": 0})
    _, reward, terminated, _, info = env.step(last)
    assert terminated and info["verdict"] is None
    assert info["reward_terms"]["brevity"] == pytest.approx(-len(last) / 40)
    assert reward == pytest.approx(sum(info["reward_terms"].values()))


def test_it_is_paid_when_the_judge_abstains() -> None:
    rewards = reward_config({"terms": {f"{HERE}:seen": {}, f"{HERE}:brevity": {"limit": 1}}})
    episode = Episode(World()[0], EpisodeConfig(), rewards, load_template("brief"))
    episode.step(ANSWER, tokens=(5, 6, 7))
    assert episode.settle(Verdict(None, "timeout")) == {"seen": 3.0, "brevity": -len(ANSWER)}
    assert list(episode.reward_terms) == ["token_cost", "format", "seen", "brevity"]


def test_the_vector_env_and_the_discrete_env_pay_it_too() -> None:
    import gymnasium

    envs = gymnasium.make_vec("VisionThink-v0", num_envs=2, rewards=terms())
    envs.reset(seed=0)
    infos = envs.step([ANSWER, ANSWER])[-1]
    assert list(infos["reward_terms"]["brevity"]) == [pytest.approx(-len(ANSWER) / 40)] * 2
    env = vt_env.make(vt_env.DISCRETE_ENV_ID, rewards=terms())
    env.reset(seed=0)
    assert env.step(1)[-1]["reward_terms"]["brevity"] < 0


def test_terms_have_names() -> None:
    REWARD_TERMS.register("brief", brevity)
    REWARD_PRESETS.register("terse", RewardConfig(terms={"brief": {"weight": 2}}))
    try:
        env = VisionThinkEnv(rewards="terse")
        env.reset(options={"index": 0})
        assert env.step(ANSWER)[-1]["reward_terms"]["brief"] == pytest.approx(-len(ANSWER) / 20)
    finally:
        REWARD_TERMS.remove("brief")
        REWARD_PRESETS.remove("terse")


def test_without_terms_of_ones_own_nothing_changes() -> None:
    env = vt_env.make()
    env.reset(options={"index": 0})
    env.step(ASK)
    assert list(env.step(ANSWER)[-1]["reward_terms"]) == ["format", "accuracy"]


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"brevty": {}}, UnknownNameError, r"Unknown reward term 'brevty'\."),
        ({f"{HERE}:brevty": {}}, UnknownNameError, "Did you mean 'brevity'"),
        ({f"{HERE}:brevity": {"limti": 3}}, ParameterError, "Did you mean 'limit'"),
        ({f"{HERE}:brevity": {"episode": 3}}, ParameterError, "not 'episode'"),
        ({f"{HERE}:brevity": 0.5}, ConfigError, "gives each term its parameters by name"),
        ({f"{HERE}:brevity": {"weight": "much"}}, ConfigError, "weight is a number, got 'much'"),
        ({f"{HERE}:brevity": {"weight": float("nan")}}, ConfigError, "weight is a number"),
        ({"lab:format": {}}, ConfigError, "there is a term 'format' already"),
        ({"a:b": {}, "c:b": {}}, ConfigError, "there is a term 'b' already"),
        ([f"{HERE}:brevity"], ConfigError, "rewards.terms must be a mapping"),
    ],
)
def test_terms_that_cannot_be_are_told_before_an_episode(
    given: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        VisionThinkEnv(rewards={"terms": given})


def test_a_term_that_fails_is_named() -> None:
    env = VisionThinkEnv(rewards={"terms": {f"{HERE}:broken": {}}})
    env.reset(options={"index": 0})
    with pytest.raises(KeyError) as caught:
        env.step(ANSWER)
    assert f"In the reward term '{HERE}:broken', sample" in caught.value.__notes__[0]
    env = VisionThinkEnv(rewards={"terms": {f"{HERE}:no_number": {}}})
    env.reset(options={"index": 0})
    with pytest.raises(ConfigError, match=":no_number' must give a finite number, got nan"):
        env.step(ANSWER)


def test_rewards_with_terms_are_plain_data() -> None:
    config = reward_config(terms(weight=0.5))
    assert config.own_terms
    again = pickle.loads(pickle.dumps(config))
    assert again == config
    assert "own_terms" not in vars(again)
    assert list(again.own_terms) == ["brevity"]


def test_make_imports_what_it_is_told_to(tmp_path: Path) -> None:
    path = tmp_path / "lab_of_terms.py"
    path.write_text(
        "from vt_env import REWARD_TERMS\nREWARD_TERMS.register('flat_fee', lambda episode: -1.0)\n"
    )
    try:
        env = vt_env.make(plugins=[str(path)], rewards={"terms": {"flat_fee": {}}})
        env.reset(options={"index": 0})
        assert env.step(ANSWER)[-1]["reward_terms"]["flat_fee"] == -1.0
    finally:
        REWARD_TERMS.remove("flat_fee")
