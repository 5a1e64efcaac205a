"""Reinforcement learning as the method of a run: GRPO on Ray RLlib."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report.stages import under_way
from benchmarks.report.terminal import console
from benchmarks.safety.own_ray import given_address, joined_ray, keep_log, own_ray
from benchmarks.training.method import Envs, Method
from benchmarks.training.plan import plan
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import CourseSettings, TrainSettings
from vt_env import VisionThinkEnv

if TYPE_CHECKING:
    from agents import GRPO, GRPOConfig
    from agents.restarts import Restart
    from benchmarks.safety.watch import ProcessWatch

LOGS = "logs"
"""Folder in that of a run with the logs of processes that ended."""


def build_config(settings: TrainSettings, train_env: Mapping[str, Any]) -> GRPOConfig:
    """The algorithm's configuration, trained in an environment of these settings."""
    from agents import GRPOConfig

    for name in ("ray", "ray.rllib", "ray.tune"):
        logging.getLogger(name).setLevel(logging.ERROR)
    # What it says at length of a runner that ended is told in a line.
    logging.getLogger("ray.rllib.utils.actor_manager").setLevel(logging.CRITICAL)
    config = GRPOConfig()
    config.environment(settings.env.id, env_config=dict(train_env))
    config.env_runners(num_env_runners=settings.run.num_env_runners)
    config.fault_tolerance(max_num_env_runner_restarts=settings.run.max_restarts)
    config.learners(num_learners=settings.run.num_learners)
    config.debugging(seed=settings.run.seed, log_level="ERROR")
    config.training(plugins=settings.plugins, **vars(settings.engine), **vars(settings.grpo))
    return config.for_iterations(settings.run.iterations)


def show_trained(algorithm: GRPO) -> None:
    """Says how much of the policy is trained."""
    asked = algorithm.learner_group.foreach_learner(lambda learner: learner.parameter_counts())
    trained, whole = next(iter(asked)).get()
    console.print(f"trains {trained / 1e6:,.2f} of {whole / 1e6:,.2f} million parameters")


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
def ray_session(
    settings: CourseSettings, keep: Path | None = None
) -> Iterator[ProcessWatch | None]:
    """A Ray instance of our own; one that is there, or the cluster of ``RAY_ADDRESS``, is used.

    Args:
        settings: Those of the run.
        keep: Folder for the log of a process that ended.

    Yields:
        What watches its processes, where it is our own.

    Raises:
        ProcessEndedError: If a process that it needs ends.
    """
    cores = settings.run.threads or os.cpu_count() or 1
    processes = settings.run.num_env_runners + settings.run.num_learners
    # Runners compute while learners wait, and the other way round; those of a kind share the cores.
    at_once = max(1, settings.run.num_env_runners, settings.run.num_learners)
    threads = settings.run.threads or max(1, cores // at_once)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray = sys.modules.get("ray")  # not imported before `own_ray` says how
    if ray is not None and ray.is_initialized():
        yield None
    elif address := given_address():
        with joined_ray(address):
            yield None
    else:
        with own_ray(max(2, cores, processes + 1), 256 * 1024**2, keep) as watch:
            yield watch


def _check(settings: TrainSettings, _env: VisionThinkEnv, train_env: dict[str, Any]) -> None:
    build_config(settings, train_env).validate()


def _position(settings: TrainSettings, iteration: int) -> int | None:
    return None if settings.grpo.dynamic_sampling else iteration * settings.grpo.num_prompts


@contextmanager
def _opened(settings: TrainSettings, envs: Envs, folder: RunFolder) -> Iterator[GRPO]:
    """Ray, and the algorithm on it."""
    logs = folder.path / LOGS
    with ExitStack() as opened:
        with under_way("engine"):
            watch = opened.enter_context(ray_session(settings, logs))
            algorithm = build_config(settings, envs.train).build_algo()
            opened.callback(algorithm.stop)
            algorithm.keep_groups = settings.run.keep_rollouts
            algorithm.restarts.tell = lambda restart: tell_restart(restart, logs)
        if watch is not None and settings.run.num_learners:
            watch.also(learner_pids(algorithm))
            opened.callback(watch.no_more)
        show_trained(algorithm)
        yield algorithm


def learner_pids(algorithm: GRPO) -> dict[str, int]:
    """The processes of learners, by name."""
    asked = algorithm.learner_group.foreach_learner(lambda _: os.getpid())
    return {f"learner {number}": one.get() for number, one in enumerate(asked, 1)}


def tell_restart(restart: Restart, logs: Path) -> None:
    """Says that a runner was started again, and keeps the log of the one that ended."""
    if restart.log is not None:
        restart = replace(restart, log=keep_log(restart.log, logs))
    console.print(str(restart), style="yellow", markup=False, soft_wrap=True)


BY_GRPO = Method("GRPO", TrainSettings, plan, _check, _position, _opened, flat_metrics, "train")
"""Reinforcement learning on Ray RLlib."""
