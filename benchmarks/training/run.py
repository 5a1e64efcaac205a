"""A training run from start to finish: check, baseline, train, evaluate, draw.

    visionthink train --seed 0

Everything that can be wrong with settings or data is found before an engine starts.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents import Pass, Trajectory
from benchmarks.evaluation.baselines import (
    AfterTraining,
    BeforeTraining,
    PlaysHeldOut,
    play_after,
    play_before,
    summarise,
    write_records,
)
from benchmarks.evaluation.limits import (
    KINDS,
    TRAINED,
    Shares,
    limit_lines,
    limits_record,
    shares_of,
    show_limits,
)
from benchmarks.evaluation.play import batch_seed, first_indices
from benchmarks.evaluation.starts import STARTS, write_starts
from benchmarks.report.plots import plot_run
from benchmarks.report.stages import announce, duration, under_way
from benchmarks.report.terminal import LiveTraining, console, print_summary
from benchmarks.training.held_out import HeldOut, Slice, open_slice
from benchmarks.training.memory import PeakMemory
from benchmarks.training.plan import plan
from benchmarks.training.rollout_log import RolloutLog
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import TrainSettings
from benchmarks.training.watch import Watch
from judges import check_judge
from vt_env import ConfigError, PlayDefaults

if TYPE_CHECKING:
    from agents import GRPO, GRPOConfig


def train(settings: TrainSettings, root: Path, run_id: str | None = None) -> RunFolder:
    """Trains from scratch in a new folder under `root`; see `_run`."""
    folder = RunFolder.planned(root, settings, run_id)
    announce(folder.path, plan(settings))
    with under_way("check"):
        settings = settings.resolved()
        envs = check_data(settings)
    folder.create(settings)
    _run(settings, envs, folder, None)
    return folder


def resume(path: Path) -> RunFolder:
    """Goes on with a run from its newest checkpoint, as if it had never been interrupted.

    Raises:
        ConfigError: If the folder holds no checkpoint, or the run is complete.
        CheckpointError: If the checkpoint is not whole, or not of this run.
    """
    settings = TrainSettings.load(path / "settings.json").resolved()
    folder = RunFolder(path)
    if (path / "summary.json").is_file():
        raise ConfigError(f"{path} is complete (it has a summary.json); nothing to resume.")
    latest = folder.latest_checkpoint()
    if latest is None:
        raise ConfigError(f"{path} holds no checkpoint yet; start it anew.")
    refills = settings.grpo.dynamic_sampling
    folder.check_progress(latest[0], None if refills else latest[0] * settings.grpo.num_prompts)
    announce(path, plan(settings, latest[0]))
    with under_way("check"):
        envs = check_data(settings)
    folder.forget_after(latest[0])
    folder.note_start()
    _run(settings, envs, folder, latest)
    return folder


AT_ONCE = 80
"""Held-out samples that a runner plays at once, in all ways: the engine keeps what they share."""


@dataclass(frozen=True)
class Envs:
    """Settings of a run's environments, whose data is open.

    Attributes:
        train: Of the one that is trained in.
        evaluation: Of the one that is evaluated in.
        held_out: What is evaluated on during training; None: nothing.
    """

    train: dict[str, Any]
    evaluation: dict[str, Any]
    held_out: Slice | None = None


def check_data(settings: TrainSettings) -> Envs:
    """Opens both environments, so that every bad setting and row is reported now.

    The judge is asked whether it can work: a run must not start on an endpoint that is not there.

    Returns:
        Settings for the rest of the run, which opens no data again.

    Raises:
        VisionThinkError: Of the kind that says what is wrong.
    """
    from agents import check_weights
    from vt_env import open_env

    train, evaluation = settings.train_env(), settings.eval_env()
    if train["data"] == evaluation["data"]:
        train["data"] = evaluation["data"]
    open_env(settings.env.id, **evaluation).close()
    env = open_env(settings.env.id, **train)
    try:
        build_config(settings, train).validate()
        check_weights(settings.engine.model_dir)
        check_judge(env.judge)
    finally:
        env.close()
    return Envs(train, evaluation, open_slice(settings, evaluation))


def build_config(settings: TrainSettings, train_env: Mapping[str, Any]) -> GRPOConfig:
    """The algorithm's configuration, trained in an environment of these settings."""
    from agents import GRPOConfig

    for name in ("ray", "ray.rllib", "ray.tune"):
        logging.getLogger(name).setLevel(logging.ERROR)
    config = GRPOConfig()
    config.environment(settings.env.id, env_config=dict(train_env))
    config.env_runners(num_env_runners=settings.run.num_env_runners)
    config.learners(num_learners=settings.run.num_learners)
    config.debugging(seed=settings.run.seed, log_level="ERROR")
    config.training(plugins=settings.plugins, **vars(settings.engine), **vars(settings.grpo))
    return config.for_iterations(settings.run.iterations)


@dataclass
class _Clock:
    """Seconds of training, those before an interruption included."""

    before: float = 0.0
    started: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()

    def seconds(self) -> float:
        return self.before + time.monotonic() - self.started


def _run(
    settings: TrainSettings, envs: Envs, folder: RunFolder, latest: tuple[int, Path] | None
) -> None:
    begun, used = time.monotonic(), settings.known()
    done = latest[0] if latest else 0
    with PeakMemory() as memory, ExitStack() as opened:
        with under_way("engine"):
            opened.enter_context(ray_session(settings))
            algorithm = build_config(settings, envs.train).build_algo()
        show_trained(algorithm)
        try:
            watch = Watch(settings, folder, _held_out(algorithm, envs.held_out, used))
            # A resumed run measures the model before RL again, before it restores the trained one.
            parts = _parts(envs.evaluation, settings)
            with under_way("untrained", len(parts)) as step:
                play = _player(algorithm, envs.evaluation, parts, step)
                before = play_before(play, used.max_new_tokens, settings.run.seed)
            show_limits(limit_lines(before_limits(before), used))
            if latest:
                algorithm.restore_from_path(str(latest[1].resolve()))
            clock = _Clock(before=folder.metrics()[-1]["seconds"] if done else 0.0)
            _train_loop(algorithm, watch, done, clock)
            seconds = clock.seconds()
            with under_way("trained", len(parts)) as step:
                play = _player(algorithm, envs.evaluation, parts, step)
                after = play_after(play, used.max_new_tokens, settings.run.seed)
            algorithm.save_model(folder.path / "model")
        finally:
            algorithm.stop()
            folder.close()
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


def show_trained(algorithm: GRPO) -> None:
    """Says how much of the policy is trained."""
    asked = algorithm.learner_group.foreach_learner(lambda learner: learner.parameter_counts())
    trained, whole = next(iter(asked)).get()
    console.print(f"trains {trained / 1e6:,.2f} of {whole / 1e6:,.2f} million parameters")


def before_limits(before: BeforeTraining) -> dict[str, Shares]:
    """What limits did to the model before RL, by what was played."""
    return {
        "untrained": shares_of(before.untrained),
        "untrained, always_low": shares_of(before.always_low),
        "untrained, always_high": shares_of(before.always_high),
    }


def run_limits(
    before: BeforeTraining, after: AfterTraining, rows: Sequence[Mapping[str, float]]
) -> dict[str, Shares]:
    """What limits did in all of a run, by what was played; of the rollouts the mean.

    Args:
        before: Episodes of the model before RL.
        after: Those of the trained one.
        rows: Logged metrics, one mapping an iteration, at least one.
    """
    named = {"refused": "refused", **{kind: f"endings/{kind}" for kind in KINDS[:3]}}
    training = {
        kind: sum(row.get(name, 0.0) for row in rows) / len(rows) for kind, name in named.items()
    }
    return {
        **before_limits(before),
        "rollouts in training": training,
        TRAINED: shares_of(after.policy),
        f"{TRAINED}, temperature 1": shares_of(after.sampled),
        f"{TRAINED}, always_low": shares_of(after.always_low),
        f"{TRAINED}, always_high": shares_of(after.always_high),
    }


def _write_results(folder: RunFolder, summary: dict[str, Any], policy: list[Trajectory]) -> None:
    write_records(policy, folder.path / "episodes.jsonl")
    plot_run(folder.metrics(), summary, folder.path / "training.png")
    folder.write_json("summary.json", summary)
    print_summary(summary, folder.path)
    show_limits(summary["limits"]["warnings"])


def _parts(env_settings: dict[str, Any], settings: TrainSettings) -> list[list[int]]:
    """The samples that are evaluated on, in the parts that are played at once."""
    indices = first_indices(len(env_settings["data"]), settings.evaluation.samples)
    size = AT_ONCE * max(1, settings.run.num_env_runners)
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def _player(
    algorithm: GRPO,
    env_settings: dict[str, Any],
    parts: Sequence[list[int]],
    step: Callable[[], None],
) -> PlaysHeldOut:
    def play(passes: Sequence[Pass]) -> list[list[Trajectory]]:
        played: list[list[Trajectory]] = [[] for _ in passes]
        for part in parts:
            own = [_drawn_for(one, part[0]) for one in passes]
            for number, found in enumerate(algorithm.play_fixed(env_settings, part, own)):
                played[number] += found
            step()
        return played

    return play


def _drawn_for(one: Pass, first: int) -> Pass:
    """A way with a seed of its own for the part that begins with this sample."""
    seed = batch_seed(one.sampling.seed, first)
    return replace(one, sampling=replace(one.sampling, seed=seed))


def _held_out(algorithm: GRPO, part: Slice | None, used: PlayDefaults) -> HeldOut | None:
    """Measures the model before RL on the held-out slice, if there is one."""
    if part is None:
        return None
    with under_way("held-out"):
        found = HeldOut(algorithm, part, used.max_new_tokens)
        found.measure_start()
    return found


def _train_loop(algorithm: GRPO, watch: Watch, done: int, clock: _Clock) -> None:
    settings, folder = watch.settings.run, watch.folder
    last, log = settings.iterations, RolloutLog(folder, watch.settings)
    algorithm.keep_groups = settings.keep_rollouts
    watch.begin(done)
    clock.start()
    with LiveTraining(last, done) as live:
        for iteration in range(done + 1, last + 1):
            if watch.stopped:
                break
            metrics = flat_metrics(algorithm.train())
            log.write(iteration, algorithm.kept)
            metrics |= watch.evaluate(iteration, algorithm.save_model)
            metrics["seconds"] = round(clock.seconds(), 2)
            folder.log(iteration, metrics)
            live.show(iteration, metrics)
            watch.look(iteration, metrics)
            if iteration % settings.checkpoint_every == 0 or iteration == last or watch.stopped:
                folder.save_checkpoint(algorithm, iteration, settings.keep_checkpoints)
    if watch.stopped:
        console.print(f"stopped: {watch.stopped}", markup=False, soft_wrap=True)
    console.print(f"training: {duration(clock.seconds())}")


TIMES = ("seconds", "judge/wait_seconds", "judge/wait_share")
"""Metrics of the clock, beside those under ``timing/``."""


def without_times(metrics: Mapping[str, float]) -> dict[str, float]:
    """Leaves out what the clock says: the rest is the same whenever a run is done again."""
    named = metrics.items()
    return {k: v for k, v in named if k not in TIMES and not k.startswith("timing/")}


def flat_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    """The metrics worth keeping of an RLlib result, flat, as plain floats."""
    from agents.grpo import OBJECTIVE, ROLLOUTS, TIMING

    # RLlib gives NaN for what was logged before but not in this iteration.
    rollouts = {name: float(value) for name, value in result[ROLLOUTS].items()}
    metrics = {name: value for name, value in rollouts.items() if math.isfinite(value)}
    learner = result["learners"]["default_policy"]
    metrics |= {name: float(value) for name, value in learner.get(OBJECTIVE, {}).items()}
    metrics["loss"] = float(learner["total_loss"])
    norm = learner.get("gradients_default_optimizer_global_norm")
    if norm is not None:
        metrics["grad_norm"] = float(norm)
    times = {name: float(value) for name, value in result[TIMING].items()}
    times |= {f"learner/{name}": float(value) for name, value in learner[TIMING].items()}
    finite = {name: value for name, value in times.items() if math.isfinite(value)}
    return metrics | {f"timing/{name}": round(value, 4) for name, value in finite.items()}


@contextmanager
def ray_session(settings: TrainSettings) -> Iterator[None]:
    """A Ray instance of our own, on loopback and without a dashboard; an existing one is used."""
    cores = settings.run.threads or os.cpu_count() or 1
    processes = settings.run.num_env_runners + settings.run.num_learners
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    own = not ray.is_initialized()
    if own:
        ray.init(
            num_cpus=max(2, cores, processes + 1),
            include_dashboard=False,
            object_store_memory=256 * 1024**2,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address="127.0.0.1",
        )
    try:
        yield
    finally:
        if own:
            ray.shutdown()
