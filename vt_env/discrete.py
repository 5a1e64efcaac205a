"""`VisionThinkDiscreteEnv`: the same decision with fixed shapes, for stock RL libraries."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from vt_env.data.load import hands_on
from vt_env.env import VisionThinkEnv
from vt_env.errors import ConfigError
from vt_env.images.views import fixed_size
from vt_env.protocol import Answer, Request, to_text
from vt_env.samples import Dataset

FloatArray = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
QUESTION_FEATURES = 64
REQUEST = 0
"""The action that requests the higher resolution, or what the tools in force show in its place."""


class VisionThinkDiscreteEnv(gymnasium.Env[dict[str, FloatArray | Pixels], np.int64]):
    """`VisionThink-v0` for agents that neither read nor write text.

    ## Description
    The same episodes, rules and rewards as `VisionThinkEnv`, with observations of fixed shape and
    a finite list of answers, so that PPO as it comes with RLlib or Stable-Baselines3 trains on it.

    ## Observation Space
    A `Dict` of boxes:

    | key        | shape                               | meaning                                   |
    |------------|-------------------------------------|-------------------------------------------|
    | `image`    | uint8 (image_size, image_size, 3)   | the image last shown, resized             |
    | `question` | float32 (64,)                       | hashed bag of the question's words, in    |
    |            |                                     | [-1, 1]                                   |
    | `state`    | float32 (2,)                        | turns taken of `max_turns`; 1 once it has |
    |            |                                     | asked                                     |

    Pixels are bytes with the channels last, as libraries expect of images: Stable-Baselines3 gives
    them to its CNN (`MultiInputPolicy`), from 36 pixels a side. `FlattenObservation` makes one
    float32 vector of everything; scale its pixels before a plain MLP reads them.

    ## Action Space
    `Discrete(1 + len(answers))`: 0 asks for the higher resolution, k answers `answers[k - 1]`.

    ## Starting State
    A sample drawn uniformly from the dataset, shown at `resolutions[0]`;
    `reset(options={"index": 7})` and `reset(options={"sample_id": "test-0-7"})` choose it.

    ## Rewards
    As for `VisionThinkEnv`: an episode returns

        accuracy * score + format * well_formed - price * visual_tokens / full_tokens

    The format is always kept, except by asking in vain. A right direct answer returns about 1.475
    by default, a right answer after asking about 1.375.

    ## Episode End
    As for `VisionThinkEnv`: the episode terminates and is never truncated; `info["ending"]` is
    `answered`, `abstained`, `turn_limit` (asked in the last turn) or, when asking in vain ends the
    episode (`invalid_call="end"`), `malformed`.

    ## Information
    The keys of `VisionThinkEnv`, from `reset` and from `step`.

    ## Arguments
    ```python
    import gymnasium
    env = gymnasium.make("vt_env:VisionThinkDiscrete-v0", families=("objects", "textures"))
    ```

    Args:
        answers: What can be answered; None: every answer among the dataset's first 1,000 samples.
        image_size: Side of the observed image, in pixels.
        render_mode: As for `VisionThinkEnv`.
        **settings: Those of `VisionThinkEnv`.

    Raises:
        ConfigError: If there is no answer to give, or `image_size` is not positive.

    ## Version History
    * v0: initial version
    """

    metadata = VisionThinkEnv.metadata

    def __init__(
        self,
        *,
        answers: Sequence[str] | None = None,
        image_size: int = 112,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        if image_size < 1:
            raise ConfigError(f"image_size must be at least 1, got {image_size}.")
        with hands_on(VisionThinkDiscreteEnv):
            self.inner = VisionThinkEnv(render_mode=render_mode, **settings)
        self.render_mode = render_mode
        self.answers = tuple(answers) if answers is not None else all_answers(self.inner.dataset)
        if not self.answers or not all(answer.strip() for answer in self.answers):
            raise ConfigError("answers must be at least one text, none of them blank.")
        self.image_size = image_size
        self.action_space = spaces.Discrete(1 + len(self.answers))
        self.observation_space = spaces.Dict(
            {
                "image": spaces.Box(0, 255, (image_size, image_size, 3), np.uint8),
                "question": spaces.Box(-1.0, 1.0, (QUESTION_FEATURES,), np.float32),
                "state": spaces.Box(0.0, 1.0, (2,), np.float32),
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, FloatArray | Pixels], dict[str, Any]]:
        """Starts an episode; arguments, info and errors as for `VisionThinkEnv.reset`."""
        super().reset(seed=seed)
        _, info = self.inner.reset(seed=seed, options=options)
        return self._observe(), info

    def step(
        self, action: np.int64 | int
    ) -> tuple[dict[str, FloatArray | Pixels], float, bool, bool, dict[str, Any]]:
        """Takes a turn.

        Args:
            action: 0 to request, k to answer `answers[k - 1]`.

        Raises:
            gymnasium.error.InvalidAction: If there is no such action.
            gymnasium.error.ResetNeeded: If no episode is under way.
        """
        if not self.action_space.contains(action):
            raise gymnasium.error.InvalidAction(
                f"An action is an integer in [0, {len(self.answers)}], got {action!r}."
            )
        turn = self._request() if action == REQUEST else to_text(self._answer(int(action)))
        _, reward, terminated, truncated, info = self.inner.step(turn)
        return self._observe(), reward, terminated, truncated, info

    def render(self) -> Any:
        """As `VisionThinkEnv.render`."""
        return self.inner.render()

    def _answer(self, action: int) -> Answer:
        return Answer(self.answers[action - 1].strip())

    def _request(self) -> str:
        """A turn that calls a tool in force; where there is none, a request in vain."""
        episode = self.inner.episode
        if episode is None or Request.tool in episode.config.tools:
            return to_text(Request())
        return episode.forced_request or to_text(Request())

    def _observe(self) -> dict[str, FloatArray | Pixels]:
        episode = self.inner.episode
        if episode is None:
            raise gymnasium.error.ResetNeeded("No episode is under way; call reset() first.")
        seen = episode.observation
        image = fixed_size(seen.image, (self.image_size, self.image_size))
        state = [episode.turn / episode.config.max_turns, float(episode.requested)]
        return {
            "image": np.array(image, np.uint8),
            "question": question_features(seen.question),
            "state": np.array(state, np.float32),
        }


def question_features(question: str) -> FloatArray:
    """Hashes the words of a question into a vector of length 64, L2 norm 1.

    The same on every machine: each word adds +1 or -1 at the place that its hash names.
    """
    features = np.zeros(QUESTION_FEATURES, np.float32)
    for word in re.findall(r"\w+", question.lower()):
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=2).digest()
        features[digest[0] % QUESTION_FEATURES] += 1.0 if digest[1] % 2 else -1.0
    norm = float(np.linalg.norm(features))
    return features / np.float32(norm) if norm else features


def all_answers(dataset: Dataset, samples: int = 1000) -> tuple[str, ...]:
    """First accepted answers of a dataset's first `samples` samples: distinct, sorted."""
    found = (dataset[index].answers[0] for index in islice(range(len(dataset)), samples))
    return tuple(sorted(set(found)))
