"""What becomes of what a user names as an agent."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.policies import AgentError, OneByOne, Turn, as_agent, make_agent, view_of
from agents.policies.play import play_agent
from judges import ParameterError, UnknownNameError
from vt_env import VisionThinkEnv, make

MINE = '''
"""Ten lines of one's own."""

class Me:
    def __init__(self, word="yes"):
        self.word = word
        self.seeds, self.closed = [], False
    def reset(self, seeds):
        self.seeds = seeds
    def act(self, views):
        return [f"<think>{seed}</think><answer>{self.word}</answer>" for seed in self.seeds]
    def close(self):
        self.closed = True

def one(view):
    return f"<think>x</think><answer>{view['question'][0]}</answer>"

def making(word):
    return lambda view: f"<think>x</think><answer>{word}</answer>"

nothing = 3
'''


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "agent_of_mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "agent_of_mine"
    sys.modules.pop("agent_of_mine", None)


@pytest.fixture(scope="module")
def env() -> VisionThinkEnv:
    return make("VisionThink-v0", split="test").unwrapped


def answers(env: VisionThinkEnv, name: str, **params: object) -> list[str | None]:
    agent = make_agent(name, **params)
    episodes = [env.new_episode(index) for index in (0, 1)]
    return [t.answer for t in play_agent(agent, episodes, env.judge, [5, 6])]


def test_a_class_of_ones_own_is_made_and_begun(env: VisionThinkEnv, mine: str) -> None:
    assert answers(env, f"{mine}:Me") == ["yes", "yes"]
    assert answers(env, f"{mine}:Me", word="no") == ["no", "no"]
    agent = make_agent(f"{mine}:Me")
    agent.reset([1])
    agent.close()
    assert agent.told() == {}


def test_what_is_called_with_one_view_is_an_agent(env: VisionThinkEnv, mine: str) -> None:
    first = [env.dataset[index].question[0] for index in (0, 1)]
    assert answers(env, f"{mine}:one") == first
    assert answers(env, f"{mine}:making", word="maybe") == ["maybe", "maybe"]
    assert isinstance(as_agent("it", lambda view: ""), OneByOne)


def test_what_is_none_is_named(mine: str) -> None:
    with pytest.raises(UnknownNameError, match="random"):
        make_agent("randon")
    with pytest.raises(ParameterError, match="word"):
        make_agent(f"{mine}:Me", wort="no")
    with pytest.raises(ParameterError, match="request"):
        make_agent("random", requests=1)
    with pytest.raises(AgentError, match="int"):
        as_agent("three", 3)


@pytest.mark.parametrize("name", ["endpoint:", "endpoint:127.0.0.1:80#m", "endpoint:http://a/v1"])
def test_an_address_without_its_parts_is_refused(name: str) -> None:
    with pytest.raises(AgentError, match="endpoint:URL#model"):
        make_agent(name)


def test_a_view_is_the_observation_and_more(env: VisionThinkEnv) -> None:
    observation, _ = env.reset(options={"index": 2})
    assert env.episode is not None
    view = view_of(env.episode, 4)
    assert observation.keys() <= view.keys()
    assert (view["image"] == observation["image"]).all()
    assert (view["episode"], view["turn"]) == (4, 0)
    assert view["messages"] == tuple(env.episode.messages)
    assert view["request"] == env.episode.forced_request
    assert "sample" not in view and "sample" in view_of(env.episode, sees_sample=True)
    env.step(view["request"])
    assert view_of(env.episode)["request"] is None, "the last turn is to answer"


def test_a_turn_is_a_text_that_knows_more() -> None:
    turn = Turn("a", cut_off=True, completion_tokens=3)
    assert (turn, turn.cut_off, turn.no_room, turn.prompt_tokens) == ("a", True, False, 0)
