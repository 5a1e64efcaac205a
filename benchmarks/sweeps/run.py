"""Runs a sweep on Ray Tune: what is missing of it, and no more.

    visionthink sweep penalty --seeds 3
    visionthink sweep --grid rewards.price=0,0.1,0.2 --seeds 3

Each trial is a run folder of its own, which it goes on with after a kill exactly as it would have
gone on, so a sweep that was killed equals one that was not.
"""

from __future__ import annotations

import logging
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agents import ProcessEndedError, TrainingError
from benchmarks.evaluation.baselines import BeforeTraining
from benchmarks.report.stages import under_way
from benchmarks.safety.own_ray import given_address, joined_ray, own_ray
from benchmarks.sweeps.catalogue.definitions import Sweep, Trial
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.trial import TrialTask, play_start, run_trial, start_key
from benchmarks.sweeps.worker import may_go_on, run_trial_and_stay
from vt_env.settings.tree import to_json

TRIAL_BYTES = 3 * 1024**3
"""Memory that a trial of the embedded model is reckoned with: 2.3 GB, and some more."""


AGAIN = "The same command does what is missing."


class SweepInterruptedError(TrainingError):
    """Trials are not done, though none failed: somebody ended the sweep."""


@dataclass(frozen=True)
class Room:
    """What a machine or cluster has room for.

    Attributes:
        jobs: Trials at once.
        threads: Threads, and so CPUs, of each.
        gpus: GPUs of each.
    """

    jobs: int
    threads: int
    gpus: int = 0


def room(
    planned: Sequence[Trial], cores: int, gpus: int, memory: float, jobs: int, threads: int = 0
) -> Room:
    """Shares cores out, so that no two trials compute on the same ones.

    Two trials with a thread each are done sooner than one with two threads after the other.

    Args:
        planned: The trials.
        cores: CPUs of the machine, or of the cluster.
        gpus: Its GPUs; a trial takes one where there are any.
        memory: Its free memory, in bytes; infinite where nobody knows it.
        jobs: Trials at once; 0: as many as there is room for.
        threads: Of each trial where its settings do not say; 0: cores are shared out.
    """
    wanted = max((t.settings.run.threads for t in planned), default=0) or threads
    most = max(1, min(len(planned), gpus or len(planned)))
    if not jobs:
        fit = min(most, cores // (wanted or 1), memory // TRIAL_BYTES)
        jobs = max(1, int(fit))
    jobs = min(jobs, most)
    return Room(jobs, wanted or max(1, cores // jobs), 1 if gpus else 0)


def run_sweep(
    sweep: Sweep,
    planned: Sequence[Trial],
    folder: SweepFolder,
    jobs: int = 0,
    address: str | None = None,
) -> None:
    """Runs the trials that are missing, as many at once as there is room for.

    Args:
        sweep: What is compared.
        planned: Its trials.
        folder: Where they go.
        jobs: Trials at once; 0: as many as the machine allows.
        address: Of a Ray cluster to join, such as ``"auto"``; None: this machine.

    Raises:
        ConfigError: If the folder holds trials of the same names with other settings.
        TrainingError: If a trial failed, or a process of Ray's ended; what is done stays.
        SweepInterruptedError: If the sweep was ended before; what is done stays.
    """
    folder.check(planned)
    missing = [trial for trial in planned if not folder.is_done(trial)]
    folder.write_definition(sweep, planned)
    if not missing:
        return
    for trial in missing:
        folder.clear_unsaved(trial)
        folder.error_file(trial).unlink(missing_ok=True)
    try:
        with _ray(missing, jobs, address, folder.threads(), folder.path / "logs") as given:
            folder.keep_threads(given.threads)
            starts = _starts(missing, folder, given)
            errors = _fit(missing, folder, given, starts)
    except ProcessEndedError as ended:
        raise ProcessEndedError(ended.what, ended.log, AGAIN) from ended
    for trial in missing:
        if trial.id in errors:
            folder.error_file(trial).write_text(errors[trial.id], encoding="utf-8")
    left = [trial for trial in missing if not folder.is_done(trial)]
    if not left:
        return
    failed = [trial for trial in left if trial.id in errors]
    if not failed:
        raise SweepInterruptedError(f"{len(left)} trials are not done. {AGAIN}")
    raise TrainingError(_told(failed, errors, folder))


def _told(failed: Sequence[Trial], errors: Mapping[str, str], folder: SweepFolder) -> str:
    lines = [
        f"  {trial.id}: {_last_line(errors[trial.id])} ({folder.error_file(trial)})"
        for trial in failed
    ]
    return "\n".join([f"{len(failed)} trials failed. {AGAIN}", *lines])


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "it left no word"


@contextmanager
def _ray(
    planned: Sequence[Trial], jobs: int, address: str | None, threads: int, logs: Path
) -> Iterator[Room]:
    """A Ray instance of our own on loopback, or the cluster at an address."""
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")  # relative paths stay the user's
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    import psutil

    address = given_address(address)
    with ExitStack() as opened:
        free = float(psutil.virtual_memory().available)
        cores = os.cpu_count() or 1
        if address:
            opened.enter_context(joined_ray(address))
        else:
            sizes = [trial.settings.run for trial in planned]
            own = max(run.num_env_runners + run.num_learners for run in sizes)
            given = room(planned, cores, 0, free, jobs, threads)
            cpus = max(cores, given.jobs * (given.threads + own))
            opened.enter_context(own_ray(cpus, 256 * 1024**2 * given.jobs, logs))
        import ray  # not before `own_ray` has said how

        for name in ("ray", "ray.tune", "ray.rllib"):
            logging.getLogger(name).setLevel(logging.ERROR)
        found = ray.cluster_resources()
        if address:
            # A cluster that does not say what memory it has is not held back by it.
            cores, free = int(found["CPU"]), found.get("memory", math.inf)
        yield room(planned, cores, int(found.get("GPU", 0)), free, jobs, threads)


def _starts(
    missing: Sequence[Trial], folder: SweepFolder, given: Room
) -> dict[str, BeforeTraining]:
    """The model before RL, once for all trials that begin and are evaluated alike.

    Raises:
        TrainingError: If it cannot be played.
    """
    import ray
    from ray.exceptions import RayTaskError

    texts = {start_key(text): text for text in (to_json(trial.settings) for trial in missing)}
    play = ray.remote(num_cpus=given.threads, num_gpus=given.gpus, max_retries=0)(play_start)
    found: dict[str, BeforeTraining] = {}
    waiting, playing = list(texts), dict[ray.ObjectRef, str]()
    with under_way("the model before RL", len(texts)) as step:
        while waiting or playing:
            while waiting and len(playing) < given.jobs:
                key = waiting.pop(0)
                playing[play.remote(texts[key], folder.start_log(key).resolve())] = key
            (done, *_), _ = ray.wait(list(playing))
            key = playing.pop(done)
            try:
                found[key] = ray.get(done)
            except RayTaskError as error:
                log = folder.start_log(key)
                raise TrainingError(f"The model before RL: {error.cause} ({log})") from error
            folder.write_start(key, found[key].always_low, found[key].always_high)
            step()
    return found


def _fit(
    missing: Sequence[Trial],
    folder: SweepFolder,
    given: Room,
    starts: Mapping[str, BeforeTraining],
) -> dict[str, str]:
    """Runs the trials; returns the errors of those that failed, by id."""
    from ray import tune

    from benchmarks.sweeps.progress import SweepProgress

    tasks = {
        trial.id: TrialTask(
            folder.trial(trial).path.resolve(),
            to_json(trial.settings),
            folder.log_file(trial).resolve(),
            trial.method,
        )
        for trial in missing
    }
    done = {trial.id: len(folder.trial(trial).metrics()) for trial in missing}
    whole = {trial.id: trial.settings.run.iterations for trial in missing}
    run = missing[0].settings.run
    bundles = [{"CPU": given.threads, "GPU": given.gpus}]
    bundles += [{"CPU": 1}] * (run.num_env_runners + run.num_learners)
    storage = (folder.path / ".tune").resolve()
    stays = may_go_on([task.settings for task in tasks.values()], given.gpus)
    work = run_trial_and_stay if stays else run_trial
    with SweepProgress(whole, done) as progress:
        results = tune.Tuner(
            tune.with_resources(
                tune.with_parameters(work, tasks=tasks, starts=dict(starts)),
                tune.PlacementGroupFactory(bundles),
            ),
            param_space={"trial": tune.grid_search(list(tasks))},
            tune_config=tune.TuneConfig(max_concurrent_trials=given.jobs, reuse_actors=stays),
            run_config=tune.RunConfig(
                name="sweep", storage_path=str(storage), verbose=0, callbacks=[progress]
            ),
        ).fit()
    shutil.rmtree(storage, ignore_errors=True)  # all that a trial has to keep is in its run folder
    return {result.config["trial"]: str(result.error) for result in results if result.error}
