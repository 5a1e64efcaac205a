"""The ``visionthink`` command."""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.cli import data as cli_data
from benchmarks.cli import judge as cli_judge
from benchmarks.cli.judge import name_values
from benchmarks.cli.options import (
    Backend,
    Bounds,
    Canvas,
    CheckpointEvery,
    EvalData,
    Judge,
    JudgeParam,
    MaxAbstentionShare,
    MaxModelLen,
    MaxNewTokens,
    MaxPixels,
    MicroBatchSize,
    MinPixels,
    Model,
    NumEnvRunners,
    NumGenerations,
    NumIterations,
    Plugin,
    Prompt,
    Resume,
    ShaperParam,
    UntaggedAnswer,
)
from benchmarks.evaluation.play import PlaySettings
from benchmarks.report.terminal import console
from benchmarks.training.settings import TrainSettings
from vt_env.errors import ConfigError, VisionThinkError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Train and evaluate policies that decide when a sharper image is worth its price.",
    pretty_exceptions_enable=False,
)
app.add_typer(cli_data.app, name="data")
app.add_typer(cli_judge.app, name="judge")
_DEFAULTS = TrainSettings()
Opt = typer.Option


@app.command()
def train(
    seed: Annotated[int, Opt(help="Seed of prompts, sampling and weights.")] = _DEFAULTS.seed,
    iterations: Annotated[int, Opt(help="GRPO iterations.")] = _DEFAULTS.iterations,
    model: Model = _DEFAULTS.model,
    data: Annotated[str, Opt(help="'world', or a dataset file.")] = _DEFAULTS.data,
    eval_data: EvalData = _DEFAULTS.eval_data,
    judge: Judge = _DEFAULTS.judge,
    judge_param: JudgeParam = None,
    max_abstention_share: MaxAbstentionShare = _DEFAULTS.max_abstention_share,
    rewards: Annotated[str, Opt(help="Reward preset.")] = _DEFAULTS.rewards,
    prompt: Prompt = None,
    untagged_answer: UntaggedAnswer = _DEFAULTS.untagged_answer,
    backend: Backend = _DEFAULTS.backend,
    num_env_runners: NumEnvRunners = _DEFAULTS.num_env_runners,
    num_prompts: Annotated[int, Opt(help="Prompts an iteration.")] = _DEFAULTS.num_prompts,
    num_generations: NumGenerations = _DEFAULTS.num_generations,
    lr: Annotated[float, Opt(help="Learning rate.")] = _DEFAULTS.lr,
    beta: Annotated[float, Opt(help="Weight of the KL term.")] = _DEFAULTS.beta,
    epsilon: Annotated[float, Opt(help="Lower clip range.")] = _DEFAULTS.epsilon,
    epsilon_high: Annotated[float, Opt(help="Upper clip range.")] = _DEFAULTS.epsilon_high,
    loss_type: Annotated[str, Opt(help="grpo, dapo or dr_grpo.")] = _DEFAULTS.loss_type,
    advantage_estimator: Annotated[
        str, Opt(help="Advantage estimator.")
    ] = _DEFAULTS.advantage_estimator,
    scale_rewards: Annotated[str, Opt(help="group, batch or none.")] = _DEFAULTS.scale_rewards,
    num_iterations: NumIterations = _DEFAULTS.num_iterations,
    micro_batch_size: MicroBatchSize = _DEFAULTS.micro_batch_size,
    temperature: Annotated[float, Opt(help="Rollout temperature.")] = _DEFAULTS.temperature,
    max_new_tokens: MaxNewTokens = None,
    max_model_len: MaxModelLen = None,
    shaper: Annotated[str, Opt(help="Group shaper.")] = _DEFAULTS.shaper,
    shaper_param: ShaperParam = None,
    min_pixels: MinPixels = None,
    max_pixels: MaxPixels = None,
    bounds: Bounds = None,
    canvas: Canvas = None,
    eval_samples: Annotated[int, Opt(help="Held-out samples.")] = _DEFAULTS.eval_samples,
    checkpoint_every: CheckpointEvery = _DEFAULTS.checkpoint_every,
    threads: Annotated[int, Opt(help="Threads; 0: every core.")] = _DEFAULTS.threads,
    out: Annotated[Path, Opt(help="Folder of the run folders.")] = Path("runs"),
    run_id: Annotated[str | None, Opt(help="Name of the run; else time and seed.")] = None,
    plugin: Plugin = None,
    resume: Resume = None,
) -> None:
    """Train with GRPO, evaluate beside the baselines, and write a run folder."""
    given = locals()
    from benchmarks.training import run as training

    if resume is not None:
        training.resume(resume)
        return
    names = {item.name for item in fields(TrainSettings)} - {
        "shaper_params",
        "judge_params",
        "plugins",
    }
    settings = TrainSettings(
        **{name: given[name] for name in names},
        judge_params=name_values(judge_param or []),
        shaper_params=_numbers(shaper_param or []),
        plugins=plugin or [],
    )
    training.train(settings, out, run_id)


@app.command(name="eval")
def evaluate(
    data: Annotated[str, Opt(help="'world', or a dataset file.")] = "world",
    model: Model = _DEFAULTS.model,
    backend: Backend = _DEFAULTS.backend,
    judge: Judge = _DEFAULTS.judge,
    judge_param: JudgeParam = None,
    prompt: Prompt = None,
    untagged_answer: UntaggedAnswer = _DEFAULTS.untagged_answer,
    samples: Annotated[int, Opt(help="At most this many samples; 0: all of a file.")] = 0,
    temperature: Annotated[float, Opt(help="0 is greedy.")] = 0.0,
    seed: Annotated[int, Opt(help="Seed of the sampling.")] = 0,
    decision: Annotated[
        str, Opt(help="policy: as it decides; answer or request: forced.")
    ] = "policy",
    max_new_tokens: MaxNewTokens = None,
    max_model_len: MaxModelLen = None,
    min_pixels: MinPixels = None,
    max_pixels: MaxPixels = None,
    bounds: Bounds = None,
    canvas: Canvas = None,
    plugin: Plugin = None,  # noqa: ARG001 - imported by now
    out: Annotated[Path | None, Opt(help="Folder for episodes.jsonl and summary.json.")] = None,
) -> None:
    """Run a policy over the world's test split, or over images of your own.

    A dataset file has a JSON object a line: {"image": path, "question": …, "answer": …}.
    """
    from benchmarks.evaluation.policy import EvalSettings, evaluate_policy

    evaluate_policy(
        EvalSettings(
            data=data,
            play=PlaySettings(
                model,
                backend,
                prompt,
                max_new_tokens,
                max_model_len,
                min_pixels,
                max_pixels,
                bounds,
            ),
            judge={"name": judge, **name_values(judge_param or [])},
            untagged_answer=untagged_answer,
            samples=samples,
            temperature=temperature,
            seed=seed,
            decision=decision,
            canvas=canvas,
        ),
        out,
    )


@app.command()
def quality(
    model: Model = _DEFAULTS.model,
    backend: Backend = _DEFAULTS.backend,
    suite: Annotated[str, Opt(help="Suite of the embedded world.")] = "mixed",
    split: Annotated[str, Opt(help="Its split; generalisation: styles never seen.")] = "test",
    samples: Annotated[int, Opt(help="Held-out samples, each played three times.")] = 3000,
    seed: Annotated[int, Opt(help="Seed of the sampling.")] = 0,
    max_new_tokens: MaxNewTokens = None,
    max_model_len: MaxModelLen = None,
    prompt: Prompt = None,
    min_pixels: MinPixels = None,
    max_pixels: MaxPixels = None,
    bounds: Bounds = None,
    canvas: Canvas = None,
    plugin: Plugin = None,  # noqa: ARG001
    out: Annotated[Path | None, Opt(help="JSON file for the figures.")] = None,
) -> None:
    """Check a model to start from: reading at both resolutions, protocol, request rates."""
    from benchmarks.evaluation.quality import QualitySettings, check_quality

    play = PlaySettings(
        model, backend, prompt, max_new_tokens, max_model_len, min_pixels, max_pixels, bounds
    )
    settings = QualitySettings(play, suite, split, samples, seed, canvas)
    check_quality(settings, out)


@app.command()
def pretrain(
    out: Annotated[Path, Opt(help="Directory of the checkpoint.")] = Path("runs/tiny"),
    seed: Annotated[int, Opt(help="Seed of weights and data.")] = 0,
    tower_steps: Annotated[int | None, Opt(help="Steps of the vision tower alone.")] = None,
    dialogue_steps: Annotated[int | None, Opt(help="Steps of the whole model.")] = None,
    lr: Annotated[float | None, Opt(help="Peak rate of the whole model.")] = None,
    resume: Annotated[bool, Opt("--resume", help="Go on with a run that was killed.")] = False,
    shards: Annotated[
        int | None, Opt(help="Processes that share each batch; a part of the recipe.")
    ] = None,
) -> None:
    """Train a tiny Qwen2.5-VL from scratch on the mixed suite (hours on two cores)."""
    from agents.tiny.pretrain import Pretrainer
    from agents.tiny.recipe import PretrainConfig
    from benchmarks.report.terminal import LivePretraining

    optional: dict[str, Any] = {
        "lr": lr,
        "tower_steps": tower_steps,
        "dialogue_steps": dialogue_steps,
        "shards": shards,
    }
    given = {name: value for name, value in optional.items() if value is not None}
    config = PretrainConfig(seed=seed, **given)
    with LivePretraining() as live:
        Pretrainer(config, out, resume).run(live.show)
    console.print(f"Checkpoint: {out}", soft_wrap=True)


def _numbers(pairs: list[str]) -> dict[str, float]:
    """Reads ``name=number`` pairs."""
    numbers: dict[str, float] = {}
    for name, value in name_values(pairs).items():
        try:
            numbers[name] = int(value) if value.isdigit() else float(value)
        except ValueError:
            raise ConfigError(f"Expected {name}=number, got {value!r}.") from None
    return numbers


def main(arguments: list[str] | None = None) -> Any:
    """Runs the command; what a user did wrong is told in a line or two, without a traceback."""
    try:
        return app(args=arguments)
    except (VisionThinkError, ImportError) as error:
        console.print(f"[red]visionthink:[/red] {type(error).__name__}:", end=" ")
        console.print(str(error), markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        console.print(
            "Interrupted. `visionthink train --resume RUN_FOLDER` goes on from the last "
            "checkpoint, `visionthink pretrain --resume` from the last saved state."
        )
        sys.exit(130)


if __name__ == "__main__":
    main()
