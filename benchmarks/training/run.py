"""A training run from start to finish: check, baseline, train, evaluate, draw.

    visionthink train --seed 0

Everything that can be wrong with settings or data is found before an engine starts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents import Trajectory
from benchmarks.evaluation.baselines import (
    BeforeTraining,
    play_after,
    play_before,
    summarise,
    write_records,
)
from benchmarks.evaluation.limits import limit_lines, limits_record, show_limits
from benchmarks.evaluation.starts import STARTS, write_starts
from benchmarks.report.plots import plot_run
from benchmarks.report.stages import announce, duration, under_way
from benchmarks.report.terminal import LiveTraining, console, print_summary
from benchmarks.safety.disk import flush_tree, storing
from benchmarks.safety.stopping import current, take_over
from benchmarks.safety.writer import sole_writer
from benchmarks.training.grpo import BY_GRPO, build_config, ray_session
from benchmarks.training.held_out import HeldOut, Slice, open_slice
from benchmarks.training.interrupted import resumable
from benchmarks.training.measure import before_limits, parts_of, player, run_limits
from benchmarks.training.memory import PeakMemory
from benchmarks.training.method import Envs, Method, Trainee
from benchmarks.training.rollout_log import RolloutLog
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import CourseSettings, TrainSettings
from benchmarks.training.watch import Watch
from judges import check_judge
from vt_env import ConfigError, PlayDefaults
from vt_env.settings.tree import build, flatten


def _nobody(_iteration: int, _metrics: Mapping[str, float]) -> None:
    """Is told of iterations where nobody else is."""


@dataclass(frozen=True)
class Hooks:
    """What a run takes from, and tells, the work that it is a part of.

    Attributes:
        before: The model before RL on the held-out samples; None: the run plays it.
        tell: Is told of each iteration that is done, with its metrics.
    """

    before: BeforeTraining | None = None
    tell: Callable[[int, Mapping[str, float]], None] = _nobody


ALONE = Hooks()
"""Of a run that is a part of nothing."""


def train(
    settings: CourseSettings,
    root: Path,
    run_id: str | None = None,
    hooks: Hooks = ALONE,
    method: Method | None = None,
) -> RunFolder:
    """Trains from scratch in a new folder under `root`; see `_run`.

    Args:
        settings: Those of the method.
        root: Folder of the run folders.
        run_id: Name of the run; None: time and seed.
        hooks: What the run takes from, and tells, the work that it is a part of.
        method: How the model learns; None: `BY_GRPO`.
    """
    method = method or BY_GRPO
    folder = RunFolder.planned(root, settings, run_id)
    announce(folder.path, method.plan(settings, 0))
    with under_way("check"):
        settings = settings.resolved()
        envs = check_data(settings, method)
    with storing(root):
        folder.create(settings)
    with sole_writer(folder.path), resumable(folder, method):
        _run(settings, envs, folder, None, hooks, method)
    return folder


def train_or_resume(
    method: Method,
    settings: CourseSettings,
    root: Path,
    run_id: str | None,
    path: Path | None,
    given: Mapping[str, Any],
) -> RunFolder:
    """Goes on with the run in a folder, where one is given; else trains from scratch.

    Args:
        method: As for `train`.
        settings: Those of a new run.
        root: As for `train`.
        run_id: As for `train`.
        path: The folder of a run to go on with.
        given: The settings that the user gave, by path.

    Raises:
        ConfigError: If the run in the folder has other settings than were given.
    """
    if path is None:
        return train(settings, root, run_id, method=method)
    if run_id is not None:
        raise ConfigError("--resume goes on with a run under its own name; leave --run-id out.")
    return resume(path, method=method, given=given)


def finish(
    settings: CourseSettings, path: Path, hooks: Hooks = ALONE, method: Method | None = None
) -> RunFolder:
    """Brings the run in a folder to its end: begins it, or goes on with it from its checkpoint.

    Args:
        settings: Those of the method.
        path: The run folder.
        hooks: As for `train`.
        method: As for `train`.
    """
    folder = RunFolder(path)
    if folder.is_complete:
        return folder
    if folder.latest_checkpoint() is not None:
        return resume(path, hooks, method)
    return train(settings, path.parent, path.name, hooks, method)


def resume(
    path: Path,
    hooks: Hooks = ALONE,
    method: Method | None = None,
    given: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Goes on with a run from its newest whole checkpoint, as if it had never been interrupted.

    Without a checkpoint it begins at its start. A complete run goes on where more iterations are
    asked for; its summary so far is kept.

    Args:
        path: The run folder.
        hooks: As for `train`.
        method: As for `train`; the one that the run was begun with.
        given: Settings that are to hold, by path: those of `CHANGED_LATER` may be others than
            before, all others must be the run's own.

    Raises:
        ConfigError: If the run is complete, has other settings, or is written to by another
            process.
        CheckpointError: If no checkpoint is whole, or they are not of this run.
    """
    method, folder = method or BY_GRPO, RunFolder(path)
    settings = method.tree.load(path / "settings.json").resolved()
    before = settings.run.iterations
    with sole_writer(path):
        settings = later_settings(settings, given or {})
        if folder.is_complete and settings.run.iterations <= before:
            raise ConfigError(
                f"{path} is complete (it has a summary.json); nothing to resume. "
                f"--iterations beyond {before} goes on with it."
            )
        latest = folder.whole_checkpoint(
            lambda iteration: method.position(settings, iteration),
            lambda said: console.print(said, style="bold red", markup=False, soft_wrap=True),
        )
        done = latest[0] if latest else 0
        announce(path, method.plan(settings, done))
        with under_way("check"):
            envs = check_data(settings, method)
        with resumable(folder, method):
            if folder.is_complete:
                folder.reopen(before)
            settings.save(path / "settings.json")
            folder.forget_after(done)
            folder.note_start()
            _run(settings, envs, folder, latest, hooks, method)
    return folder


CHANGED_LATER = (
    "plugins",
    "run.iterations",
    "run.checkpoint_every",
    "run.keep_checkpoints",
    "run.keep_rollouts",
    "run.max_restarts",
    "run.grace_seconds",
    "run.until",
    "run.stop_on_collapse",
    "run.export",
)
"""Settings that a run may go on with others of."""


def later_settings(settings: CourseSettings, given: Mapping[str, Any]) -> CourseSettings:
    """A run's own settings with those that are given now.

    Raises:
        ConfigError: If one is given that a run cannot change.
    """
    own = flatten(settings)
    asked = flatten(build(type(settings), own, given))
    changed = {name for name in given if asked.get(name) != own.get(name)}
    if refused := sorted(changed - {*CHANGED_LATER}):
        told = ", ".join(f"{name} (it has {own.get(name)!r})" for name in refused)
        raise ConfigError(f"A run goes on with its own settings, and this one has others: {told}.")
    return build(type(settings), own, {name: given[name] for name in changed})


def check_data(settings: CourseSettings, method: Method | None = None) -> Envs:
    """Opens both environments, so that every bad setting and row is reported now.

    The judge is asked whether it can work: a run must not start on an endpoint that is not there.

    Args:
        settings: Those of the run.
        method: As for `train`.

    Returns:
        Settings for the rest of the run, which opens no data again.

    Raises:
        VisionThinkError: Of the kind that says what is wrong.
    """
    from agents import check_weights
    from vt_env import open_env

    Watch.check(settings)
    train, evaluation = settings.train_env(), settings.eval_env()
    if train["data"] == evaluation["data"]:
        train["data"] = evaluation["data"]
    with closing(open_env(settings.env.id, **evaluation)) as env:
        if evaluation["judge"] != train["judge"]:
            check_judge(env.judge)
    with closing(open_env(settings.env.id, **train)) as env:
        (method or BY_GRPO).check(settings, env, train)
        check_weights(settings.engine.model_dir)
        check_judge(env.judge)
    return Envs(train, evaluation, open_slice(settings, evaluation))


@dataclass
class _Clock:
    """Seconds of training, those before an interruption included."""

    before: float = 0.0
    started: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()

    def seconds(self) -> float:
        return self.before + time.monotonic() - self.started


def measure_start(settings: TrainSettings) -> BeforeTraining:
    """Plays the model before RL on the held-out samples, and trains nothing."""
    settings = settings.resolved()
    envs = check_data(settings)
    with ray_session(settings):
        algorithm = build_config(settings, envs.train).build_algo()
        try:
            return _before(algorithm, settings, envs)
        finally:
            algorithm.stop()


def _before(algorithm: Trainee, settings: CourseSettings, envs: Envs) -> BeforeTraining:
    parts, used = parts_of(envs.evaluation, settings), settings.known()
    with under_way("untrained", len(parts)) as step:
        play = player(algorithm, envs.evaluation, parts, step)
        return play_before(play, used.max_new_tokens, settings.run.seed)


def _run(
    settings: CourseSettings,
    envs: Envs,
    folder: RunFolder,
    latest: tuple[int, Path] | None,
    hooks: Hooks,
    method: Method,
) -> None:
    begun, used = time.monotonic(), settings.known()
    done = latest[0] if latest else 0
    with PeakMemory() as memory, ExitStack() as opened:
        algorithm = opened.enter_context(method.opened(settings, envs, folder))
        take_over()
        watch = Watch(settings, folder, _held_out(algorithm, envs.held_out, used))
        opened.enter_context(watch)
        # A resumed run measures the model before RL again, before it restores the trained one.
        before = hooks.before or _before(algorithm, settings, envs)
        show_limits(limit_lines(before_limits(before), used))
        if latest:
            algorithm.restore_from_path(str(latest[1].resolve()))
        clock = _Clock(before=folder.metrics()[-1]["seconds"] if done else 0.0)
        _train_loop(algorithm, watch, done, clock, hooks, method)
        seconds = clock.seconds()
        parts = parts_of(envs.evaluation, settings)
        with under_way("trained", len(parts)) as step:
            play = player(algorithm, envs.evaluation, parts, step)
            after = play_after(play, used.max_new_tokens, settings.run.seed)
        algorithm.save_model(folder.path / "model")
        flush_tree(folder.path / "model")  # before the summary, which says that it is there
    summary = {
        "run": folder.path.name,
        "seed": settings.run.seed,
        "iterations": int(folder.metrics()[-1]["iteration"]),
        **watch.summary(),
        "seconds": round(seconds, 1),
        "seconds_in_all": round(time.monotonic() - begun, 1),
        "peak_memory_gb": round(memory.peak_gb, 2),
        **summarise(before, after),
        "limits": limits_record(run_limits(before, after, folder.metrics()), used),
    }
    write_starts(before, folder.path / STARTS)
    _write_results(folder, summary, after.policy)
    watch.finish(summary, after.policy, envs.evaluation)


def _write_results(folder: RunFolder, summary: dict[str, Any], policy: list[Trajectory]) -> None:
    write_records(policy, folder.path / "episodes.jsonl")
    plot_run(folder.metrics(), summary, folder.path / "training.png")
    folder.write_json("summary.json", summary)
    print_summary(summary, folder.path)
    show_limits(summary["limits"]["warnings"])


def _held_out(algorithm: Trainee, part: Slice | None, used: PlayDefaults) -> HeldOut | None:
    """Measures the model before RL on the held-out slice, if there is one."""
    if part is None:
        return None
    with under_way("held-out"):
        found = HeldOut(algorithm, part, used.max_new_tokens)
        found.measure_start()
    return found


def _train_loop(
    algorithm: Trainee, watch: Watch, done: int, clock: _Clock, hooks: Hooks, method: Method
) -> None:
    settings, folder = watch.settings.run, watch.folder
    last, log = settings.iterations, RolloutLog(folder, watch.settings.engine.model_dir)
    watch.begin(done)
    clock.start()
    stop = current()
    with stop.patient(settings.grace_seconds), LiveTraining(last, done, method.name) as live:
        for iteration in range(done + 1, last + 1):
            if watch.stopped:
                break
            metrics = method.metrics(algorithm.train())
            log.write(iteration, algorithm.kept)
            metrics |= watch.evaluate(iteration, algorithm.save_model)
            metrics["seconds"] = round(clock.seconds(), 2)
            folder.log(iteration, metrics)
            live.show(iteration, metrics)
            watch.look(iteration, metrics)
            due = iteration % settings.checkpoint_every == 0 or iteration == last
            if due or watch.stopped or stop.asked is not None:
                folder.save_checkpoint(algorithm, iteration, settings.keep_checkpoints)
            hooks.tell(iteration, metrics)
            stop.check()
    if watch.stopped:
        console.print(f"stopped: {watch.stopped}", markup=False, soft_wrap=True)
    console.print(f"training: {duration(clock.seconds())}")


TIMES = ("seconds", "judge/wait_seconds", "judge/wait_share")
"""Metrics of the clock, beside those under ``timing/``."""


def without_times(metrics: Mapping[str, float]) -> dict[str, float]:
    """Leaves out what the clock says: the rest is the same whenever a run is done again."""
    named = metrics.items()
    return {k: v for k, v in named if k not in TIMES and not k.startswith("timing/")}
