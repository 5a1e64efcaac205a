"""lmms-eval 0.7: ``--model visionthink``, a whole episode inside `generate_until`.

Installed beside lmms-eval, the entry point of this package's `MANIFEST` makes the name known.
https://github.com/EvolvingLMMs-Lab/lmms-eval
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lmms_eval.api.instance import GenerationResult, Instance, TokenCounts
from lmms_eval.api.model import lmms
from lmms_eval.models.registry_v2 import ModelManifest
from loguru import logger
from PIL import Image

from agents import CHECKPOINT, Trajectory, make_backend, most_images, prepare_imports
from agents.engine import EngineSettings
from benchmarks.evaluation.play import Player, PlaySettings, batches, first_indices
from vt_env import ConfigError, FileImage, MemoryImage, Sample, open_env
from vt_env.config import EnvSettings
from vt_env.images import BytesImage, ImageSource

prepare_imports()
MANIFEST = ModelManifest(
    model_id="visionthink", chat_class_path="benchmarks.homes.lmms_eval.VisionThink"
)
EPISODES = 64
"""Episodes that are played at once."""
_UNKNOWN = "?"
"""Stands for the answer, which a model is not told; lmms-eval's task scores."""


@dataclass(frozen=True)
class Asked:
    """Requests of a task as a dataset.

    Attributes:
        name: Of the task.
        samples: One a request.
    """

    name: str
    samples: tuple[Sample, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


@dataclass
class EpisodeCounts(TokenCounts):
    """What lmms-eval writes of a request (``token_counts`` of a logged sample), and the episode's.

    Attributes:
        visual_tokens: Visual tokens of all images shown.
        full_tokens: Those of one view at full resolution.
        requests: Further images that the policy was shown.
        turns: Turns that it took.
        ending: How the episode ended.
        problems: Names of the faults of its turns.
    """

    visual_tokens: int = 0
    full_tokens: int = 0
    requests: int = 0
    turns: int = 0
    ending: str = ""
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of them, as they are written."""
        own = {f.name: getattr(self, f.name) for f in fields(EpisodeCounts)}
        told = {**own, "problems": list(self.problems)}
        return {name: value for name, value in told.items() if value is not None}


class VisionThink(lmms):
    """A checkpoint that is played with our engines; the bare answer is what a task gets to see.

    Args:
        pretrained: Hugging Face checkpoint directory; the embedded model unless told.
        backend: Engine: ``transformers`` or ``vllm``.
        prompt: Prompt template; None: the checkpoint's.
        resolutions: Ladder of views with colons between, such as ``0.5:1``.
        max_turns: Turns of an episode.
        tools: What the policy may call, with colons between, such as ``resize:crop``.
        max_new_tokens: Longest turn, in tokens; None: the checkpoint's. What a task allows for an
            answer is no limit of a turn, which thinks and asks too.
        max_model_len: Longest conversation, in tokens; None: the checkpoint's.
        temperature: 0 is greedy.
        seed: Seed of the sampling.
        batch_size: As lmms-eval gives it, not used: `EPISODES` are played at once.
        device: As lmms-eval gives it, not used: the engine knows its device.
        max_batch_size: As lmms-eval gives it, not used.

    Raises:
        BackendError: If `pretrained` is no checkpoint that the engines can play.
        ConfigError: If a setting cannot work.
    """

    is_simple = False

    def __init__(
        self,
        pretrained: str = str(CHECKPOINT),
        backend: str = "transformers",
        prompt: str | None = None,
        resolutions: str | Sequence[float] = EnvSettings.resolutions,
        max_turns: int = EnvSettings.max_turns,
        tools: str | Sequence[str] = EnvSettings.tools,
        max_new_tokens: int | None = None,
        max_model_len: int | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        batch_size: int | str | None = None,  # noqa: ARG002 - lmms-eval's
        device: str | None = None,  # noqa: ARG002
        max_batch_size: int | None = None,  # noqa: ARG002
    ) -> None:
        super().__init__()
        engine = EngineSettings(
            model_dir=str(pretrained),
            backend=backend,
            max_new_tokens=max_new_tokens,
            max_model_len=max_model_len,
        )
        rules = EnvSettings(
            prompt=prompt,
            resolutions=_levels(resolutions),
            max_turns=max_turns,
            tools=_parts(tools),
        )
        self._settings = PlaySettings(engine=engine, env=rules)
        self._used = self._settings.known()
        self._temperature, self._seed = temperature, seed
        self._backend = make_backend(
            engine.backend,
            engine.model_dir,
            images=most_images(rules),
            max_model_len=self._used.max_model_len,
        )
        self._said: set[str] = set()

    def generate_until(self, requests: Sequence[Instance]) -> list[GenerationResult]:
        """Plays an episode a request.

        Returns:
            The bare answers; empty where an episode ended without one. With each what is logged of
            it: tokens, requests, ending.

        Raises:
            ConfigError: If a request does not have exactly one image.
            ImageError: If an image cannot be read.
        """
        if not requests:
            return []
        samples = tuple(self._sample(request) for request in requests)
        asked = Asked(str(requests[0].task_name), samples)
        env = open_env(data=asked, **self._settings.model_env())
        try:
            player = Player(self._backend, env, self._used.max_new_tokens, self._seed)
            indices = first_indices(len(asked), len(asked))
            played = [
                episode
                for batch in batches(indices, EPISODES, what="episodes")
                for episode in player.once(batch, self._temperature)
            ]
        finally:
            env.close()
        return [GenerationResult(t.answer or "", counts_of(t)) for t in played]

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        """Not to be had: an answer's likelihood hangs on what the policy asks to see before it."""
        raise NotImplementedError(
            f"{len(requests)} requests for a likelihood: an episode has an answer, and none. "
            "Choose a task whose output_type is generate_until."
        )

    def generate_until_multi_round(self, requests: Sequence[Instance]) -> list[str]:
        """Not to be had: the rounds of an episode are the policy's to decide, not the task's."""
        raise NotImplementedError(
            f"{len(requests)} requests in rounds of the task's own. "
            "Choose a task whose output_type is generate_until."
        )

    def clean(self) -> None:
        """Frees the engine; lmms-eval calls it when all requests are answered."""
        self._backend.close()
        super().clean()

    def _sample(self, request: Instance) -> Sample:
        _, to_messages, wanted, doc_id, task, split = request.args
        self._say(task, wanted)
        where = f"{task}/{split}/{doc_id}"
        question, images = read_turns(where, to_messages(self.task_dict[task][split][doc_id]))
        if len(images) != 1:
            raise ConfigError(f"{where}: an episode is about one image; this has {len(images)}.")
        return Sample(where, question, (_UNKNOWN,), source_of(where, images[0]))

    def _say(self, task: str, wanted: Mapping[str, Any]) -> None:
        """Says once a task which of its settings of generation do not hold."""
        if task in self._said:
            return
        self._said.add(task)
        turn = self._used.max_new_tokens
        if (allowed := wanted.get("max_new_tokens")) is not None:
            logger.warning(
                f"{task}: its max_new_tokens={allowed} is for a bare answer; a turn of an episode "
                f"thinks and asks too, and may take {turn} tokens (max_new_tokens of --model_args)."
            )
        ours = {"temperature": self._temperature, "do_sample": self._temperature > 0}
        asked = {name: wanted[name] for name in ours if wanted.get(name) is not None}
        if other := {name: value for name, value in asked.items() if value != ours[name]}:
            named = ", ".join(f"{name}={value}" for name, value in other.items())
            logger.warning(
                f"{task}: {named} does not hold; temperature={self._temperature} of --model_args "
                "does."
            )


def counts_of(episode: Trajectory) -> EpisodeCounts:
    """What is logged of an episode; the prompt's tokens are all that were not sampled."""
    drawn = sum(episode.mask)
    return EpisodeCounts(
        input_tokens=len(episode.ids) - drawn,
        output_tokens=drawn,
        visual_tokens=episode.visual_tokens,
        full_tokens=episode.full_tokens,
        requests=episode.outcome.requests,
        turns=len(episode.record.turns),
        ending=str(episode.ending),
        problems=episode.problems,
    )


def read_turns(where: str, messages: object) -> tuple[str, list[Any]]:
    """The text and the images of what a task asks.

    Args:
        where: Task, split and document, for errors.
        messages: What its ``doc_to_messages`` gives.

    Raises:
        ConfigError: If a part is neither a text nor an image.
    """
    texts, images = [], []
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise ConfigError(f"{where}: doc_to_messages gave a {type(messages).__name__}.")
    for message in messages:
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part["type"] == "text":
                texts.append(str(part["text"]).strip())
            elif part["type"] == "image":
                images.append(part["url"])
            else:
                raise ConfigError(f"{where}: a part is {part['type']!r}, neither text nor image.")
    return "\n".join(text for text in texts if text), images


def source_of(where: str, image: Any) -> ImageSource:
    """An image of a task as an episode reads it.

    Args:
        where: Task, split and document, for errors.
        image: A PIL image, the path of a file, or the file's bytes.

    Raises:
        ConfigError: If it is none of these.
    """
    if isinstance(image, Image.Image):
        return MemoryImage(image, where)
    if isinstance(image, bytes | io.BytesIO):
        return BytesImage(image if isinstance(image, bytes) else image.getvalue(), where)
    if isinstance(image, str):
        return FileImage(Path(image))
    raise ConfigError(f"{where}: an image is a {type(image).__name__}.")


def _parts(words: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(words.split(":") if isinstance(words, str) else map(str, words))


def _levels(words: str | float | Sequence[float]) -> tuple[float, ...]:
    if isinstance(words, int | float):  # lmms-eval reads a number alone as one
        return (float(words),)
    try:
        return tuple(map(float, words.split(":") if isinstance(words, str) else words))
    except ValueError as error:
        raise ConfigError(
            f"resolutions are numbers with colons between, such as 0.5:1; got {words!r}."
        ) from error
