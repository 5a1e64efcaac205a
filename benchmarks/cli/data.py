"""``visionthink data``: looks at datasets, writes them, and labels them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from benchmarks.cli.judge import name_values
from benchmarks.cli.options import (
    Backend,
    Bounds,
    Canvas,
    Judge,
    JudgeParam,
    MaxModelLen,
    MaxNewTokens,
    MaxPixels,
    MinPixels,
    Model,
    Plugin,
    Prompt,
)
from benchmarks.data.sources import DataSource
from benchmarks.evaluation.play import PlaySettings
from benchmarks.report.terminal import console
from benchmarks.training.settings import TrainSettings
from vt_env.checkpoints import image_limits, read_checkpoint
from vt_env.data.load import DATASETS, load_dataset
from vt_env.episode import EpisodeConfig
from vt_env.errors import DataError, DatasetError
from vt_env.images.ladder import check_ladder
from vt_env.samples import Dataset

app = typer.Typer(no_args_is_help=True, help="Look at datasets, write them, and label them.")
Opt = typer.Option
LADDER_SAMPLES = 1000
"""Samples whose sizes `check` looks at for the ladder of resolutions."""
_DEFAULTS = TrainSettings()

Data = Annotated[str, Opt(help="'world', or a dataset: a file of rows, a folder, hf:name.")]
Split = Annotated[
    str | None,
    Opt(help="World: train, validation, test or generalisation; else a part of the dataset."),
]
Suite = Annotated[str | None, Opt(help="World: mixed, ocr or general.")]
Families = Annotated[
    str | None, Opt(help="World: families instead of a suite, with commas between them.")
]
Seed = Annotated[int | None, Opt(help="World: its seed.")]
Config = Annotated[str | None, Opt(help="Which configuration of a folder or hub dataset.")]
Answers = Annotated[
    str | None, Opt(help="Answers to questions with options: index (from 0), letter or text.")
]


@app.command()
def check(
    path: Annotated[
        str,
        typer.Argument(help="A .jsonl, .json, .csv, .tsv or .parquet file, a folder, or hf:name."),
    ],
    split: Annotated[
        str | None, typer.Option(help="Which part of a folder or hub dataset.")
    ] = None,
    config: Config = None,
    root: Annotated[Path | None, typer.Option(help="Folder that image paths start from.")] = None,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="Fetch images given as http(s) addresses.")
    ] = False,
    answers: Answers = None,
    images: Annotated[
        str | None,
        typer.Option(
            "--check",
            help="decode: every pixel; header: sizes and formats; none: rows only. Default: decode "
            "for files of text, header for parquet.",
        ),
    ] = None,
    canvas: Canvas = None,
    model: Annotated[
        str | None, typer.Option(help="Checkpoint whose token family and bounds are meant.")
    ] = None,
    token_family: Annotated[
        str | None, typer.Option(help="Token family; else the checkpoint's, or qwen2_5_vl.")
    ] = None,
    min_pixels: MinPixels = None,
    max_pixels: MaxPixels = None,
    bounds: Bounds = None,
    plugin: Plugin = None,  # noqa: ARG001 - imported by now
) -> None:
    """Read every row and open every image; list all that cannot be used.

    Bad rows are listed as they are found and memory stays constant, however many there are. Says
    too of how many of the first samples a higher resolution can be asked for.
    """
    played = read_checkpoint(model) if model is not None else None
    limits = image_limits(played, token_family, min_pixels, max_pixels, bounds)
    given = {
        "split": split,
        "config": config,
        "root": root,
        "answers": answers,
        "check": images,
        "allow_urls": allow_urls or None,
        "canvas": canvas,
    }
    settings = {name: value for name, value in given.items() if value is not None}
    dataset = _load(path, settings)
    first = dataset[0] if len(dataset) else None
    console.print(f"{path}: {len(dataset)} samples, all usable.", markup=False, soft_wrap=True)
    if first is not None:
        size = "" if images == "none" else " ({}x{} pixels)".format(*first.image.size())
        console.print(
            f"The first: {first.question!r} about {first.image.name}{size}, "
            f"answers {list(first.answers)}.",
            markup=False,
            soft_wrap=True,
        )
    if images != "none":
        _report_ladder(dataset, EpisodeConfig(limits=limits))


def _report_ladder(dataset: Dataset, config: EpisodeConfig) -> None:
    """Says of how many of the first samples a higher resolution can be asked for."""
    found = check_ladder(dataset, config, LADDER_SAMPLES)
    if found.share is not None:
        style = "bold red" if found.poor else None
        console.print(found.describe(config), style=style, markup=False, soft_wrap=True)


@app.command()
def preview(
    data: Data = "world",
    split: Split = None,
    suite: Suite = None,
    families: Families = None,
    seed: Seed = None,
    canvas: Canvas = None,
    config: Config = None,
    answers: Answers = None,
    samples: Annotated[int, Opt(help="Samples on the sheet, spread over the families.")] = 24,
    columns: Annotated[int, Opt(help="Samples in a row.")] = 4,
    side: Annotated[int, Opt(help="Images are fitted into squares of this side, in pixels.")] = 336,
    plugin: Plugin = None,  # noqa: ARG001
    out: Annotated[Path, Opt(help="The picture, a .png file.")] = Path("preview.png"),
) -> None:
    """Draw a contact sheet: images, what the policy sees of them, questions, answers and need."""
    from benchmarks.data.preview import preview as draw

    source = DataSource(data, split, suite, families, seed, canvas, config, answers)
    draw(source, samples, columns, side, out)


@app.command()
def export(
    out: Annotated[Path, Opt(help="A .parquet file, which is replaced, or a folder for it.")],
    data: Data = "world",
    split: Split = None,
    suite: Suite = None,
    families: Families = None,
    seed: Seed = None,
    canvas: Canvas = None,
    config: Config = None,
    answers: Answers = None,
    samples: Annotated[
        int, Opt(help="At most this many samples; 0: all of a file, 1000 of the world.")
    ] = 0,
    plugin: Plugin = None,  # noqa: ARG001
) -> None:
    """Write a dataset as parquet in the VisionThink schema, images inside."""
    from benchmarks.data.export import export as write

    source = DataSource(data, split, suite, families, seed, canvas, config, answers)
    write(source, out, samples)


@app.command()
def label(
    out: Annotated[Path, Opt(help="JSON lines; a file of a run that was stopped is gone on with.")],
    data: Data = "world",
    split: Split = None,
    suite: Suite = None,
    families: Families = None,
    seed: Seed = None,
    canvas: Canvas = None,
    config: Config = None,
    answers: Answers = None,
    model: Model = _DEFAULTS.model,
    backend: Backend = _DEFAULTS.backend,
    judge: Judge = _DEFAULTS.judge,
    judge_param: JudgeParam = None,
    prompt: Prompt = None,
    rollouts: Annotated[int, Opt(help="Answers at each resolution.")] = 8,
    temperature: Annotated[float, Opt(help="Sampling temperature.")] = 1.0,
    low_correct: Annotated[
        int | None, Opt(help="low_enough: right answers needed at both; else all rollouts.")
    ] = None,
    gap: Annotated[
        int | None, Opt(help="needs_high: right at high less right at low; else 6 of 8.")
    ] = None,
    samples: Annotated[
        int, Opt(help="At most this many samples; 0: all of a file, 1000 of the world.")
    ] = 0,
    sampling_seed: Annotated[int, Opt(help="Seed of the rollouts.")] = 0,
    batch: Annotated[int, Opt(help="Samples played at once; memory grows with it.")] = 16,
    max_new_tokens: MaxNewTokens = None,
    max_model_len: MaxModelLen = None,
    min_pixels: MinPixels = None,
    max_pixels: MaxPixels = None,
    bounds: Bounds = None,
    plugin: Plugin = None,  # noqa: ARG001 - imported by now
) -> None:
    """Label samples low_enough, needs_high or undecided by rollouts at both resolutions."""
    from benchmarks.labelling.rule import LabelRule
    from benchmarks.labelling.run import LabelSettings, label_dataset

    settings = LabelSettings(
        source=DataSource(data, split, suite, families, seed, canvas, config, answers),
        play=PlaySettings(
            model, backend, prompt, max_new_tokens, max_model_len, min_pixels, max_pixels, bounds
        ),
        rule=LabelRule.of(rollouts, low_correct, gap),
        judge={"name": judge, **name_values(judge_param or [])},
        temperature=temperature,
        samples=samples,
        seed=sampling_seed,
        batch=batch,
    )
    label_dataset(settings, out)


def _load(path: str, settings: Mapping[str, Any]) -> Dataset:
    """Loads a dataset with a progress bar where there is a terminal.

    Raises:
        typer.Exit: With code 2 when there were bad rows; they are printed by then.
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
            raise typer.Exit(2) from error
