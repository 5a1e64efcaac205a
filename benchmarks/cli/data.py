"""``visionthink data``: looks at datasets, writes them, and labels them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from benchmarks.cli.commands import command, option
from benchmarks.data.export import ExportSettings
from benchmarks.data.preview import PreviewSettings
from benchmarks.data.sources import DataSource
from benchmarks.labelling.run import LabelSettings
from benchmarks.report.terminal import console
from vt_env import (
    DATASETS,
    DataError,
    Dataset,
    DatasetError,
    EpisodeConfig,
    image_limits,
    load_dataset,
    read_checkpoint,
)
from vt_env.config import EnvSettings
from vt_env.images import check_ladder
from vt_env.settings.fields import setting

app = App(name="data", help="Look at datasets, write them, and label them.")
LADDER_SAMPLES = 1000
"""Samples whose sizes `check` looks at for the ladder of resolutions."""


@dataclass(frozen=True)
class CheckSettings(DataSource):
    """What is checked, and for whom it would be shown."""

    model: Path | None = setting(
        None, "Checkpoint whose token family and pixel bounds are meant. None: those of env."
    )
    env: EnvSettings = field(default_factory=EnvSettings)

    def rules(self) -> EpisodeConfig:
        """The rules that say how large the images are shown."""
        env, played = self.env, read_checkpoint(self.model) if self.model is not None else None
        limits = image_limits(played, env.token_family, env.min_pixels, env.max_pixels, env.bounds)
        return EpisodeConfig(env.resolutions, limits=limits)


@command(app, CheckSettings, "data check", positional="data.name")
def check(settings: CheckSettings) -> None:
    """Read every row and open every image; list all that cannot be used.

    Bad rows are listed as they are found and memory stays constant, however many there are. Says
    too of how many of the first samples a higher resolution can be asked for.
    """
    rules, path = settings.rules(), settings.data.name
    dataset = _load(path, settings.settings())
    first = dataset[0] if len(dataset) else None
    console.print(f"{path}: {len(dataset)} samples, all usable.", markup=False, soft_wrap=True)
    unseen = settings.data.check == "none"
    if first is not None:
        size = "" if unseen else " ({}x{} pixels)".format(*first.image.size())
        console.print(
            f"The first: {first.question!r} about {first.image.name}{size}, "
            f"answers {list(first.answers)}.",
            markup=False,
            soft_wrap=True,
        )
    if not unseen:
        _report_ladder(dataset, rules)


def _report_ladder(dataset: Dataset, config: EpisodeConfig) -> None:
    """Says of how many of the first samples a higher resolution can be asked for."""
    found = check_ladder(dataset, config, LADDER_SAMPLES)
    if found.share is not None:
        style = "bold red" if found.poor else None
        console.print(found.describe(config), style=style, markup=False, soft_wrap=True)


@command(app, PreviewSettings, "data preview")
def preview(
    settings: PreviewSettings,
    *,
    out: Annotated[Path, option("The picture, a .png file.")] = Path("preview.png"),
) -> None:
    """Draw a contact sheet: images, what the policy sees of them, questions, answers and need."""
    from benchmarks.data.preview import preview as draw

    draw(settings, settings.samples, settings.columns, settings.side, out)


@command(app, ExportSettings, "data export")
def export(
    settings: ExportSettings,
    *,
    out: Annotated[Path, option("A .parquet file, which is replaced, or a folder for it.")],
) -> None:
    """Write a dataset as parquet in the VisionThink schema, images inside."""
    from benchmarks.data.export import export as write

    write(settings, out, settings.samples)


@command(app, LabelSettings, "data label")
def label(
    settings: LabelSettings,
    *,
    out: Annotated[Path, option("JSON lines; a file of a run that was stopped is gone on with.")],
) -> None:
    """Label samples low_enough, needs_high or undecided by rollouts at both resolutions."""
    from benchmarks.labelling.run import label_dataset

    label_dataset(settings, out)


def _load(path: str, settings: Mapping[str, Any]) -> Dataset:
    """Loads a dataset with a progress bar where there is a terminal.

    Raises:
        SystemExit: With code 2 when there were bad rows; they are printed by then.
    """
    listed = False

    def show(error: DataError) -> None:
        nonlocal listed
        listed = True
        console.print(str(error), markup=False, soft_wrap=True)

    bar = Progress(
        TextColumn("checking"),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("checking", total=1.0)

        def progress(share: float) -> None:
            bar.update(task, completed=share)

        watch: dict[str, Any] = {"progress": progress, "on_error": show}
        try:
            return load_dataset(path, **settings, **({} if path in DATASETS else watch))
        except DatasetError as error:
            if not listed:  # not a row, but the whole source is at fault
                raise
            console.print(f"{error.bad} of {error.rows} rows cannot be used.", style="red")
            sys.exit(2)
