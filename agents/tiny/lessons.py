"""What the tiny model is taught with: episodes, with further questions about the same scene.

Nothing here says when high resolution is needed: in the dialogues it is asked for at random, so
that the decision is left for reinforcement learning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agents.models.chat import ChatEncoder, expand_images
from agents.models.vision import Pixels
from agents.tiny.marks import Tie, mark_targets, ties_of, written_in
from vt_env import (
    SUITES,
    Answer,
    Episode,
    EpisodeConfig,
    ImageLimits,
    MemoryImage,
    Message,
    PromptTemplate,
    Request,
    RewardConfig,
    Sample,
    to_text,
)
from vt_env.images import tokens_of
from vt_env.tasks import Box, Question, Sheet, draw_scene
from vt_env.tasks.composing import LETTERS, offer
from vt_env.tasks.families.objects import SHAPES
from vt_env.tasks.hatching import PATTERNS
from vt_env.tasks.style import COLORS
from vt_env.tasks.vocabulary import ITEMS
from vt_env.tokens import block_family

IGNORE = -100
UNSURE = "unclear"
"""The tiny model's whole chain of thought where it asks; where it answers, it is what it reads.

So the wish to ask competes, token against token, with the reading: where nothing can be read, the
reading's probability is spread thin. That is what makes the decision quick to learn.
"""
SILENT_SHARE = 0.15
"""Chance that an answer comes without a thought, so that a forced answer is nothing new."""
MOST_QUESTIONS = 5
"""Questions about a scene that one lesson asks."""
LOST_SHARE = 0.25
"""Chance that a further question at low resolution is one that cannot be answered there."""
OFFERED_SHARE = 0.25
"""Chance that a question with known options becomes multiple choice."""
KNOWN_OPTIONS = (PATTERNS, tuple(COLORS), SHAPES, tuple(item.lower() for item in ITEMS))


@dataclass(frozen=True)
class Aim:
    """Where the evidence for a learned turn lies.

    Attributes:
        turn: Places of the turn's tokens in the sequence: first, and one past the last.
        evidence: Places of the visual tokens that hold the evidence.
    """

    turn: tuple[int, int]
    evidence: tuple[int, ...]


@dataclass(frozen=True)
class Lesson:
    """One training sequence.

    Attributes:
        ids: Token ids, images expanded.
        labels: The ids to be learned, `IGNORE` elsewhere; same length.
        images: The images in order, uint8 (height, width, 3).
        marks: What each visual token of all images holds, float32 (visual tokens, classes).
        aims: Where to look for each learned turn.
    """

    ids: list[int]
    labels: list[int]
    images: tuple[Pixels, ...]
    marks: NDArray[np.float32]
    aims: tuple[Aim, ...]


class _Writer:
    """Collects ids and labels turn by turn."""

    def __init__(self, encoder: ChatEncoder, limits: ImageLimits) -> None:
        self.encoder, self.limits = encoder, limits
        self.ids, self.labels = list[int](), list[int]()
        self.images: list[Pixels] = []
        self.marks: list[NDArray[np.float32]] = []
        self.aims: list[Aim] = []
        self._view = (0, 1, 1.0)

    def shown(
        self, ids: Sequence[int], image: Image.Image, sheet: Sheet, ties: Sequence[Tie]
    ) -> None:
        """A turn with a view of a sheet, whose numbers belong to something."""
        block = block_family(self.limits.token_family).block
        self.marks.append(mark_targets(sheet, ties, image.width, block))
        start = len(self.ids)
        self.given(ids, [image])
        grid = image.width // block
        self._view = (self.ids.index(self.encoder.image_pad, start), grid, grid / sheet.side)

    def given(self, ids: Sequence[int], images: Sequence[Image.Image] = ()) -> None:
        """A turn of the user."""
        counts = [tokens_of(image.size, self.limits) for image in images]
        expanded = expand_images(ids, self.encoder.image_pad, counts)
        self.ids += expanded
        self.labels += [IGNORE] * len(expanded)
        self.images += [np.array(image) for image in images]

    def learned(self, text: str, box: Box) -> None:
        """A turn of the model's own, and the part of the sheet that it hangs on."""
        ids = [*self.encoder.encode(text), self.encoder.eos]
        start = len(self.ids)
        self.aims.append(Aim((start, start + len(ids)), self._evidence(box)))
        self.ids += ids
        self.labels += ids

    def _evidence(self, box: Box) -> tuple[int, ...]:
        """Places of the visual tokens of the view shown last that a box touches."""
        first, grid, scale = self._view
        left, top = (int(v * scale) for v in box[:2])
        right, bottom = (math.ceil(v * scale) for v in box[2:])
        rows, columns = range(top, min(bottom, grid)), range(left, min(right, grid))
        return tuple(first + row * grid + column for row in rows for column in columns)

    def lesson(self) -> Lesson:
        marks = np.concatenate(self.marks)
        return Lesson(self.ids, self.labels, tuple(self.images), marks, tuple(self.aims))


def dialogue_lesson(
    rng: np.random.Generator,
    encoder: ChatEncoder,
    limits: ImageLimits,
    template: PromptTemplate,
    canvas: int,
    request_share: float,
) -> Lesson:
    """An episode as the environment plays it, and further questions about what was shown last.

    High resolution is asked for by a coin.

    Args:
        rng: The only source of randomness.
        encoder: The chat format.
        limits: How images are sized.
        template: What is said around the images.
        canvas: Side of the scene, in pixels.
        request_share: Chance that high resolution is asked for.
    """
    scene = draw_scene(rng, canvas, SUITES["mixed"])
    sheet, first = scene.sheet, _offered(rng, scene.sheet, scene.question)
    evidence, ties = _evidence(sheet, first), ties_of(sheet, scene.questions)
    sample = Sample("lesson", first.text, (first.answer,), MemoryImage(scene.image()))
    episode = Episode(sample, EpisodeConfig(limits=limits), RewardConfig(), template)
    writer = _Writer(encoder, limits)
    writer.shown(encoder.opening(episode.messages), episode.observation.image, sheet, ties)
    asks = rng.random() < request_share
    if asks:
        text = to_text(Request(thought=UNSURE))
        writer.learned(text, evidence)
        episode.step(text)
        ids = encoder.continuation(episode.messages[-1])
        writer.shown(ids, episode.observation.image, sheet, ties)
    writer.learned(_answer(rng, sheet, first), evidence)
    others = [
        question
        for number, question in enumerate(scene.questions)
        if number != scene.asked
        and (asks or not question.need.high_res or rng.random() < LOST_SHARE)
    ]
    for which in rng.permutation(len(others))[: MOST_QUESTIONS - 1]:
        question = _offered(rng, sheet, others[int(which)])
        writer.given(encoder.continuation(Message("user", (question.text,))))
        writer.learned(_answer(rng, sheet, question), _evidence(sheet, question))
    return writer.lesson()


def _offered(rng: np.random.Generator, sheet: Sheet, question: Question) -> Question:
    """Makes a question multiple choice now and then, where its options are known."""
    if question.kind == "choice" or rng.random() >= OFFERED_SHARE:
        return question
    options = next((known for known in KNOWN_OPTIONS if question.answer in known), ())
    if not options:
        return question
    count = int(rng.integers(2, min(4, len(options)) + 1))
    return offer(sheet, replace(question, twins={}), options, count)


def _answer(rng: np.random.Generator, sheet: Sheet, question: Question) -> str:
    """The model's last turn: what it reads, as its thought, and the answer that follows from it.

    Of several options it names the right one, not its letter; judges take either.
    """
    reading = _reading(sheet, question)
    thought = "" if rng.random() < SILENT_SHARE else reading
    return to_text(Answer(question.answer if question.choices is None else reading, thought))


def _reading(sheet: Sheet, question: Question) -> str:
    """What is to be seen: the answer itself, unless that is a letter, or a yes about a pattern."""
    if question.choices is not None:
        return question.choices[LETTERS.index(question.answer)]
    if question.hatch is not None:
        return sheet.hatched[question.hatch].pattern
    return question.answer


def _evidence(sheet: Sheet, question: Question) -> Box:
    """Where to look: at the text that is the answer where one is, else at all that suffices."""
    written = written_in(sheet, _reading(sheet, question), question.box)
    return question.box if written is None else written.box


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
