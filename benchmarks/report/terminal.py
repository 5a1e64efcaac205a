"""What a person sees in the terminal: a progress bar with a live line, and tables at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from judges.printable import printable

_P = TypeVar("_P", bound=Progress)


class PlainConsole(Console):
    """A console on which text cannot steer the terminal, wherever it comes from.

    Control characters in what is shown are written out; the codes that `rich` itself makes for
    colours and movement are no text, and stay.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Makes text of what is printed and of cells; before it is measured."""
        return super().render_str(printable(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Makes segments of everything; those of texts made elsewhere are looked at here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


console = PlainConsole(highlight=False, emoji=False)  # else "data.jsonl:100:" holds an emoji
LIVE = (
    ("reward", "reward"),
    ("accuracy", "acc"),
    ("resize_call_ratio", "asks"),
    ("request_rate_need", "need"),
    ("request_rate_no_need", "idle"),
    ("visual_tokens/share_of_full", "tokens"),
)
"""Metrics of the live line, which fits 80 columns: shares in percent, the reward as it is. *Need*
and *idle* are requests where they are needed and where they are not."""
FORMS = {"reward": ".2f", "loss": ".3f"}
"""How metrics of it are written that are no shares."""
PLAIN_EVERY = 10
"""Iterations between lines where there is no terminal to draw a bar on."""


def live_line(metrics: Mapping[str, float]) -> str:
    """The metrics of one iteration on one line; those that are not there are left out.

    Where nothing was played, the loss is shown.
    """
    known = (*LIVE, ("loss", "loss")) if "reward" not in metrics else LIVE
    shown = [(name, metrics[key], FORMS.get(key, ".0%")) for key, name in known if key in metrics]
    return " ".join(f"{name} {value:{form}}" for name, value, form in shown)


def time_line(metrics: Mapping[str, float]) -> str:
    """Where the time of an iteration went, in seconds; empty where nothing says it."""
    whole, *parts = (metrics.get(f"timing/{name}") for name in ("iteration", "rollout", "learner"))
    if whole is None:
        return ""
    named = zip(("play", "learn"), parts, strict=True)
    shown = " ".join(f"{name} {part:.1f}" for name, part in named if part is not None)
    return f"{whole:.1f} s/it" + (f" ({shown})" if shown else "")


def held_out_line(metrics: Mapping[str, float]) -> str:
    """The metrics of the held-out slice on one line; empty in an iteration without them."""
    of_slice = {k.removeprefix("eval/"): v for k, v in metrics.items() if k.startswith("eval/")}
    shown, regret = live_line(of_slice), of_slice.get("regret_to_start_oracle")
    return f"{shown} regret {regret:.3f}" if shown and regret is not None else shown


class _Rows(Progress):
    """A bar with rows below it that have the terminal's width to themselves."""

    lines: tuple[str, ...] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield from (Text(line, no_wrap=True) for line in self.lines if line)


class _LineColumn(ProgressColumn):
    """The live line of a task, for tasks that have one."""

    def render(self, task: Task) -> Text:
        return Text(task.fields.get("line", ""))


def progress_bar() -> Progress:
    """A bar with counts, time passed and time left; a task's field ``line`` stands after them."""
    return _bar(Progress)


def _bar(kind: type[_P]) -> _P:
    return kind(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        _LineColumn(),
        console=console,
        disable=not console.is_terminal,
    )


class Live:
    """What has a bar on the terminal for as long as it is open."""

    _progress: Any

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


class LiveTraining(Live):
    """Shows training as it goes: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, iterations: int, done: int, name: str = "GRPO") -> None:
        self._iterations, self._progress = iterations, _bar(_Rows)
        self._task = self._progress.add_task(name, total=iterations, completed=done)

    def show(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Shows the metrics of an iteration that is done."""
        line, times = live_line(metrics), time_line(metrics)
        self._progress.lines = (line, times)
        self._progress.update(self._task, completed=iteration)
        last = iteration == self._iterations
        if held_out := held_out_line(metrics):
            console.print(f"{iteration}/{self._iterations} held out: {held_out}", soft_wrap=True)
        if not console.is_terminal and (iteration % PLAIN_EVERY == 0 or iteration == 1 or last):
            seconds = metrics.get("seconds", 0.0)
            console.print(f"{iteration}/{self._iterations} {seconds:.0f}s {line}", soft_wrap=True)
            if times:
                console.print(f"  {times}", soft_wrap=True)


COLUMNS = (
    ("accuracy", "accuracy"),
    ("resize_call_ratio", "asks"),
    ("request_rate_need", "need"),
    ("request_rate_no_need", "no need"),
    ("visual_tokens/share_of_full", "tokens"),
    ("reward", "reward"),
    ("regret_to_start_oracle", "regret"),
)


def metrics_cells(rows: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """What a table with a row a policy says: the head, and the rows, each with its name first."""
    head = ["policy", *(label for _, label in COLUMNS)]
    return head, [[n, *(_cell(row.get(key)) for key, _ in COLUMNS)] for n, row in rows.items()]


def metrics_table(rows: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    """A table with a row a policy."""
    (first, *labels), body = metrics_cells(rows)
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column(first, no_wrap=True)
    for label in labels:
        table.add_column(label, justify="right", no_wrap=True)
    for name, *cells in body:
        table.add_row(console.render_str(name, markup=False), *cells)
    return table


def family_table(by_family: Mapping[str, Mapping[str, Any]]) -> Table:
    """A table with a row a family."""
    table = Table(title="By family", title_justify="left", box=SIMPLE_HEAD)
    for label in ("family", "accuracy", "asks", "tokens", "episodes"):
        table.add_column(label, justify="left" if label == "family" else "right")
    for family, row in by_family.items():
        table.add_row(
            console.render_str(family, markup=False),
            _cell(row["accuracy"]),
            _cell(row["resize_call_ratio"]),
            _cell(row["visual_tokens/share_of_full"]),
            str(row["episodes"]),
        )
    return table


def print_summary(summary: Mapping[str, Any], folder: Path) -> None:
    """Prints the final evaluation, and where the files are."""
    rows = {"trained": summary, **summary["baselines"]}
    console.print(metrics_table(rows, f"{summary['episodes']} held-out samples"))
    console.print(family_table(summary["by_family"]))
    given, before = summary["accuracy_given_request"], summary["accuracy_given_request_before_rl"]
    console.print(
        f"Accuracy given a request: {_cell(given)} (the model before RL: {_cell(before)})"
    )
    console.print(
        f"Training took {summary['seconds']:.0f} s, {summary['seconds_in_all']:.0f} s with "
        f"evaluation; peak memory {summary['peak_memory_gb']:.1f} GB."
    )
    console.print(f"Summary:  {folder / 'summary.json'}", soft_wrap=True)
    console.print(f"Picture:  {folder / 'training.png'}", soft_wrap=True)
    console.print(f"Model:    {folder / 'model'}", soft_wrap=True)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


class LivePretraining(Live):
    """Shows pretraining as it goes: a bar a stage, or a line now and then."""

    def __init__(self) -> None:
        self._progress = progress_bar()
        self._tasks: dict[str, Any] = {}

    def show(self, stage: str, step: int, steps: int, loss: float) -> None:
        """Shows one step that is done."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=steps)
        self._progress.update(self._tasks[stage], completed=step, line=f"loss {loss:.4f}")
        if not console.is_terminal and (step % 100 == 0 or step == steps):
            console.print(f"{stage} {step}/{steps}  loss {loss:.4f}")
