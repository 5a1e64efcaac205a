"""``visionthink data preview``: a contact sheet of a dataset, as a person and the policy see it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from benchmarks.data.sources import DataSource
from benchmarks.report.contact_sheet import Card, contact_sheet
from benchmarks.report.terminal import console, progress_bar
from vt_env import (
    SUITES,
    ConfigError,
    Dataset,
    Episode,
    EpisodeConfig,
    RewardConfig,
    Sample,
    World,
    load_template,
)
from vt_env.settings.fields import setting
from vt_env.settings.ranges import Numbers

SEARCH = 20
"""Samples that are looked at for one that is shown, so that every family is."""
MOST = 400
"""Samples on one sheet at most."""
LEGEND = (
    "Left: the whole image. Right: its low-resolution view, enlarged: what the policy sees first."
)


@dataclass(frozen=True)
class PreviewSettings(DataSource):
    """What is drawn."""

    samples: int = setting(24, "Samples on the sheet, spread over the families.", Numbers(1, MOST))
    columns: int = setting(4, "Samples in a row.", Numbers(1, 12))
    side: int = setting(
        336, "Images are fitted into squares of this side, in pixels.", Numbers(112, 1024)
    )


def preview(source: DataSource, samples: int, columns: int, side: int, out: Path) -> Path:
    """Draws a contact sheet and saves it.

    Args:
        source: The dataset.
        samples: Samples on the sheet, spread over the families.
        columns: Samples in a row.
        side: Side of the squares that images are fitted into, in pixels.
        out: The file, which ends in ``.png``.

    Returns:
        The file.

    Raises:
        ConfigError: If a setting is out of range, or the file is not a PNG.
        ImageError: If an image cannot be read.
    """
    for name, value, low, high in (
        ("samples", samples, 1, MOST),
        ("columns", columns, 1, 12),
        ("side", side, 112, 1024),
    ):
        if not low <= value <= high:
            raise ConfigError(f"{name} must lie in [{low}, {high}], got {value}.")
    if out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: the sheet is written as PNG; choose a name that ends in .png.")
    dataset = source.open()
    groups: dict[str, list[Card]] = {}
    chosen = choose(dataset, samples)
    with progress_bar() as bar:
        task = bar.add_task("samples", total=len(chosen))
        for sample in chosen:
            groups.setdefault(sample.family, []).append(card(sample))
            bar.advance(task)
    sheet = contact_sheet(
        _title(dataset), LEGEND, groups, side, min(columns, max(map(len, groups.values())))
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out)
    console.print(
        f"{out}: {len(chosen)} samples, {sheet.width}x{sheet.height} pixels.",
        markup=False,
        soft_wrap=True,
    )
    return out


def choose(dataset: Dataset, count: int) -> list[Sample]:
    """The first samples of every family, by family, alike many of each as far as there are.

    Args:
        dataset: Where they come from.
        count: How many; no more than `SEARCH` times as many are looked at.
    """
    found: dict[str, list[Sample]] = {}
    expected = _families(dataset)
    share = math.ceil(count / len(expected)) if expected else count
    for index in range(min(len(dataset), SEARCH * count)):
        sample = dataset[index]
        mine = found.setdefault(sample.family, [])
        if len(mine) < count:
            mine.append(sample)
        if expected and all(len(found.get(family, ())) >= share for family in expected):
            break
    ranked = sorted(
        ((rank, family) for family, mine in found.items() for rank in range(len(mine))),
    )[:count]
    return [found[family][rank] for rank, family in sorted(ranked, key=lambda item: item[::-1])]


def _families(dataset: Dataset) -> tuple[str, ...]:
    """Families that are sure to come, where that is known."""
    if not isinstance(dataset, World):
        return ()
    return dataset.families or tuple(name for group in SUITES.find(dataset.suite) for name in group)


def _title(dataset: Dataset) -> str:
    if not isinstance(dataset, World):
        return f"{dataset.name}: {len(dataset)} samples"
    drawn = ", ".join(dataset.families) or f"suite {dataset.suite}"
    return f"{dataset.name}, seed {dataset.seed}, {drawn}, canvas of {dataset.canvas} pixels"


def card(sample: Sample) -> Card:
    """What the sheet says of a sample; the low view is the one that an episode opens with.

    Raises:
        ImageError: If the image cannot be read.
    """
    episode = Episode(sample, EpisodeConfig(), RewardConfig(), load_template("brief"))
    full, low = sample.image.load(), episode.observation.image
    lines = [(f"Question: {sample.question}", 3)]
    if sample.choices:
        lettered = (f"{chr(ord('A') + n)} {text}" for n, text in enumerate(sample.choices))
        lines.append((f"Choices: {' | '.join(lettered)}", 2))
    kind = f" ({sample.kind})" if sample.kind else ""
    lines.append((f"Answer: {' or '.join(sample.answers)}{kind}", 2))
    return Card(
        full=full,
        low=low,
        captions=(
            f"{full.width} x {full.height}, {episode.full_tokens} tokens",
            f"{low.width} x {low.height}, {episode.visual_tokens} tokens",
        ),
        lines=tuple(lines),
        badge=_badge(sample),
        why=_why(sample),
        label=sample.sample_id,
    )


def _badge(sample: Sample) -> str:
    if sample.needs_high_res is None:
        return "in the margin" if "proof" in sample.meta else "need not known"
    return "needs high resolution" if sample.needs_high_res else "low resolution is enough"


def _why(sample: Sample) -> str:
    """How the need is known: the proof and the reason, as far as the sample says."""
    said = [str(sample.meta[key]) for key in ("proof", "why") if sample.meta.get(key)]
    return ": ".join(said)
