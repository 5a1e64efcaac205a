"""The ``visionthink`` command."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError
from rich.markup import escape

from agents.tiny.recipe import PretrainConfig
from benchmarks.cli import compare as cli_compare
from benchmarks.cli import data as cli_data
from benchmarks.cli import judge as cli_judge
from benchmarks.cli.commands import command, option, spell_out
from benchmarks.evaluation.policy import EvalSettings
from benchmarks.evaluation.quality import QualitySettings
from benchmarks.play.settings import GameSettings
from benchmarks.report.provenance import version
from benchmarks.report.terminal import console
from benchmarks.safety.stopping import Stopped, stoppable
from benchmarks.serve.settings import ServeSettings
from benchmarks.training.checkup import DoctorSettings
from benchmarks.training.settings import SFTSettings, TrainSettings
from vt_env import ConfigError, VisionThinkError

app = App(
    name="visionthink",
    help="Train and evaluate policies that decide when a sharper image is worth its price.",
    version=version,
    console=console,
    suppress_keyboard_interrupt=False,  # what was saved is said below
)
app.register_install_completion_command(help="Install completion for your shell.")
app.command(cli_data.app)
app.command(cli_judge.app)
app.command(cli_compare.app)
app.command(cli_compare.compare)
RunsOption = Annotated[Path, option("Folder of the run folders.")]
RunIdOption = Annotated[str | None, option("Name of the run; else time and seed.")]
ResumeOption = Annotated[
    Path | None,
    option("Go on with this run folder, by its own settings; --iterations may be more."),
]


@command(app, TrainSettings, "train")
def train(
    settings: TrainSettings,
    *,
    given: Mapping[str, Any],
    out: RunsOption = Path("runs"),
    run_id: RunIdOption = None,
    resume: ResumeOption = None,
) -> None:
    """Train with GRPO, evaluate beside the baselines, and write a run folder."""
    from benchmarks.training.grpo import BY_GRPO
    from benchmarks.training.run import train_or_resume

    train_or_resume(BY_GRPO, settings, out, run_id, resume, given)


@command(app, TrainSettings, "sweep")
def sweep(
    settings: TrainSettings,  # noqa: ARG001 - built, so that each is checked; `given` is used
    name: Annotated[str | None, option("The sweep; with --grid a name for it.")] = None,
    *,
    given: Mapping[str, Any],
    grid: Annotated[
        list[str] | None, option("A setting and its values: rewards.price=0,0.1. All combinations.")
    ] = None,
    seeds: Annotated[int, option("Trials of each point; seeds begin with --seed.")] = 3,
    only: Annotated[str | None, option("Points whose names match, such as 'theta*'.")] = None,
    dry_run: Annotated[bool, option("Say what would be run, and run nothing.")] = False,
    jobs: Annotated[int, option("Trials at once; 0: as many as there are cores for.")] = 0,
    address: Annotated[str | None, option("A Ray cluster to join, such as auto.")] = None,
    out: Annotated[Path, option("Folder of the sweeps' folders.")] = Path("runs/sweeps"),
) -> None:
    """Compare settings over seeds: a shipped sweep, or a grid over any settings of train.

    Without a name it lists the sweeps. The same command again does what is missing.
    """
    from benchmarks.sweeps.command import Wanted, do_sweep

    wanted = Wanted(name, tuple(grid or ()), seeds, only, dry_run, jobs, address, out)
    do_sweep(wanted, given)


@command(app, TrainSettings, "paper")
def paper(
    settings: TrainSettings,  # noqa: ARG001 - built, so that each is checked; `given` is used
    name: Annotated[str | None, option("The figure or table, or all.")] = None,
    *,
    given: Mapping[str, Any],
    seeds: Annotated[int, option("Trials of each point; seeds begin with --seed.")] = 3,
    jobs: Annotated[int, option("Trials at once; 0: as many as there are cores for.")] = 0,
    address: Annotated[str | None, option("A Ray cluster to join, such as auto.")] = None,
    out: Annotated[Path, option("Folder of the pages.")] = Path("runs/paper"),
    sweeps: Annotated[Path, option("Folder of the sweeps' folders.")] = Path("runs/sweeps"),
) -> None:
    """Make a figure or table of the paper again on the embedded world, its numbers beside ours.

    Without a name it lists them. Sweeps are shared; the same command again does what is missing.
    """
    from benchmarks.paper.command import make
    from benchmarks.paper.runs import Order

    make(Order(name, seeds, out, sweeps, jobs, address), given)


@command(app, SFTSettings, "sft")
def sft(
    settings: SFTSettings,
    *,
    given: Mapping[str, Any],
    out: RunsOption = Path("runs"),
    run_id: RunIdOption = None,
    resume: ResumeOption = None,
) -> None:
    """Fine-tune on episodes with the right decision, evaluate as train does, to compare with RL."""
    from benchmarks.training.run import train_or_resume
    from benchmarks.training.sft import BY_SFT

    train_or_resume(BY_SFT, settings, out, run_id, resume, given)


@command(app, DoctorSettings, "doctor")
def doctor(
    settings: DoctorSettings,
    *,
    out: Annotated[Path | None, option("Folder for doctor.json.")] = None,
) -> None:
    """Look for what would make a training collapse, before it starts: the settings of train.

    Plays some prompts, takes a minute or two with the embedded model, and ends with exit code 1
    if there is a problem.
    """
    from benchmarks.doctor.findings import worst
    from benchmarks.training.checkup import check_up

    if worst(check_up(settings, out)) == "problem":
        sys.exit(1)


@command(app, EvalSettings, "eval")
def evaluate(
    settings: EvalSettings,
    *,
    out: Annotated[Path | None, option("Folder for episodes.jsonl and summary.json.")] = None,
) -> None:
    """Run a policy, or any agents, over the world's test split, or over images of your own.

    A dataset file has a JSON object a line: {"image": path, "question": …, "answer": …}.
    With --out the same command goes on after a kill. --agent my_file:Me --compare vlm compares an
    agent of your own with the model on the same samples; --model none: no model plays.
    """
    from benchmarks.evaluation.policy import evaluate_policy

    evaluate_policy(settings, out)


@command(app, GameSettings, "play")
def play(
    settings: GameSettings,
    *,
    terminal: Annotated[bool, option("Play in this terminal instead of a page.")] = False,
    port: Annotated[int, option("Where the page is, on this machine alone; 0: any.")] = 0,
    out: Annotated[Path, option("Folder of the games' folders.")] = Path("runs/play"),
) -> None:
    """Play yourself, in a local page or the terminal, and be scored beside the policy.

    Same images, tools, price and judge as an agent. --model none: no policy plays beside.
    """
    from benchmarks.play.run import play as play_game

    play_game(settings, out, port, terminal)


@command(app, ServeSettings, "serve")
def serve(
    settings: ServeSettings,
    *,
    port: Annotated[int, option("Port on this machine alone; 0 picks a free one.")] = 0,
) -> None:
    """Serve a model, or any agent, as an OpenAI-compatible chat endpoint until Ctrl-C or SIGTERM.

    Images come as data: addresses. The key is printed, as a line to export.
    """
    from benchmarks.serve.run import serve as serve_it

    serve_it(settings, port)


@command(app, QualitySettings, "quality")
def quality(
    settings: QualitySettings,
    *,
    out: Annotated[Path | None, option("JSON file for the figures.")] = None,
) -> None:
    """Check a model to start from: reading at both resolutions, protocol, request rates."""
    from benchmarks.evaluation.quality import check_quality

    check_quality(settings, out)


@command(app, PretrainConfig, "pretrain")
def pretrain(
    settings: PretrainConfig,
    *,
    out: Annotated[Path, option("Directory of the checkpoint.")] = Path("runs/tiny"),
    resume: Annotated[bool, option("Go on with a run that was killed.")] = False,
) -> None:
    """Train a tiny Qwen2.5-VL from scratch on the mixed suite (hours on two cores)."""
    from agents.tiny.pretrain import Pretrainer
    from benchmarks.report.terminal import LivePretraining

    with LivePretraining() as live:
        Pretrainer(settings, out, resume).run(live.show)
    console.print(f"Checkpoint: {out}", soft_wrap=True)


@app.command
def report(
    *runs: Annotated[Path, option("Run folders, or folders with run folders below them.")],
    out: Annotated[Path | None, option("The file; else report.html in the run's folder.")] = None,
    episodes: Annotated[int, option("Episodes of final evaluations in the gallery.")] = 500,
    groups: Annotated[int, option("Groups of training in the gallery.")] = 150,
    megabytes: Annotated[float, option("Most megabytes of its images.")] = 10.0,
) -> None:
    """Write one HTML page about runs: curves, the plane of accuracy and tokens, a gallery.

    Runs that differ in their seed alone are one line with a band. The page needs no network.
    """
    from benchmarks.report.html.gallery import Bounds
    from benchmarks.report.html.page import write_report

    bounds = Bounds(episodes, groups, megabytes)
    file = write_report(_some(runs), out, bounds)
    size = file.stat().st_size / 1e6
    console.print(f"Report: {file} ({size:.1f} MB)", markup=False, soft_wrap=True)


@app.command
def show(
    *runs: Annotated[Path, option("Run folders, or folders with run folders below them.")],
) -> None:
    """Print what a report says of runs, in the terminal."""
    from benchmarks.report.html.show import show as show_runs

    show_runs(_some(runs))


def _some(runs: tuple[Path, ...]) -> tuple[Path, ...]:
    """The places that were given.

    Raises:
        ConfigError: If there are none.
    """
    if not runs:
        raise ConfigError("Name a run folder, such as runs/20261126-120000-seed0.")
    return runs


EXTRAS = {
    **dict.fromkeys(("openai", "aiohttp", "math_verify", "rapidfuzz"), "judge"),
    **dict.fromkeys(("datasets", "pyarrow"), "data"),
    **dict.fromkeys(("starlette", "uvicorn"), "serve"),
    **dict.fromkeys(("ray", "torch", "transformers", "vllm", "safetensors"), "cpu"),
    **{name: name for name in ("wandb", "trackio")},
    **dict.fromkeys(("matplotlib", "pandas", "scipy", "tensorboard"), "train"),
}
"""Which extra brings a package that may be missing."""


ADVICE = (
    "`visionthink pretrain --resume` goes on from the last saved state; of `sweep`, `paper` and "
    "`eval --out` the same command does what is missing."
)
"""What is said when a command is ended that does not say itself what it saved."""


def _remedy(error: Exception) -> str:
    """How a package that is missing is installed, where the error does not say it."""
    extra = EXTRAS.get(getattr(error, "name", None) or "")
    if not isinstance(error, ModuleNotFoundError) or extra is None or "pip install" in str(error):
        return ""
    also = " (or '.[gpu]' on a machine with CUDA)" if extra == "cpu" else ""
    return f". It comes with pip install -e '.[{extra}]'{also}."


def main(arguments: list[str] | None = None) -> Any:
    """Runs the command; what a user did wrong is told in a line or two, without a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # read when torch is imported
    try:
        with stoppable():
            return app(spell_out(words), exit_on_error=False, print_error=False)
    except CycloptsError as error:
        console.print(f"[red]visionthink:[/red] {escape(str(error))}", soft_wrap=True)
        sys.exit(2)
    except (VisionThinkError, ImportError) as error:
        console.print(f"[red]visionthink:[/red] {type(error).__name__}:", end=" ")
        console.print(f"{error}{_remedy(error)}", markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt as ended:
        stopped = ended if isinstance(ended, Stopped) else Stopped(signal.SIGINT)
        if not stopped.told:
            stopped = Stopped(stopped.number, ADVICE)
        console.print(str(stopped), markup=False, soft_wrap=True)
        sys.exit(stopped.code)


if __name__ == "__main__":
    main()
