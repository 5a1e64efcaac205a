"""The images of an episode, drawn again from its dataset, with where the answer really is.

Records keep no images. The rules, the dataset and the limits are in a run's ``settings.json``, so
taking an episode's turns again shows exactly what the policy saw: low view, sharper view or crop.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image

from benchmarks.report.html.runs import Run
from benchmarks.training.settings import TrainSettings
from vt_env import ConfigError, Episode, EpisodeFactory, Sample, open_env
from vt_env.images import SharedImage

Box = tuple[float, float, float, float]
SIDE = 640
"""Longest side of an image in a report, in pixels; larger ones are reduced."""
QUALITY = 82


@dataclass(frozen=True)
class Seen:
    """An image that an episode showed.

    Attributes:
        image: As the policy saw it.
        box: The place of the answer in it, as shares of its sides; None where it is not known or
            not in it.
    """

    image: Image.Image
    box: Box | None


@dataclass
class Pictures:
    """Images as ``data:`` addresses, each once, up to a bound.

    Attributes:
        most: Most bytes of all addresses together.
        found: Addresses by name.
        left_out: Images that there was no room for.
    """

    most: int
    found: dict[str, str] = field(default_factory=dict)
    left_out: int = 0
    _size: int = 0

    def add(self, image: Image.Image) -> str | None:
        """Keeps an image; returns its name, or None where there is no room for it."""
        name = hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()[:12]
        if name in self.found:
            return name
        address = encoded(image)
        if self._size + len(address) > self.most:
            self.left_out += 1
            return None
        self._size += len(address)
        self.found[name] = address
        return name


def encoded(image: Image.Image) -> str:
    """An image as a ``data:`` address: WebP, without loss where that is no larger."""
    shown = image.copy()
    shown.thumbnail((SIDE, SIDE))
    found = []
    for options in ({"lossless": True}, {"quality": QUALITY}):
        file = io.BytesIO()
        shown.save(file, "WEBP", method=4, **options)
        found.append(file.getvalue())
    return f"data:image/webp;base64,{base64.b64encode(min(found, key=len)).decode()}"


@contextmanager
def opened(run: Run, training: bool) -> Iterator[EpisodeFactory]:
    """What makes the episodes of a run's evaluation, or of its training.

    Raises:
        VisionThinkError: If the dataset, the checkpoint or a plugin is no longer there, or the
            settings are of another version.
    """
    settings = TrainSettings.load(run.path / "settings.json")
    given = settings.train_env() if training else settings.eval_env()
    env = open_env(settings.env.id, **given)
    try:
        yield env.factory
    finally:
        env.close()


def replayed(factory: EpisodeFactory, sample: Sample, record: Mapping[str, Any]) -> list[Seen]:
    """The images that an episode showed, in order.

    Args:
        factory: From `opened`.
        sample: From `sample_at`.
        record: Of the episode.

    Raises:
        ImageError: If the image can no longer be read.
    """
    episode = factory.on(sample)
    shown = [_seen(episode)]
    turns: Sequence[Mapping[str, Any]] = record["turns"]
    for turn in turns[:-1]:
        if episode.done:
            break
        episode.step(turn["action"])
        if turn.get("tool") is not None:
            shown.append(_seen(episode))
    return shown


def sample_at(factory: EpisodeFactory, index: int, sample_id: str) -> Sample:
    """The sample of a record; its views are made once.

    Raises:
        ConfigError: If another one is at its place by now.
    """
    dataset = factory.dataset
    found = dataset[index] if 0 <= index < len(dataset) else None
    if found is None or found.sample_id != sample_id:
        raise ConfigError(f"{dataset.name}: has no sample {sample_id!r} at {index} any more.")
    return replace(found, image=SharedImage(found.image))


def _seen(episode: Episode) -> Seen:
    left, top, right, bottom = episode.region
    wide, high = episode.sample.image.size()
    region = (left / wide, top / high, right / wide, bottom / high)
    box = true_box(episode.sample, (wide, high))
    return Seen(episode.observation.image, box and within(box, region))


def true_box(sample: Sample, size: tuple[int, int]) -> Box | None:
    """Where the answer is, as shares of the image's sides; None where nothing says it."""
    told = sample.meta.get("box")
    if not isinstance(told, list | tuple) or len(told) != 4:
        return None
    try:
        left, top, right, bottom = (float(value) for value in told)
    except (TypeError, ValueError):
        return None
    return left / size[0], top / size[1], right / size[0], bottom / size[1]


def within(box: Box, region: Box) -> Box | None:
    """A box of the whole as shares of a region; None where it lies outside."""
    wide, high = region[2] - region[0], region[3] - region[1]
    found = (
        max(0.0, (box[0] - region[0]) / wide),
        max(0.0, (box[1] - region[1]) / high),
        min(1.0, (box[2] - region[0]) / wide),
        min(1.0, (box[3] - region[1]) / high),
    )
    return found if found[0] < found[2] and found[1] < found[3] else None
