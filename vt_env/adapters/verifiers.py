"""The environment as a verifiers taskset: rows with images, an episode as an interaction.

verifiers 0.4.0, https://github.com/PrimeIntellect-ai/verifiers, `verifiers.v1`. A plug-in there is
a package whose ``__all__`` holds one taskset; ``examples/homes/verifiers`` has one of these names.
Import this module where `verifiers` is installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import verifiers.v1 as vf
from PIL import Image

from vt_env.adapters.chat import data_url
from vt_env.adapters.conversation import Conversation
from vt_env.env import VisionThinkEnv
from vt_env.episode import Ending, Message


class VisionThinkData(vf.TaskData):
    """A row: the conversation's opening, and which sample it is."""

    index: int
    family: str = "default"


class VisionThinkConfig(vf.TasksetConfig):
    """What is played, under ``--env.taskset.*``; None: as `VisionThinkEnv` has it."""

    data: str = "world"
    """Name of a dataset, or the path of a file of rows."""
    split: str | None = None
    """Which split of it."""
    judge: str = "rule"
    """Name of the judge."""
    rewards: str = "priced"
    """Name of a preset of reward terms."""
    prompt: str | None = None
    """Name of a prompt template, or the path of a TOML file."""
    checkpoint: str | None = None
    """Directory of the checkpoint that plays; gives token family, pixel bounds and prompt."""
    settings: dict[str, Any] = {}  # noqa: RUF012 (a pydantic field)
    """Any other setting of the environment or of the dataset, such as ``{"max_turns": 3}``."""


class VisionThinkTask(vf.Task[VisionThinkData, vf.State, vf.TaskConfig]):
    """A row to play; what it earns is recorded by `VisionThinkInteraction`."""


class VisionThinkTaskset(vf.Taskset[VisionThinkTask, VisionThinkConfig]):
    """The rows of a dataset, in its order.

    Args:
        config: What is played.

    Raises:
        ConfigError: If a setting cannot work.
    """

    def __init__(self, config: VisionThinkConfig) -> None:
        super().__init__(config)
        named: dict[str, Any] = {
            name: value
            for name in ("split", "prompt", "checkpoint")
            if (value := getattr(config, name)) is not None
        }
        self.env = VisionThinkEnv(
            config.data,
            judge=config.judge,
            rewards=config.rewards,
            **named,
            **config.settings,
        )

    def load(self) -> Iterator[VisionThinkTask]:
        """The rows, each made when it is asked for."""
        for index in range(len(self.env.dataset)):
            yield VisionThinkTask(_row(self.env, index), self.config.task)


def _row(env: VisionThinkEnv, index: int) -> VisionThinkData:
    conversation = Conversation(env, index)
    sample = conversation.episode.sample
    told = {message.role: message for message in conversation.opening}
    system = told["system"].content if "system" in told else None
    return VisionThinkData(
        id=sample.sample_id,
        index=index,
        family=sample.family,
        system_prompt="".join(map(str, system)) if system else None,
        prompt=[_user(told["user"])],
    )


def _user(message: Message) -> vf.UserMessage:
    return vf.UserMessage(content=[_part(part) for part in message.content])


def _part(part: str | Image.Image) -> vf.ContentPart:
    if isinstance(part, str):
        return vf.TextContentPart(text=part)
    return vf.ImageUrlContentPart(image_url=vf.ImageUrlSource(url=data_url(part)))


class VisionThinkInteraction(vf.SingleAgentEnv):
    """Plays a row: the policy's turns go to an episode, what it is told comes from there.

    Rewards are recorded by the names of our terms with weight 1, so their sum is the return;
    metrics are those of `Conversation`.
    """

    async def run(self, task: VisionThinkTask, agents: vf.Agents) -> None:
        """One episode.

        Raises:
            JudgeError: If the judge cannot work; their episode then has failed.
        """
        talk = await asyncio.to_thread(Conversation, self.taskset.env, task.data.index)
        async with agents.agent.interaction(task) as seat:
            said = await seat.turn()
            while not said.terminated:
                cut_off = _cut_off(seat.trace)
                told = await asyncio.to_thread(talk.reply, said.last_reply, cut_off=cut_off)
                if told is None:
                    break
                said = await seat.turn([_user(told)])
        if not talk.done:
            if seat.trace.errors:
                return
            talk.episode.stop(Ending.CUT_OFF)  # a limit of theirs, on turns or tokens
        for name, value in talk.reward_terms.items():
            seat.trace.record_reward(name, value)
        seat.trace.record_metrics(talk.metrics)


def _cut_off(trace: vf.Trace) -> bool:
    """Whether the last call of the model hit its limit."""
    done = [call for call in trace.calls if call.error is None]
    return bool(done) and done[-1].finish_reason == "length"
