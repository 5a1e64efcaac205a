"""SkyRL-Gym 0.4: `SkyRLEnv`, a `BaseTextEnv` whose messages hold the images.

Importing this registers it under the id ``visionthink``, for ``env_class`` of a SkyRL dataset.
https://github.com/NovaSky-AI/SkyRL
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import skyrl_gym
from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

from vt_env.adapters.chat import chat_messages
from vt_env.adapters.conversation import Conversation
from vt_env.adapters.shared import chosen_sample, plain, shared_env
from vt_env.errors import ConfigError

SKYRL_ID = "visionthink"
"""Id that `skyrl_gym.make` takes, and ``env_class`` of the rows."""


class SkyRLEnv(BaseTextEnv):
    """One episode in SkyRL's form: OpenAI messages in, the text of a turn out.

    The sample is the one that the dataset's row names, so ``extra_info.index`` (or
    ``extra_info.sample_id``) must be a column of it. The row's own prompt is not used: what the
    policy is told first holds an image, which a prompt of texts cannot.

    Args:
        env_config: Settings of `VisionThinkEnv`, plain values.
        extras: The dataset's row.

    Raises:
        ConfigError: If a setting cannot work, or the row means no sample.
    """

    def __init__(self, env_config: Any = None, extras: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self._env = shared_env(plain(env_config))
        self._index = chosen_sample(self._env, plain(extras))
        self.max_turns = self._env.factory.config.max_turns
        self._talk: Conversation | None = None

    def init(self, prompt: Sequence[Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:  # noqa: ARG002 - the row's
        """Starts the episode.

        Args:
            prompt: The row's prompt, which is not used.

        Returns:
            The opening as OpenAI messages, images as ``image_url`` parts; and what is known of the
            sample.
        """
        self._talk = Conversation(self._env, self._index)
        self.turns = 0
        sample = self._talk.episode.sample
        known = {"sample_id": sample.sample_id, "index": self._index, "family": sample.family}
        return chat_messages(self._talk.opening), known

    def step(self, action: str) -> BaseTextEnvStepOutput:
        """Takes the policy's turn.

        Returns:
            What it is told next, this turn's reward, whether the episode is over, and in
            ``metadata`` the reward's terms by name, the ending, the answer and the faults so far.
        """
        talk = self._open()
        message = talk.reply(action)
        self.turns += 1
        episode = talk.episode
        terms = dict(episode.turn_records[-1].reward_terms)
        return BaseTextEnvStepOutput(
            observations=chat_messages([message] if message else []),
            reward=float(sum(terms.values())),
            done=talk.done,
            metadata={
                "reward_terms": terms,
                "ending": str(episode.ending) if episode.ending else None,
                "answer": episode.answer,
                "problems": list(episode.problems),
            },
        )

    def get_metrics(self) -> dict[str, float]:
        """What SkyRL logs of the episode: `Conversation.metrics`, and each reward term so far."""
        talk = self._open()
        terms = {f"reward_{name}": value for name, value in talk.reward_terms.items()}
        return {**talk.metrics, **terms}

    def close(self) -> None:
        """Drops the episode; the environment behind it is shared, and stays."""
        self._talk = None

    def _open(self) -> Conversation:
        if self._talk is None:
            raise ConfigError("No episode is under way; call init() first.")
        return self._talk


def register() -> None:
    """Registers the environment with SkyRL-Gym; does nothing when it is registered."""
    if SKYRL_ID not in skyrl_gym.registry:
        skyrl_gym.register(id=SKYRL_ID, entry_point="vt_env.adapters.skyrl_gym:SkyRLEnv")


register()
