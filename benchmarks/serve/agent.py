"""`AgentSpeaker`: any agent answers, and sees of a conversation what it would see of an episode."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents import Agent, AgentError, Turn
from benchmarks.serve.requests import ChatRequest, RequestError
from benchmarks.serve.speakers import Job, Said, Speaker
from vt_env import ImageError, ImageLimits, Message, PromptTemplate, parse
from vt_env.config import EpisodeRules
from vt_env.images import shown_size, tokens_of
from vt_env.tools import Call

_RESPONSE_TAGS = re.compile(r"</?tool_response>")


@dataclass(frozen=True)
class Setting:
    """The episodes that clients are taken to play.

    Attributes:
        rules: Their rules: the tools, and how many turns there are.
        limits: How images' tokens are counted.
        template: The words of the protocol.
    """

    rules: EpisodeRules
    limits: ImageLimits
    template: PromptTemplate

    def request(self, turn: int) -> str | None:
        """A turn that asks to see more; None where there are no turns left for it.

        Whether anything more is to be had is not told by a conversation.

        Args:
            turn: Turns taken so far.
        """
        template, offered = self.template, self.rules.offered
        call = parse(template.forced_request, template.opens_thought, offered)
        known = isinstance(call, Call) and call.tool in [tool.name for tool in offered]
        return template.forced_request if known and turn + 1 < self.rules.max_turns else None


class AgentSpeaker(Speaker):
    """Answers with an agent; each request is an episode of its own to it.

    Args:
        agent: The agent; it is closed with the speaker.
        setting: The episodes that clients are taken to play.
    """

    def __init__(self, agent: Agent, setting: Setting) -> None:
        self._agent, self._setting = agent, setting

    def prepare(self, request: ChatRequest) -> Job:
        """Makes a view of the conversation."""
        if request.logprobs:
            raise RequestError(
                "logprobs: an agent has none.", code="unsupported_parameter", param="logprobs"
            )
        try:
            view = chat_view(request.messages, self._setting)
        except ImageError as error:
            raise RequestError(str(error), param="messages") from error
        return Job(request, view, None)

    def speak(self, jobs: Sequence[Job]) -> list[Said | RequestError]:
        """Has the agent take a turn of each."""
        asked = [job.request.seed for job in jobs]
        self._agent.reset([secrets.randbits(32) if seed is None else seed for seed in asked])
        views = [{**job.prompt, "episode": number} for number, job in enumerate(jobs)]
        turns = self._agent.act(views)
        if len(turns) != len(views) or not all(isinstance(turn, str) for turn in turns):
            raise AgentError(f"The agent was shown {len(views)} views and gave no text for each.")
        return [_said(turn) for turn in turns]

    def close(self) -> None:
        """Frees what the agent holds."""
        self._agent.close()


def _said(turn: str) -> Said | RequestError:
    if not isinstance(turn, Turn):
        return Said(turn)
    if turn.no_room:
        return RequestError(
            "The conversation does not fit the context of the agent's model.",
            code="context_length_exceeded",
            param="messages",
        )
    return Said(str(turn), turn.cut_off, turn.prompt_tokens, turn.completion_tokens)


def chat_view(messages: Sequence[Message], setting: Setting) -> dict[str, Any]:
    """What an agent sees of a conversation; see `agents.policies.View`.

    The question is the text of the user's first message, all of it: where the prompt ends in it
    and the question begins is not told. Options are not told apart either.

    Args:
        messages: The conversation.
        setting: The episode that it is taken for.

    Raises:
        RequestError: If there is no image.
        ImageError: If an image is more than 200 times as long as wide.
    """
    images = [part for one in messages for part in one.content if not isinstance(part, str)]
    if not images:
        raise RequestError("An agent needs an image, and there is none.", param="messages")
    said = [message for message in messages if message.role == "user"]
    turn, limits = sum(message.role == "assistant" for message in messages), setting.limits
    sizes = [shown_size(image.size, 1.0, limits) for image in images]
    return {
        "image": np.array(images[-1], dtype=np.uint8),
        "question": _text(said[0]),
        "feedback": _RESPONSE_TAGS.sub("", _text(said[-1])).strip() if turn else "",
        "turn": turn,
        "visual_tokens": sum(tokens_of(size, limits) for size in sizes),
        "messages": tuple(messages),
        "choices": None,
        "tools": setting.rules.offered,
        "request": setting.request(turn),
        "template": setting.template,
    }


def _text(message: Message) -> str:
    return "".join(part for part in message.content if isinstance(part, str))
