"""How fast the environment is, as ratios measured in one run.

    python -m benchmarks.speed.env                    # about two minutes
    python -m benchmarks.speed.env --episodes 10000   # shorter memory run

Prints, with the bound that each is held to:

- env against bare Pillow: a whole episode (first view, request, high-resolution view, answer)
  on 1024-pixel JPEGs, divided by opening, decoding and resizing the same files to the same sizes;
- first observation of a 12-megapixel JPEG: full decode and resize, divided by the env's reset;
- vector stepping: time a turn of one env, divided by time a turn of 64 stepped together;
- memory: resident size after all episodes, divided by that after the first tenth.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vt_env import Answer, FileImage, Request, Sample, VisionThinkEnv, VisionThinkVectorEnv, to_text

REQUEST, ANSWER = to_text(Request(thought="unclear")), to_text(Answer("cat", "clear"))


@dataclass(frozen=True)
class Pictures:
    """A dataset of picture files."""

    paths: tuple[Path, ...]
    name: str = "pictures"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Sample:
        return Sample(str(index), "What is it?", ("cat",), FileImage(self.paths[index]))


@dataclass(frozen=True)
class Figure:
    """One measured ratio and the bound that it is held to."""

    name: str
    ratio: float
    bound: float
    at_most: bool

    @property
    def holds(self) -> bool:
        """Whether the ratio keeps its bound."""
        return self.ratio <= self.bound if self.at_most else self.ratio >= self.bound

    def __str__(self) -> str:
        sign = "<=" if self.at_most else ">="
        verdict = "ok" if self.holds else "MISSED"
        return f"{self.name:<52} {self.ratio:7.3f}   {sign} {self.bound:<5} {verdict}"


def draw(folder: Path, count: int, width: int, height: int, suffix: str = ".jpg") -> Pictures:
    """Writes pictures with the detail of photographs: noise over smooth shapes."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        coarse = rng.integers(0, 256, (height // 32 + 1, width // 32 + 1, 3), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        noise = rng.normal(0, 8, (height, width, 1))
        pixels = np.clip(np.asarray(smooth) + noise, 0, 255).astype(np.uint8)
        paths.append(folder / f"{width}x{height}-{number}{suffix}")
        Image.fromarray(pixels).save(paths[-1], quality=90)
    return Pictures(tuple(paths))


def compare(first: Callable[[], object], second: Callable[[], object], rounds: int) -> float:
    """Time of `first` over time of `second`: the median of rounds taken in turn."""
    ratios = []
    for _ in range(rounds):
        start = time.perf_counter()
        first()
        middle = time.perf_counter()
        second()
        ratios.append((middle - start) / (time.perf_counter() - middle))
    return statistics.median(ratios)


def bare_view(path: Path, size: tuple[int, int], reduced: bool) -> np.ndarray:
    """What anyone would write with Pillow: open, decode, resize to what is shown."""
    with Image.open(path) as image:
        if reduced:
            image.draft("RGB", size)
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def against_pillow(folder: Path, rounds: int) -> Figure:
    """Whole episodes on 1024-pixel JPEGs against the same image work, scaled decode included."""
    pictures = draw(folder, 4, 1024, 768)
    env = VisionThinkEnv(pictures)
    sizes = []
    env.reset(options={"index": 0})
    for _ in range(2):
        assert env.episode is not None
        sizes.append(env.episode.observation.image.size)
        env.step(REQUEST)

    def episodes() -> None:
        for index in range(len(pictures)):
            env.reset(options={"index": index})
            env.step(REQUEST)
            env.step(ANSWER)

    def bare() -> None:
        for path in pictures.paths:
            for size in sizes:
                bare_view(path, size, reduced=True)

    episodes()
    bare()
    ratio = compare(episodes, bare, rounds)
    return Figure("episode / bare Pillow, 1024-pixel JPEG", ratio, 1.10, True)


def first_observation(folder: Path, rounds: int) -> Figure:
    """First view of a 12-megapixel JPEG against full decode and resize."""
    pictures = draw(folder, 1, 4000, 3000)
    env = VisionThinkEnv(pictures)
    env.reset(seed=0)
    assert env.episode is not None
    size = env.episode.observation.image.size
    path = pictures.paths[0]
    ratio = compare(lambda: bare_view(path, size, False), env.reset, rounds)
    return Figure("full decode + resize / first observation, 12 MP", ratio, 2.5, False)


def vector_stepping(folder: Path, rounds: int) -> Figure:
    """Time a turn of one env against time a turn of 64 together; every turn answers."""
    pictures = draw(folder, 8, 256, 256)
    turns = 64
    single = VisionThinkEnv(pictures)
    vector = VisionThinkVectorEnv(turns, data=pictures, autoreset_mode="SameStep")
    vector.reset(seed=0)
    single.reset(seed=0)

    def one() -> None:
        for _ in range(turns):
            single.step(ANSWER)
            single.reset()

    def together() -> None:
        vector.step([ANSWER] * turns)

    one()
    together()
    return Figure("one env / 64 envs together, a turn", compare(one, together, rounds), 1.0, False)


def memory(folder: Path, episodes: int) -> Figure:
    """Resident memory at the end against that after a tenth of the episodes."""
    import psutil

    env = VisionThinkEnv(draw(folder, 8, 112, 112, ".png"))
    process = psutil.Process()
    early = 0
    for episode in range(episodes):
        env.reset()
        env.step(ANSWER if episode % 2 else REQUEST)
        if episode == episodes // 10:
            early = process.memory_info().rss
    ratio = process.memory_info().rss / early
    return Figure(f"resident memory, {episodes} episodes / a tenth", ratio, 1.05, True)


def main() -> None:
    """Measures everything and prints a line each; exits with 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--episodes", type=int, default=100_000, help="of the memory run")
    parser.add_argument("--rounds", type=int, default=15, help="a ratio is the median of so many")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = []
        for measure in (against_pillow, first_observation, vector_stepping):
            figures.append(measure(folder, options.rounds))
            print(figures[-1], flush=True)
        figures.append(memory(folder, options.episodes))
        print(figures[-1])
    if not all(figure.holds for figure in figures):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
