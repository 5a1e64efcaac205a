"""A training run from start to finish: check, baseline, train, evaluate, draw.

    visionthink train --seed 0

Everything that can be wrong with settings or data is found before an engine starts.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.backends import Sampling
from agents.rollouts.collect import Decision
from agents.rollouts.trajectory import Trajectory
from benchmarks.evaluation.baselines import (
    AfterTraining,
    BeforeTraining,
    Player,
    evaluation_indices,
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
from benchmarks.report.plots import plot_run
from benchmarks.report.terminal import LiveTraining, print_summary
from benchmarks.training.memory import PeakMemory
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import TrainSettings
from judges import check_judge
from vt_env.data.load import setting_names
from vt_env.data.opened import OpenedDataset
from vt_env.errors import ConfigError

if TYPE_CHECKING:
    from agents.grpo.algorithm import GRPO, GRPOConfig


def train(settings: TrainSettings, root: Path, run_id: str | None = None) -> RunFolder:
    """Trains from scratch in a new folder under `root`; see `_run`."""
    settings = settings.resolved()
    envs = check_data(settings)
    folder = RunFolder.create(root, settings, run_id)
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
    folder.check_progress(latest[0], latest[0] * settings.num_prompts)
    envs = check_data(settings)
    folder.forget_after(latest[0])
    _run(settings, envs, folder, latest)
    return folder


@dataclass(frozen=True)
class Envs:
    """Settings of a run's environments, whose data is open.

    Attributes:
        train: Of the one that is trained in.
        evaluation: Of the one that is evaluated in.
    """

    train: dict[str, Any]
    evaluation: dict[str, Any]


def check_data(settings: TrainSettings) -> Envs:
    """Opens both environments, so that every bad setting and row is reported now.

    The judge is asked whether it can work: a run must not start on an endpoint that is not there.

    Returns:
        Settings for the rest of the run, which opens no data again.

    Raises:
        VisionThinkError: Of the kind that says what is wrong.
    """
    import vt_env
    from agents.models.checkpoints import check_weights
    from vt_env.env import VisionThinkEnv

    evaluation = with_open_data(settings.eval_env())
    train = with_open_data(settings.train_env(), evaluation["data"])
    vt_env.make(**evaluation).close()
    env = vt_env.make(**train).unwrapped
    assert isinstance(env, VisionThinkEnv)
    try:
        build_config(settings, train).validate()
        check_weights(settings.model)
        check_judge(env.judge)
    finally:
        env.close()
    return Envs(train, evaluation)


def with_open_data(env_settings: Mapping[str, Any], *opened: OpenedDataset) -> dict[str, Any]:
    """Settings of an environment with its dataset in place of the settings of the dataset.

    Args:
        env_settings: Settings of `VisionThinkEnv` and of its dataset, mixed.
        *opened: Datasets that are open already; one of them is taken if it is the same.
    """
    from vt_env.env import VisionThinkEnv

    names = {*setting_names(VisionThinkEnv)} - {"data"}
    own = {name: value for name, value in env_settings.items() if name in names}
    data = {name: value for name, value in env_settings.items() if name not in names}
    dataset = OpenedDataset(**data)
    return {**own, "data": next((other for other in opened if other == dataset), dataset)}


def build_config(settings: TrainSettings, train_env: Mapping[str, Any]) -> GRPOConfig:
    """The algorithm's configuration, trained in an environment of these settings."""
    from agents.grpo.algorithm import GRPOConfig

    for name in ("ray", "ray.rllib", "ray.tune"):
        logging.getLogger(name).setLevel(logging.ERROR)
    config = GRPOConfig()
    config.environment("VisionThink-v0", env_config=dict(train_env))
    config.env_runners(num_env_runners=settings.num_env_runners)
    config.debugging(seed=settings.seed, log_level="ERROR")
    config.training(
        model_dir=settings.model,
        backend=settings.backend,
        num_prompts=settings.num_prompts,
        num_generations=settings.num_generations,
        lr=settings.lr,
        beta=settings.beta,
        epsilon=settings.epsilon,
        epsilon_high=settings.epsilon_high,
        loss_type=settings.loss_type,
        advantage_estimator=settings.advantage_estimator,
        scale_rewards=settings.scale_rewards,
        num_iterations=settings.num_iterations,
        micro_batch_size=settings.micro_batch_size or None,
        temperature=settings.temperature,
        max_new_tokens=settings.max_new_tokens,
        max_model_len=settings.max_model_len,
        shaper=settings.shaper,
        shaper_params=settings.shaper_params,
        max_abstention_share=settings.max_abstention_share,
        plugins=settings.plugins,
    )
    return config


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
    begun, used = time.monotonic(), settings.play.known()
    with PeakMemory() as memory, ray_session(settings):
        algorithm = build_config(settings, envs.train).build_algo()
        try:
            play = _player(algorithm, envs.evaluation, settings.eval_samples)
            # A resumed run measures the model before RL again, before it restores the trained one.
            before = play_before(play, used.max_new_tokens, settings.seed)
            show_limits(limit_lines(before_limits(before), used))
            done = latest[0] if latest else 0
            if latest:
                algorithm.restore_from_path(str(latest[1].resolve()))
            clock = _Clock(before=folder.metrics()[-1]["seconds"] if done else 0.0)
            _train_loop(algorithm, settings, folder, done, clock)
            seconds = clock.seconds()
            after = play_after(play, used.max_new_tokens, settings.seed)
            algorithm.save_model(folder.path / "model")
        finally:
            algorithm.stop()
            folder.close()
    summary = {
        "run": folder.path.name,
        "seed": settings.seed,
        "iterations": settings.iterations,
        "seconds": round(seconds, 1),
        "seconds_in_all": round(time.monotonic() - begun, 1),
        "peak_memory_gb": round(memory.peak_gb, 2),
        **summarise(before, after),
        "limits": limits_record(run_limits(before, after, folder.metrics()), used),
    }
    _write_results(folder, summary, after.policy)


def before_limits(before: BeforeTraining) -> dict[str, Shares]:
    """What limits did to the model before RL, by what was played."""
    return {
        "untrained": shares_of(before.untrained),
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


def _player(algorithm: GRPO, env_settings: dict[str, Any], samples: int) -> Player:
    indices = evaluation_indices(len(env_settings["data"]), samples)

    def play(sampling: Sampling, decision: Decision | None = None) -> list[Trajectory]:
        return algorithm.play_fixed(env_settings, indices, sampling, decision)

    return play


def _train_loop(
    algorithm: GRPO, settings: TrainSettings, folder: RunFolder, done: int, clock: _Clock
) -> None:
    clock.start()
    with LiveTraining(settings.iterations, done) as live:
        for iteration in range(done + 1, settings.iterations + 1):
            metrics = flat_metrics(algorithm.train())
            metrics["seconds"] = round(clock.seconds(), 2)
            folder.log(iteration, metrics)
            live.show(iteration, metrics)
            if iteration % settings.checkpoint_every == 0 or iteration == settings.iterations:
                folder.save_checkpoint(algorithm, iteration)


def flat_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    """The metrics worth keeping of an RLlib result, flat, as plain floats."""
    from agents.grpo.algorithm import ROLLOUTS
    from agents.grpo.learner import OBJECTIVE

    # RLlib gives NaN for what was logged before but not in this iteration.
    rollouts = {name: float(value) for name, value in result[ROLLOUTS].items()}
    metrics = {name: value for name, value in rollouts.items() if math.isfinite(value)}
    learner = result["learners"]["default_policy"]
    metrics |= {name: float(value) for name, value in learner.get(OBJECTIVE, {}).items()}
    metrics["loss"] = float(learner["total_loss"])
    norm = learner.get("gradients_default_optimizer_global_norm")
    if norm is not None:
        metrics["grad_norm"] = float(norm)
    return metrics


@contextmanager
def ray_session(settings: TrainSettings) -> Iterator[None]:
    """A Ray instance of our own, on loopback and without a dashboard; an existing one is used."""
    cores = settings.threads or os.cpu_count() or 1
    os.environ.setdefault("OMP_NUM_THREADS", str(cores))
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    own = not ray.is_initialized()
    if own:
        ray.init(
            num_cpus=max(2, cores, settings.num_env_runners + 1),
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
