"""What an agent sees of a conversation, and what becomes of its turns."""

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agents.policies import Agent, AgentError, make_agent, view_of
from benchmarks.serve.agent import AgentSpeaker, Setting, chat_view
from benchmarks.serve.requests import ChatRequest, RequestError
from benchmarks.serve.speakers import Said
from tests.benchmarks.serve.helpers import Echo, Nothing, asked
from vt_env import EpisodeConfig, ImageLimits, Message, load_template, open_env

SETTING = Setting(EpisodeConfig(), ImageLimits(), load_template("brief"))
HELPERS = "tests.benchmarks.serve.helpers"


def said(agent: Agent, *requests: ChatRequest) -> Any:
    speaker = AgentSpeaker(agent, SETTING)
    jobs = [speaker.prepare(request) for request in requests]
    assert len({job.group for job in jobs}) == 1
    return speaker.speak(jobs)


def test_a_view_is_that_of_the_episode_wherever_a_conversation_tells_it() -> None:
    env = open_env(data="world", split="validation", judge="rule")
    episode = env.new_episode(1)
    for turns in range(2):
        own, seen = view_of(episode), chat_view(episode.messages, SETTING)
        for name in ("turn", "visual_tokens", "feedback", "messages", "tools", "choices"):
            assert seen[name] == own[name], name
        assert np.array_equal(seen["image"], own["image"])
        assert own["question"] in seen["question"]
        assert (seen["request"] is None) is (turns == 1)
        if turns == 0:
            episode.step(seen["request"])
    assert episode.requested


def test_an_error_of_a_tool_is_feedback_without_its_tags() -> None:
    env = open_env(data="world", split="validation", judge="rule")
    episode = env.new_episode(1)
    episode.step('<think>a</think><tool_call>{"name": "zoom", "arguments": {}}</tool_call>')
    assert not episode.done
    view = chat_view(episode.messages, SETTING)
    assert view["feedback"] == episode.observation.feedback != ""


def test_turns_and_their_counts() -> None:
    requests = [
        ChatRequest(asked("one"), seed=5),
        ChatRequest(asked("cut", 84)),
        ChatRequest(
            (*asked("two"), Message("assistant", ("a",)), Message("user", ("go on",))), seed=7
        ),
    ]
    turns = said(make_agent(f"{HELPERS}:Echo", prefix=""), *requests)
    told = [json.loads(turn.text) for turn in turns]
    assert [one["question"] for one in told] == ["one", "cut", "two"]
    assert [one["turn"] for one in told] == [0, 0, 1]
    assert [one["feedback"] for one in told] == ["", "", "go on"]
    assert [one["visual_tokens"] for one in told] == [4, 9, 4]
    assert (told[0]["seed"], told[2]["seed"]) == (5, 7) and told[0]["of"] == 3
    assert told[0]["tools"] == ["resize"]
    assert [turn.cut_off for turn in turns] == [False, True, False]
    assert (turns[0].prompt_tokens, turns[0].completion_tokens) == (11, 5)


def test_a_function_is_an_agent_too() -> None:
    (turn,) = said(make_agent(f"{HELPERS}:one_view"), ChatRequest(asked()))
    assert turn == Said("turn 0")


def test_what_an_agent_cannot() -> None:
    echo = make_agent(f"{HELPERS}:Echo")
    (refused,) = said(echo, ChatRequest(asked("no room")))
    assert isinstance(refused, RequestError) and refused.code == "context_length_exceeded"
    with pytest.raises(AgentError, match="1 views and gave no text"):
        said(make_agent(f"{HELPERS}:Nothing"), ChatRequest(asked()))
    with pytest.raises(RequestError, match="there is none"):
        said(echo, ChatRequest((Message("user", ("hi",)),)))
    with pytest.raises(RequestError, match="logprobs"):
        said(echo, ChatRequest(asked(), logprobs=True))
    with pytest.raises(RequestError, match="200 times"):
        said(echo, ChatRequest((Message("user", (Image.new("RGB", (4000, 8)),)),)))
    assert Echo and Nothing
