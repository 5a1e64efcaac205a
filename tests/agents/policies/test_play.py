"""Episodes are played to their end, whoever plays; and again from their records."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from agents.policies import Agent, AgentError, OneByOne, Turn, View
from agents.policies.play import play_agent, replay
from agents.policies.scripted import AlwaysRequest, OracleAgent, RandomAgent
from judges import JudgeError
from vt_env import VisionThinkEnv, make


@pytest.fixture(scope="module")
def env() -> VisionThinkEnv:
    return make("VisionThink-v0", split="test").unwrapped


def play(env: VisionThinkEnv, agent: Agent, count: int = 8, decision: Any = None) -> list[Any]:
    episodes = [env.new_episode(index) for index in range(count)]
    return play_agent(agent, episodes, env.judge, range(count), decision, "mine")


def test_it_earns_what_the_environment_pays(env: VisionThinkEnv) -> None:
    for index, t in enumerate(play(env, RandomAgent())):
        env.reset(options={"index": index})
        paid = [env.step(turn.action)[1] for turn in t.record.turns]
        assert sum(paid) == pytest.approx(t.reward)


def test_a_request_that_is_forced_is_said_in_its_place(env: VisionThinkEnv) -> None:
    seen: list[int] = []

    def answer(view: View) -> str:
        seen.append(view["turn"])
        return "<think>x</think><answer>yes</answer>"

    played = play(env, OneByOne(answer), decision="request")
    assert all(t.outcome.requested and t.outcome.well_formed for t in played)
    assert set(seen) == {1} and {t.forced for t in played} == {"request"}


def test_without_tools_it_is_not_told_of_any(env: VisionThinkEnv) -> None:
    from dataclasses import replace

    bare = replace(env.factory, config=replace(env.factory.config, tools=()))
    views: list[View] = []

    def look(view: View) -> str:
        views.append(view)
        return AlwaysRequest().act([view])[0]

    (played,) = play_agent(OneByOne(look), [bare.episode(0)], env.judge, [0])
    assert (views[0]["tools"], views[0]["request"]) == ((), None)
    assert "resize" not in str(views[0]["messages"]) and "sharp" not in str(views[0]["messages"])
    assert not played.outcome.requested and played.outcome.well_formed


def test_episodes_that_are_over_are_not_shown_again(env: VisionThinkEnv) -> None:
    sizes: list[int] = []

    class Counts(OracleAgent):
        def act(self, views: Sequence[View]) -> list[str]:
            sizes.append(len(views))
            return super().act(views)

    played = play(env, Counts(), 20)
    asked = sum(t.outcome.requested for t in played)
    assert sizes == [20, asked] and 0 < asked < 20


def test_what_is_known_of_a_turn_is_used(env: VisionThinkEnv) -> None:
    turns = [Turn("<think>x</think><answer>yes</answer>", cut_off=True), Turn("", no_room=True)]

    class Cut(Agent):
        def act(self, views: Sequence[View]) -> Sequence[str]:
            return turns

    assert [t.ending for t in play(env, Cut(), 2)] == ["cut_off", "context_limit"]


class Gives(Agent):
    def __init__(self, turns: Any) -> None:
        self.turns = turns

    def act(self, views: Sequence[View]) -> Any:
        if isinstance(self.turns, Exception):
            raise self.turns
        return self.turns


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ("text", "'mine' must give a text for each of 2 views"),
        (["a"], "each of 2 views, in a list; got 1"),
        (None, "got None"),
        (["a", 3], "on test-0-1 it gave 3"),
        (ZeroDivisionError("by zero"), "'mine' failed on test-0-0, test-0-1: ZeroDivisionError"),
    ],
)
def test_an_agent_that_fails_is_named(env: VisionThinkEnv, turns: Any, said: str) -> None:
    with pytest.raises(AgentError, match=said):
        play(env, Gives(turns), 2)


def test_typed_errors_are_told_as_they_are(env: VisionThinkEnv) -> None:
    with pytest.raises(JudgeError, match="as it is"):
        play(env, Gives(JudgeError("as it is")), 2)


def test_a_record_is_played_again_without_agent_and_judge(env: VisionThinkEnv) -> None:
    played = play(env, RandomAgent(), 30)
    cut = play(env, Gives([Turn("<think>", cut_off=True), Turn("", no_room=True)]), 2)
    for index, t in [*enumerate(played), *enumerate(cut)]:
        record = json.loads(t.record.to_line())
        again = replay(env.new_episode(index), record)
        assert (again.outcome, again.ending, again.answer) == (t.outcome, t.ending, t.answer)
        assert again.reward == pytest.approx(t.reward)
        assert again.record.to_line() == t.record.to_line()


@pytest.mark.parametrize(
    ("change", "said"),
    [({"sample_id": "test-0-9"}, "is not of"), ({"reward": 9.0}, "came to answered and 9"),
     ({"ending": "malformed"}, "came to malformed"), ({"turns": 3}, "cannot be played again"),
     ({"score": None}, "cannot be played again")],
)  # fmt: skip
def test_a_record_that_does_not_fit_is_refused(
    env: VisionThinkEnv, change: dict[str, Any], said: str
) -> None:
    (played,) = play(env, OracleAgent(), 1)
    record = {**json.loads(played.record.to_line()), **change}
    with pytest.raises(AgentError, match=said):
        replay(env.new_episode(0), record)
