"""The world as TRL's `environment_factory` wants it: episodes, their rules and rewards are ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from agents import ChatEncoder
from vt_env import Episode, EpisodeFactory, Message, Sample, VisionThinkEnv


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
        """Makes the episodes."""
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
    """One rollout as TRL's `environment_factory` wants it: public methods are tools."""

    def __init__(self, world: World) -> None:
        self._world = world

    def reset(self, index: int, **_row: Any) -> list[dict[str, Any]]:
        """Begins the episode of a sample; returns its first user turn."""
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
    return [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image", "image": part}
        for part in message.content
    ]
