"""The task of ours as TRL's `environment_factory` plays it; see `benchmarks.speed.trl_grpo`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from agents import ChatEncoder
from vt_env import (
    Episode,
    EpisodeFactory,
    Message,
    Sample,
    VisionThinkEnv,
    VisionThinkError,
)

TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + ('user' if message.role == 'tool' else message.role) + '\\n' }}"
    "{%- if message.content is string %}{{- message.content }}"
    "{%- elif message.content %}{%- for part in message.content %}{%- if part.type == 'image' %}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- else %}{{- part.text }}{%- endif %}{%- endfor %}{%- endif %}"
    "{%- for call in message.tool_calls or [] %}{{- '<tool_call>' + {'name': call.function.name, "
    "'arguments': call.function.arguments}|tojson + '</tool_call>' }}{%- endfor %}"
    "{{- '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
"""Qwen2.5-VL's turns, with tool calls and what tools give, which the checkpoint's lacks."""


class TrlError(VisionThinkError):
    """TRL's process failed, or does not train on what ours does."""


@dataclass
class World:
    """The environment that both play, and what was played of it since it was last counted."""

    env: VisionThinkEnv
    encoder: ChatEncoder
    played: list[Episode] = field(default_factory=list)

    def __post_init__(self) -> None:
        # As with ours, what the episodes of a group share is made once.
        self._sample = lru_cache(maxsize=256)(self._fresh)

    @property
    def factory(self) -> EpisodeFactory:
        """What makes the episodes."""
        return self.env.factory

    def _fresh(self, index: int) -> Sample:
        return self.factory.group(index, 1)[0].sample

    def episode(self, index: int) -> Episode:
        """A fresh episode on a sample."""
        return self.factory.on(self._sample(index))

    def rewards(self, indices: list[int], written: list[list[int]]) -> list[float]:
        """Returns of what was written, by our rules.

        Args:
            indices: Samples.
            written: Ids of each conversation after its opening.
        """
        episodes = [self.episode(index) for index in indices]
        cases = []
        for episode, ids in zip(episodes, written, strict=True):
            case = None
            for text, ended in self._turns(ids):
                if not episode.done:
                    case = episode.step(text, cut_off=not ended).case
            if case is not None:
                cases.append((episode, case))
        verdicts = self.env.judge.judge([case for _, case in cases])
        for (episode, _), verdict in zip(cases, verdicts, strict=True):
            episode.settle(verdict)
        self.played += episodes
        return [sum(episode.reward_terms.values()) for episode in episodes]

    def _turns(self, ids: list[int]) -> list[tuple[str, bool]]:
        """The model's own turns of a conversation, and whether each came to its end."""
        text = self.encoder.tokenizer.decode(ids, skip_special_tokens=False)
        parts = text.split("<|im_start|>assistant\n")
        return [(part.split("<|im_end|>")[0], "<|im_end|>" in part) for part in parts]


class Tools:
    """One rollout as TRL wants it: public methods but `reset` are tools."""

    def __init__(self, world: World) -> None:
        self._world = world

    def reset(self, index: int, **_row: Any) -> list[dict[str, Any]]:
        """Starts an episode; what it gives is added to the last message of the row."""
        self._episode = self._world.episode(index)
        return blocks(self._episode.messages[-1])

    def resize_image(self, action: str) -> list:  # type: ignore[type-arg]
        """Shows the image at a higher resolution.

        Args:
            action: What to do, always "resize".

        Returns:
            The sharper image.
        """
        if action != "resize":
            raise ValueError("action must be resize.")
        self._episode.step(self._episode.forced_request or "")
        return blocks(self._episode.messages[-1])


def blocks(message: Message) -> list[dict[str, Any]]:
    """A message's parts as Hugging Face chat templates take them."""
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image", "image": part}
        for part in message.content
    ]


def make_processor(model_dir: str) -> Any:
    """The checkpoint's processor, made fit for tools."""
    from transformers import AutoProcessor
    from trl.chat_template_utils import qwen3_template

    processor = AutoProcessor.from_pretrained(model_dir)
    processor.chat_template = processor.tokenizer.chat_template = TEMPLATE
    processor.tokenizer.padding_side = "left"
    processor.tokenizer.response_template = qwen3_template
    return processor


def check_tokens(processor: Any, world: World, opening: list[dict[str, Any]], index: int) -> None:
    """Compares what the model reads, of an episode with a request, with what it reads with us.

    Args:
        processor: TRL's.
        world: The environment, and our encoder.
        opening: The row's prompt, to whose last message the episode adds its own.
        index: Which sample.

    Raises:
        TrlError: If the tokens differ.
    """
    episode, encoder = world.episode(index), world.encoder
    ours = encoder.opening(episode.messages)
    messages = [*opening[:-1], {"role": "user", "content": blocks(episode.messages[-1])}]
    request = episode.forced_request or ""
    episode.step(request)
    ours += [*encoder.encode(request), encoder.eos, *encoder.continuation(episode.messages[-1])]
    said = {"role": "assistant", "content": [{"type": "text", "text": request}]}
    tool = {"role": "tool", "name": "resize_image", "content": blocks(episode.messages[-1])}
    (theirs,) = processor.apply_chat_template(
        [*messages, said, tool], add_generation_prompt=True, tokenize=True, return_dict=False
    )
    pad = encoder.image_pad
    once = [t for n, t in enumerate(theirs) if t != pad or n == 0 or theirs[n - 1] != pad]
    if once != ours or theirs.count(pad) != episode.visual_tokens:
        raise TrlError("TRL's prompt has other tokens than ours; its template fits Qwen2.5-VL.")
