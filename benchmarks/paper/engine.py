"""An engine with a model of a trial, and the weights that it can be given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.evaluation.play import Player
from benchmarks.training.settings import CourseSettings
from vt_env import open_env

if TYPE_CHECKING:
    import torch

BATCH = 200
"""Samples that are played at once."""


def with_model(settings: CourseSettings, model: Path) -> CourseSettings:
    """The same settings, with another model in place of the one that was begun with."""
    return replace(settings, engine=replace(settings.engine, model_dir=str(model)))


@contextmanager
def playing(settings: CourseSettings, env_settings: dict[str, Any]) -> Iterator[Player]:
    """An engine with the model of these settings, on an environment.

    Args:
        settings: Those of a run.
        env_settings: Of the environment, such as ``settings.eval_env()``.
    """
    if settings.run.threads:
        os.environ.setdefault("OMP_NUM_THREADS", str(settings.run.threads))
    env = open_env(settings.env.id, **env_settings)
    try:
        with settings.player(settings.known(), env, settings.run.seed) as player:
            yield player
    finally:
        env.close()


def weights_of(model: Path) -> dict[str, torch.Tensor]:
    """The weights of a saved model by the names that engines take, which are not those of files."""
    from agents import load_model

    return dict(load_model(model, "float32").state_dict())
