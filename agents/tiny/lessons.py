"""What the tiny model is taught with: many questions about a scene, then whole dialogues.

Nothing here says when high resolution is needed: in the dialogues it is asked for at random, so
that the decision is left for reinforcement learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agents.chat import ChatEncoder, expand_images
from agents.vision import Pixels
from vt_env.episode import Episode, EpisodeConfig, Message
from vt_env.images import ImageLimits, resample, shown_size, tokens_of
from vt_env.protocol import Answer, Request, to_text
from vt_env.rewards import RewardConfig
from vt_env.samples import Sample
from vt_env.tasks import TASKS, draw_scene
from vt_env.templates import PromptTemplate

IGNORE = -100
LIMITS = ImageLimits("qwen2_5_vl")
UNSURE = "unclear"
"""The tiny model's whole chain of thought where it asks; where it answers, it is what it reads.

So the wish to ask competes, token against token, with the reading: where nothing can be read, the
reading's probability is spread thin. That is what makes the decision quick to learn.
"""
SILENT_SHARE = 0.15
"""Chance that an answer comes without a thought, so that a forced answer is nothing new."""


@dataclass(frozen=True)
class Lesson:
    """One training sequence.

    Attributes:
        ids: Token ids, images expanded.
        labels: The ids to be learned, `IGNORE` elsewhere; same length.
        images: The images in order, uint8 (height, width, 3).
    """

    ids: list[int]
    labels: list[int]
    images: tuple[Pixels, ...]


class _Writer:
    """Collects ids and labels turn by turn."""

    def __init__(self, encoder: ChatEncoder) -> None:
        self.encoder, self.ids, self.labels = encoder, list[int](), list[int]()
        self.images: list[Pixels] = []

    def given(self, ids: Sequence[int], images: Sequence[Image.Image] = ()) -> None:
        counts = [tokens_of(image.size, LIMITS) for image in images]
        expanded = expand_images(ids, self.encoder.image_pad, counts)
        self.ids += expanded
        self.labels += [IGNORE] * len(expanded)
        self.images += [np.array(image) for image in images]

    def learned(self, text: str) -> None:
        ids = [*self.encoder.encode(text), self.encoder.eos]
        self.ids += ids
        self.labels += ids

    def lesson(self) -> Lesson:
        return Lesson(self.ids, self.labels, tuple(self.images))


def question_lesson(
    rng: np.random.Generator, encoder: ChatEncoder, canvas: int, scale: float
) -> Lesson:
    """A crowded scene and every question about it, in random order.

    Args:
        rng: The only source of randomness.
        encoder: The chat format.
        canvas: Side of the scene, in pixels.
        scale: Resolution that the scene is shown at, as a share of each side.
    """
    scene = draw_scene(rng, canvas, tuple(TASKS), distractor_share=0.9)
    shown = resample(scene.image, shown_size(scene.image.size, scale, LIMITS))
    questions = [question for element in scene.elements for question in element.questions]
    writer = _Writer(encoder)
    for number, which in enumerate(rng.permutation(len(questions))):
        question = questions[int(which)]
        if number == 0:
            writer.given(encoder.opening([Message("user", (shown, question.text))]), [shown])
        else:
            writer.given(encoder.continuation(Message("user", (question.text,))))
        writer.learned(_answer(rng, question.answer))
    return writer.lesson()


def dialogue_lesson(
    rng: np.random.Generator,
    sample: Sample,
    encoder: ChatEncoder,
    template: PromptTemplate,
    request_share: float,
) -> Lesson:
    """A whole episode as the environment plays it; high resolution is asked for by a coin.

    Args:
        rng: Throws the coin.
        sample: The question to be answered.
        encoder: The chat format.
        template: What is said around the images.
        request_share: Chance that high resolution is asked for.
    """
    episode = Episode(sample, EpisodeConfig(limits=LIMITS), RewardConfig(), template)
    writer = _Writer(encoder)
    writer.given(encoder.opening(episode.messages), [episode.observation.image])
    if rng.random() < request_share:
        text = to_text(Request(thought=UNSURE))
        writer.learned(text)
        episode.step(text)
        writer.given(encoder.continuation(episode.messages[-1]), [episode.observation.image])
    writer.learned(_answer(rng, sample.answers[0]))
    return writer.lesson()


def _answer(rng: np.random.Generator, answer: str) -> str:
    return to_text(Answer(answer, "" if rng.random() < SILENT_SHARE else answer))


def pad_lessons(
    lessons: Sequence[Lesson], pad: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pads on the right.

    Returns:
        Ids, attention mask and labels, each int64 of shape (lessons, longest).
    """
    longest = max(len(lesson.ids) for lesson in lessons)
    ids = np.full((len(lessons), longest), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    labels = np.full_like(ids, IGNORE)
    for row, lesson in enumerate(lessons):
        n = len(lesson.ids)
        ids[row, :n], mask[row, :n], labels[row, :n] = lesson.ids, 1, lesson.labels
    return ids, mask, labels
