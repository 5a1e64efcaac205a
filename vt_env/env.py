"""`VisionThinkEnv`: the Gymnasium face of an `Episode`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from judges import JudgeLike, make_judge
from vt_env.checkpoints import image_limits, read_checkpoint
from vt_env.data.load import find_sample, hands_on, load_dataset
from vt_env.episode import Episode, EpisodeConfig
from vt_env.errors import ConfigError, UnknownNameError
from vt_env.factory import EpisodeFactory
from vt_env.images.ladder import warn_of_a_flat_ladder
from vt_env.protocol import Answer, Request, to_text
from vt_env.render import RENDER_MODES, render
from vt_env.rewards import RewardConfig, reward_config, untagged_rule
from vt_env.samples import Dataset
from vt_env.spaces import ImageSpace, UnicodeText
from vt_env.templates import PromptTemplate, load_template

MAX_VISUAL_TOKENS = 2**31
"""Exclusive bound of the observation ``visual_tokens``; no episode comes near it."""
SAMPLE_PHRASES = (
    to_text(Request(thought="unclear")),
    to_text(Answer("yes", "clear")),
    to_text(Answer("A", "clear")),
    to_text(Answer("42", "clear")),
)
"""Turns that `action_space.sample` draws half of the time."""
DEFAULT_PROMPT = "brief"
"""Prompt template where neither it nor a checkpoint is named."""
RESET_OPTIONS = ("sample_id", "index")


class VisionThinkEnv(gymnasium.Env[dict[str, Any], str]):
    """Answer a question about a downscaled image, or ask for the sharp one.

    ## Description
    An agent sees an image at reduced resolution and a question about it. It answers, or calls a
    tool that shows the same image at a higher resolution, cut from the original pixels, and then
    answers. A judge that sees only text scores the answer. Every image shown is priced by the
    visual tokens that a vision-language model would spend on it, so the agent learns *when* the
    sharp image is worth its price (VisionThink, arXiv 2507.13348).

    ## Observation Space
    A `Dict`:

    | key             | space                         | meaning                              |
    |-----------------|-------------------------------|--------------------------------------|
    | `image`         | `ImageSpace`: uint8 (H, W, 3) | the image last shown; sizes vary     |
    | `question`      | `UnicodeText`                 | the question and its options         |
    | `feedback`      | `UnicodeText`                 | what the tool last said; first `""`  |
    | `turn`          | `Discrete(max_turns + 1)`     | turns taken                          |
    | `visual_tokens` | `Discrete(2**31)`             | visual tokens shown so far           |

    ## Action Space
    `UnicodeText`: what the agent writes in its turn, any string of any length. In the protocol of
    `vt_env.protocol` that is one of

        <think>…</think><answer>…</answer>
        <think>…</think><tool_call>
        {"name": "resize_image", "arguments": {"action": "resize"}}</tool_call>

    An optional `"scale"` in the arguments names a level of `resolutions`; without it the next
    level is shown. With `tools=("resize", "crop")` there is also

        <think>…</think><tool_call>
        {"name": "crop_image", "arguments": {"box": [left, top, right, bottom]}}</tool_call>

    whose box is in pixels of the image last shown and whose image is cut from the original.
    Text outside of the protocol is never an error: it has a named outcome.

    An image so small that the model's processor enlarges it (for Qwen2.5-VL: below 56 x 56 pixels
    when halved) may look the same at two levels. Asking for a level that shows nothing new is an
    invalid call, `no_higher_resolution`.

    ## Starting State
    A sample is drawn uniformly from the dataset by the env's own generator. It is shown at
    `resolutions[0]`. `reset(options={"index": 7})` and `reset(options={"sample_id": "test-0-7"})`
    choose the sample.

    ## Rewards
    Each step's reward is the sum of the named terms in `info["reward_terms"]`:

    | term         | when                 | value                                           |
    |--------------|----------------------|-------------------------------------------------|
    | `accuracy`   | an answer was judged | `rewards.accuracy * score`, score in [0, 1]     |
    | `format`     | the last step        | `rewards.format` if every turn kept it, or 0    |
    | `token_cost` | images await payment | `-rewards.price * tokens / full_tokens`         |

    The first image is paid for with the first turn, a further one with the turn that asked for
    it. An episode's return is therefore

        accuracy * score + format * well_formed - price * visual_tokens / full_tokens

    With the defaults (1, 0.5, 0.1; a ladder of a half and 1) a right direct answer returns about
    1.475 and a right answer after a request about 1.375. When the judge abstains there is no
    `accuracy` term; an abstention is not a 0.

    ## Episode End
    The episode terminates; it is never truncated. `info["ending"]` says why:

    - `answered`: the agent answered and the judge decided.
    - `abstained`: the agent answered and the judge could not decide.
    - `malformed`: the turn was neither an answer nor a call (or, with `invalid_call="end"`, an
      invalid call). What stands inside of its thought is neither.
    - `turn_limit`: the agent called a tool in its last turn.
    - `too_long`: the turn had more than `max_action_chars` characters.

    Rollouts that generate text themselves also know `cut_off` (the generation limit) and
    `context_limit`; an env's step is never either.

    An invalid call before the last turn gets `feedback` instead and spends the turn.

    ## Information
    `reset` and `step` return the same keys:

    | key             | value                                                           |
    |-----------------|-----------------------------------------------------------------|
    | `sample_id`     | the sample's id                                                 |
    | `index`         | the sample's index in the dataset                               |
    | `family`        | what kind of sample it is                                       |
    | `reward_terms`  | named terms of this step's reward; `{}` after `reset`           |
    | `visual_tokens` | visual tokens shown so far                                      |
    | `full_tokens`   | visual tokens of one view at full resolution                    |
    | `requested`     | whether a higher resolution was shown                           |
    | `well_formed`   | whether every turn so far kept the format                       |
    | `problems`      | names of the faults so far, in order                            |
    | `ending`        | `None`, or the name of the ending                               |
    | `answer`        | `None`, or the answer without tags                              |
    | `verdict`       | `None`, or the judge's `Verdict`                                |
    | `outcome`       | `None`, or the `Outcome` that group shapers read                |

    ## Arguments
    ```python
    import gymnasium
    env = gymnasium.make("vt_env:VisionThink-v0", data="world", judge="rule", rewards="priced")
    ```

    Args:
        data: Name of a dataset, path of a ``.jsonl`` file, or a `Dataset`. (`vt_env.data.load`)
        judge: Name of a registered judge, or a `Judge`.
        rewards: Name of a preset, a `RewardConfig`, or a mapping with some of its fields.
        prompt: Name of a prompt template, or the path of a TOML file. Templates speak in
            `feedback` and in the conversations that `new_episode` builds. None: the checkpoint's,
            ``"brief"`` without one.
        resolutions: Ladder of views as shares of each side of the full view, rising to 1.
        max_turns: Turns of an episode.
        checkpoint: Directory of the Hugging Face checkpoint that is to play; it gives the token
            family, the pixel bounds and the prompt that are not set. Only its JSON files are read.
        token_family: Whose visual tokens are counted: qwen2_vl, qwen2_5_vl, qwen3_vl, internvl or
            llava_onevision. None: the checkpoint's, qwen2_5_vl without one.
        min_pixels: Smallest area shown, in pixels. None: the checkpoint's, or the family's own.
        max_pixels: Largest area shown, in pixels. None: the checkpoint's, or the family's own.
        bounds: What the two hold for: ``"each_view"``, or ``"full_view"`` before it is made
            smaller. None: the checkpoint's, ``"each_view"`` without one.
        invalid_call: ``"feedback"`` or ``"end"``.
        tools: What the agent may call: ``"resize"``, ``"crop"`` or both.
        untagged_answer: What becomes of a turn with neither a call nor answer tags:
            ``"malformed"``, or ``"judge"``: what follows its thought is judged, without the format
            reward. None: ``"judge"`` with ``rewards="paper"``, as the published run has it, else
            ``"malformed"``.
        max_action_chars: Longest turn that is read, in characters.
        render_mode: One of ``metadata["render_modes"]``, or None.
        **data_settings: Settings of the dataset, such as ``split="test"`` and ``seed=1`` for the
            embedded world, or ``check="header"`` for a file.

    Raises:
        UnknownNameError: If a name is in no registry; suggests the closest.
        UnknownSettingError: If there is no such setting; suggests the closest of the env's and
            the dataset's.
        ConfigError: If a setting cannot work; names it and the accepted range.
        DatasetError: If rows of the dataset cannot be used; lists all of them.

    Warns:
        LadderWarning: If of fewer than half of the first 8 samples a higher resolution can be
            asked for: their low view costs what the full one does.

    ## Version History
    * v0: initial version
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 1}  # noqa: RUF012 (as the base class has it)
    episode_class: type[Episode] = Episode  # what a subclass changes: it is played everywhere

    def __init__(
        self,
        data: str | Path | Dataset = "world",
        *,
        judge: str | JudgeLike | Mapping[str, Any] = "rule",
        rewards: str | RewardConfig | Mapping[str, Any] = "priced",
        prompt: str | Path | PromptTemplate | None = None,
        resolutions: Sequence[float] = EpisodeConfig.resolutions,
        max_turns: int = EpisodeConfig.max_turns,
        checkpoint: str | Path | None = None,
        token_family: str | None = None,
        min_pixels: int | None = None,
        max_pixels: int | None = None,
        bounds: str | None = None,
        invalid_call: str = EpisodeConfig.invalid_call,
        tools: Sequence[str] = EpisodeConfig.tools,
        untagged_answer: str | None = None,
        max_action_chars: int = EpisodeConfig.max_action_chars,
        render_mode: str | None = None,
        **data_settings: Any,
    ) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise UnknownNameError("render mode", render_mode, self.metadata["render_modes"])
        self.render_mode = render_mode
        played = read_checkpoint(checkpoint) if checkpoint is not None else None
        limits = image_limits(played, token_family, min_pixels, max_pixels, bounds)
        config = EpisodeConfig(
            resolutions=_listed("resolutions", resolutions),
            max_turns=max_turns,
            limits=limits,
            invalid_call=invalid_call,
            max_action_chars=max_action_chars,
            tools=_listed("tools", tools),
            untagged_answer=untagged_answer or untagged_rule(rewards),
        )
        if prompt is None:
            prompt = played.defaults.prompt if played else DEFAULT_PROMPT
        template = prompt if isinstance(prompt, PromptTemplate) else load_template(prompt)
        weights = reward_config(rewards)
        weights.own_terms  # noqa: B018 - unknown names and parameters are told now
        made = make_judge(judge)
        self._own_judge = made if isinstance(judge, str | Mapping) else None
        self.judge: JudgeLike = made if isinstance(judge, str | Mapping) else judge
        with hands_on(VisionThinkEnv):
            dataset = load_dataset(data, **data_settings)
        if not len(dataset):
            raise ConfigError(f"Dataset {dataset.name!r} is empty.")
        warn_of_a_flat_ladder(dataset, config)
        self.factory = EpisodeFactory(dataset, config, weights, template, self.episode_class)
        self.observation_space = observation_space(max_turns)
        self.action_space = UnicodeText(SAMPLE_PHRASES)
        self.episode: Episode | None = None
        self._index = -1

    @property
    def dataset(self) -> Dataset:
        """Where the samples come from."""
        return self.factory.dataset

    def new_episode(self, index: int) -> Episode:
        """Starts an episode on the sample at `index`, apart from the env's own.

        Raises:
            ImageError: If the sample's image cannot be read.
        """
        return self.factory.episode(index)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Starts an episode.

        Args:
            seed: Seed of the env's generator, which draws the samples; None: go on as it is.
            options: ``{"index": int}`` or ``{"sample_id": str}`` choose the sample.

        Returns:
            The first observation, and the info.

        Raises:
            ConfigError: If an option is unknown or means no sample.
            ImageError: If the sample's image cannot be read.
        """
        super().reset(seed=seed)
        self._index = choose_index(self.dataset, self.np_random, options)
        self.episode = self.factory.episode(self._index)
        self._show()
        return observe(self.episode), describe(self.episode, self._index, {})

    def close(self) -> None:
        """Closes the judge if this env made it; a judge that was given stays open."""
        if self._own_judge is not None:
            self._own_judge.close()

    def step(self, action: str) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Takes the agent's turn.

        Args:
            action: What the agent wrote.

        Returns:
            Observation, reward, terminated, truncated (always False), info.

        Raises:
            gymnasium.error.InvalidAction: If `action` is not a `str`.
            gymnasium.error.ResetNeeded: If no episode is under way.
        """
        if not isinstance(action, str):
            raise gymnasium.error.InvalidAction(
                f"An action is the text of a turn (str), got {type(action).__name__}."
            )
        if self.episode is None or self.episode.done:
            raise gymnasium.error.ResetNeeded("No episode is under way; call reset() first.")
        transition = self.episode.step(action)
        terms = dict(transition.reward_terms)
        if transition.case is not None:
            terms |= self.episode.settle(self.judge.judge([transition.case])[0])
        self._show()
        info = describe(self.episode, self._index, terms)
        reward = float(sum(terms.values()))
        return observe(self.episode), reward, self.episode.done, False, info

    def render(self) -> Any:
        """Shows the episode so far: question, images, turns, reward; at the end the right answer.

        Returns:
            ``"rgb_array"``: uint8 array (600, 960, 3); ``"ansi"``: text; ``"human"``: None, it
            prints the text after every reset and step too, and on a terminal a picture above it.
        """
        return render(self.episode, self.render_mode)

    def _show(self) -> None:
        if self.render_mode == "human":
            self.render()


def _listed(name: str, value: Sequence[Any]) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ConfigError(f"{name} is a list, got {value!r}.")
    return tuple(value)


def observation_space(max_turns: int) -> spaces.Dict:
    """The observation space of episodes of at most `max_turns` turns."""
    return spaces.Dict(
        {
            "image": ImageSpace(),
            "question": UnicodeText(),
            "feedback": UnicodeText(),
            "turn": spaces.Discrete(max_turns + 1),
            "visual_tokens": spaces.Discrete(MAX_VISUAL_TOKENS),
        }
    )


def choose_index(
    dataset: Dataset, rng: np.random.Generator, options: Mapping[str, Any] | None
) -> int:
    """Index of the sample to start on: the one that `options` name, or a random one.

    Raises:
        ConfigError: If an option is unknown or means no sample.
    """
    options = options or {}
    for key in options:
        if key not in RESET_OPTIONS:
            raise ConfigError(f"reset takes the options {', '.join(RESET_OPTIONS)}; not {key!r}.")
    if len(options) > 1:
        raise ConfigError("reset takes either index or sample_id, not both.")
    if "sample_id" in options:
        return find_sample(dataset, str(options["sample_id"]))
    if "index" not in options:
        return int(rng.integers(len(dataset)))
    index = options["index"]
    if not isinstance(index, int | np.integer) or not 0 <= index < len(dataset):
        raise ConfigError(f"index must be an integer in [0, {len(dataset) - 1}], got {index!r}.")
    return int(index)


def observe(episode: Episode) -> dict[str, Any]:
    """What the policy sees now, as a member of `observation_space`."""
    seen = episode.observation
    return {
        "image": np.array(seen.image, dtype=np.uint8),
        "question": seen.question,
        "feedback": seen.feedback,
        "turn": seen.turn,
        "visual_tokens": seen.visual_tokens,
    }


def describe(episode: Episode, index: int, terms: Mapping[str, float]) -> dict[str, Any]:
    """The info of a step whose reward had the given terms; keys as in `VisionThinkEnv`."""
    return {
        "sample_id": episode.sample.sample_id,
        "index": index,
        "family": episode.sample.family,
        "reward_terms": dict(terms),
        "visual_tokens": episode.visual_tokens,
        "full_tokens": episode.full_tokens,
        "requested": episode.requested,
        "well_formed": episode.well_formed,
        "problems": tuple(episode.problems),
        "ending": str(episode.ending) if episode.ending else None,
        "answer": episode.answer,
        "verdict": episode.verdict,
        "outcome": episode.outcome if episode.done else None,
    }
