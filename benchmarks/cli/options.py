"""Options that several commands share, and the long ones of `visionthink train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from judges.plugins import load_plugins

Opt = typer.Option

Backend = Annotated[str, Opt(help="Engine: vllm or transformers.")]
Bounds = Annotated[
    str | None,
    Opt(help="each_view, or full_view: what the pixel bounds hold for; else the checkpoint's."),
]
Canvas = Annotated[int | None, Opt(help="World: side of the images, in pixels, 112 to 2048.")]
CheckpointEvery = Annotated[int, Opt(help="Iterations between checkpoints.")]
EvalData = Annotated[
    str | None, Opt(help="Dataset to evaluate on; else the test split, or --data.")
]
Judge = Annotated[str, Opt(help="Judge of the answers.")]
JudgeParam = Annotated[list[str] | None, Opt(help="Its settings, as name=value; may be repeated.")]
MaxAbstentionShare = Annotated[
    float, Opt(help="Stop when the judge abstains on a larger share of answers.")
]
MaxModelLen = Annotated[
    int | None, Opt(help="Longest conversation, in tokens; else the checkpoint's.")
]
MaxNewTokens = Annotated[int | None, Opt(help="Longest turn, in tokens; else the checkpoint's.")]
MaxPixels = Annotated[int | None, Opt(help="Largest area shown; else the checkpoint's.")]
MicroBatchSize = Annotated[int, Opt(help="Trajectories through the model at once; 0: all.")]
MinPixels = Annotated[int | None, Opt(help="Smallest area shown; else the checkpoint's.")]
Model = Annotated[str, Opt(help="Checkpoint directory.")]
Plugin = Annotated[
    list[str] | None,
    Opt(
        "--plugin",
        help="Module of your own to import, a name or a path; may be repeated.",
        callback=lambda names: load_plugins(names or []) or names,
        is_eager=True,
    ),
]
NumEnvRunners = Annotated[int, Opt(help="Env runner processes; 0: share the trainer's process.")]
NumGenerations = Annotated[int, Opt(help="Episodes a prompt (the group).")]
NumIterations = Annotated[int, Opt(help="Optimiser passes over each batch.")]
Prompt = Annotated[
    str | None, Opt(help="Prompt template: a name or a TOML file; else the checkpoint's.")
]
Resume = Annotated[Path | None, Opt(help="Go on with this run folder; its own settings are used.")]
ShaperParam = Annotated[
    list[str] | None, Opt(help="Its parameters, as name=number; may be repeated.")
]
UntaggedAnswer = Annotated[
    str | None, Opt(help="Answers without tags: malformed or judge; else as the rewards have it.")
]
