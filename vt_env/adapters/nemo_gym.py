"""The environment in NeMo Gym's JSON: rows, observations and verdicts as plain dicts.

NeMo Gym 0.7.0, https://github.com/NVIDIA-NeMo/Gym, runs on Python 3.13 and later, so nothing of it
is imported here: these are pure functions, of which its servers call one a request. Messages have
the form of OpenAI's Responses API, as everywhere in NeMo Gym.

An observation of its `GymnasiumServer` is a text, so an image cannot pass that way. It passes as
the user message in ``info["input"]``, which an agent appends to what the model is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from vt_env.adapters.chat import data_url
from vt_env.adapters.conversation import Conversation
from vt_env.env import VisionThinkEnv
from vt_env.episode import Ending, Message
from vt_env.errors import ConfigError

CUT_OFF = "max_output_tokens"
"""Reason of an incomplete response whose turn was cut off."""


@dataclass(frozen=True)
class Step:
    """What a turn led to.

    Attributes:
        state: What their server keeps of the session, plain JSON: it can be checkpointed.
        observation: What the policy is told, without the image; None at the end.
        reward: What the turn earned.
        terminated: Whether the episode is over; it is never truncated.
        info: ``input`` (the messages to show the model next, images among them), reward terms,
            metrics, and at the end the ending.
    """

    state: dict[str, Any]
    observation: str | None
    reward: float
    terminated: bool
    info: dict[str, Any]

    def answer(self) -> dict[str, Any]:
        """The body with which ``/step`` is answered."""
        return {
            "observation": self.observation,
            "reward": self.reward,
            "terminated": self.terminated,
            "truncated": False,
            "info": self.info,
        }


def input_items(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """A conversation as the ``input`` of a request of the Responses API."""
    return [{"type": "message", "role": m.role, "content": _content(m)} for m in messages]


def _words(message: Message) -> str:
    return "".join(part for part in message.content if isinstance(part, str))


def _content(message: Message) -> str | list[dict[str, Any]]:
    if all(isinstance(part, str) for part in message.content):
        return _words(message)
    return [_part(part) for part in message.content]


def _part(part: str | Image.Image) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    return {"type": "input_image", "image_url": data_url(part), "detail": "auto"}


def row(env: VisionThinkEnv, index: int, agent: str = "visionthink") -> dict[str, Any]:
    """A line of a dataset file: the first request whole, and which sample it is.

    Args:
        env: Whose dataset, rules and words hold.
        index: Which sample.
        agent: Name of the agent server that plays it.
    """
    conversation = Conversation(env, index)
    return {
        "responses_create_params": {"input": input_items(conversation.opening)},
        "agent_ref": {"type": "responses_api_agents", "name": agent},
        "index": index,
        "sample_id": conversation.episode.sample.sample_id,
    }


def reset(env: VisionThinkEnv, metadata: Mapping[str, Any]) -> Step:
    """Starts a session.

    Args:
        env: The environment.
        metadata: What the row holds beside its request: ``index``, and ``sample_id`` if it is to
            be checked.

    Returns:
        The session, with neither observation nor input: the row's request holds both already.

    Raises:
        ConfigError: If there is no such sample, or it has another id.
    """
    index = _index(env, metadata)
    sample = env.dataset[index]
    info = {"input": [], "sample_id": sample.sample_id, "family": sample.family}
    return Step({"index": index, "turns": []}, None, 0.0, False, info)


def _index(env: VisionThinkEnv, metadata: Mapping[str, Any]) -> int:
    index, size = metadata.get("index"), len(env.dataset)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < size:
        raise ConfigError(f"index must be a whole number in [0, {size - 1}], got {index!r}.")
    wanted, found = metadata.get("sample_id"), env.dataset[index].sample_id
    if wanted is not None and wanted != found:
        raise ConfigError(
            f"Sample {index} is {found!r}, but the row says {wanted!r}: it was written from "
            "other data, or with another seed or split."
        )
    return index


def step(env: VisionThinkEnv, state: Mapping[str, Any], response: Mapping[str, Any]) -> Step:
    """Takes the policy's turn.

    Args:
        env: The environment.
        state: The session's, as the last call returned it; it is not changed.
        response: What the model server answered.

    Raises:
        RuntimeError: If the session is over.
    """
    turn: dict[str, Any] = {"text": response_text(response), "cut_off": was_cut_off(response)}
    conversation = Conversation(env, state["index"])
    for before in state["turns"]:
        conversation.reply(before["text"], cut_off=before["cut_off"])
    earned = conversation.reward
    told = conversation.reply(turn["text"], cut_off=turn["cut_off"])
    return Step(
        state={"index": state["index"], "turns": [*state["turns"], turn]},
        observation=None if told is None else _words(told),
        reward=conversation.reward - earned,
        terminated=told is None,
        info={"input": [] if told is None else input_items([told]), **_figures(conversation)},
    )


def verify(env: VisionThinkEnv, body: Mapping[str, Any]) -> dict[str, Any]:
    """Scores a whole rollout, as ``/verify`` does.

    Args:
        env: The environment.
        body: The row, and in ``response`` all that was said: the turns of the policy, and between
            them the messages that it was shown.

    Returns:
        The body, with ``reward`` and what it is made of. A rollout that the agent gave up before
        its end has the ending ``turn_limit``.

    Raises:
        ConfigError: If there is no such sample.
    """
    conversation = Conversation(env, _index(env, body))
    turns = response_turns(body["response"])
    for n, text in enumerate(turns):
        if conversation.done:
            raise ConfigError(f"The rollout has {len(turns)} turns, but was over after {n}.")
        last = n == len(turns) - 1
        conversation.reply(text, cut_off=last and was_cut_off(body["response"]))
    if not conversation.done:
        conversation.episode.stop(Ending.TURN_LIMIT)
    return {**body, "reward": conversation.reward, **_figures(conversation)}


def _figures(conversation: Conversation) -> dict[str, Any]:
    ending = conversation.episode.ending
    return {
        "reward_terms": conversation.reward_terms,
        "ending": str(ending) if ending else None,
        **conversation.metrics,
    }


def response_turns(response: Mapping[str, Any]) -> list[str]:
    """The policy's turns in a response, a text each; what it was shown between them is left out."""
    items = [
        item
        for item in response["output"]
        if item.get("type", "message") == "message" and item.get("role") == "assistant"
    ]
    return [_text(item["content"]) for item in items]


def response_text(response: Mapping[str, Any]) -> str:
    """All that the policy wrote in one response of the model server."""
    return "".join(response_turns(response))


def _text(content: str | Sequence[Mapping[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part.get("type") == "output_text")


def was_cut_off(response: Mapping[str, Any]) -> bool:
    """Whether generation hit its limit before the turn was over."""
    details = response.get("incomplete_details") or {}
    return response.get("status") == "incomplete" and details.get("reason") == CUT_OFF
