"""Shared by the environment's tests: real pictures, and small samples made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib
import skimage
import sklearn.datasets
from PIL import Image

from judges import JudgeCase, RuleJudge, Verdict
from vt_env.episode import Episode, EpisodeConfig
from vt_env.images.views import FileImage, MemoryImage
from vt_env.rewards import RewardConfig
from vt_env.samples import Sample
from vt_env.templates import load_template

SUFFIXES = {".png", ".jpg", ".gif", ".tif"}
UNREADABLE = Path(skimage.__file__).parent / "data" / "multipage_rgb.tif"
"""A TIFF with four planes of float pixels, which Pillow cannot read."""
ASTRONAUT = Path(skimage.__file__).parent / "data" / "astronaut.png"

THINK = "<think>clear</think>"
CALL = '<tool_call>{"name": "resize_image", "arguments": {"action": "resize"}}</tool_call>'
REQUEST = f"<think>unclear</think>{CALL}"
BAD_CALL = "<think>unclear</think><tool_call>{not json}</tool_call>"

INFO_KEYS = {
    "sample_id",
    "index",
    "family",
    "reward_terms",
    "visual_tokens",
    "full_tokens",
    "requested",
    "well_formed",
    "problems",
    "ending",
    "answer",
    "verdict",
    "outcome",
}


def answer(text: str) -> str:
    return f"{THINK}<answer>{text}</answer>"


def real_pictures() -> list[Path]:
    """The photographs, scans and plots that scikit-image, scikit-learn and matplotlib ship."""
    folders = (
        Path(skimage.__file__).parent / "data",
        Path(sklearn.datasets.__file__).parent / "images",
        Path(matplotlib.get_data_path()) / "sample_data",
    )
    found = (path for folder in folders for path in folder.iterdir())
    return sorted(path for path in found if path.suffix in SUFFIXES and path != UNREADABLE)


SAMPLE = Sample("one", "Who is it?", ("Eileen Collins",), FileImage(ASTRONAUT), needs_high_res=True)


def memory_sample(width: int = 168, height: int = 168, **changes: Any) -> Sample:
    image = MemoryImage(Image.linear_gradient("L").resize((width, height)))
    return replace(SAMPLE, image=image, **changes)


@dataclass(frozen=True)
class ListDataset:
    """A dataset in memory."""

    samples: tuple[Sample, ...]
    name: str = "list"

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


class AbstainingJudge:
    """A judge that can never decide."""

    name = "abstaining"

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        return [Verdict(None, "timeout", self.name) for _ in cases]


def new_episode(sample: Sample | None = None, **config: Any) -> Episode:
    return Episode(
        sample or memory_sample(), EpisodeConfig(**config), RewardConfig(), load_template("brief")
    )


def play(episode: Episode, *turns: str) -> list[dict[str, float]]:
    """Plays the turns, judging answers by rule; returns the reward terms of each."""
    history = []
    for text in turns:
        transition = episode.step(text)
        terms = dict(transition.reward_terms)
        if transition.case is not None:
            terms |= episode.settle(RuleJudge().judge([transition.case])[0])
        history.append(terms)
    return history
