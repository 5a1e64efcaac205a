"""`Method`: how the model of a run learns; all else of a run is the same for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agents import Pass, Trajectory
from benchmarks.report.stages import Stage
from benchmarks.training.held_out import Slice
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import CourseSettings
from vt_env import UnknownNameError, VisionThinkEnv


class Trainee(Protocol):
    """A model that learns, and plays with its current weights."""

    kept: tuple[tuple[Trajectory, ...], ...]
    """Groups that were played to learn from in the last iteration, as many as are to be kept."""

    def train(self) -> Mapping[str, Any]:
        """Learns for one iteration; returns what `Method.metrics` reads."""
        ...

    def play_fixed(
        self, env_settings: dict[str, Any], indices: Sequence[int], passes: Sequence[Pass]
    ) -> list[list[Trajectory]]:
        """For each way one trajectory a sample, in order, without its images."""
        ...

    def refresh_engines(self) -> None:
        """Drops what engines keep of what was played."""
        ...

    def save_model(self, directory: Path) -> None:
        """Writes the policy as a Hugging Face directory."""
        ...

    def save_to_path(self, path: str) -> Any:
        """Writes a checkpoint, with a manifest that has the position in the stream."""
        ...

    def restore_from_path(self, path: str) -> None:
        """Goes on from a checkpoint."""
        ...


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
    held_out: Slice | None = field(default=None)


@dataclass(frozen=True)
class Method:
    """How a model learns.

    Attributes:
        name: What progress is called by.
        tree: The settings of a run; the functions below are given one of these.
        plan: The stages of a run, given how many iterations are done.
        check: Refuses what cannot be trained, given the training environment and its settings.
        position: Where in the stream a run is after so many iterations; None: not known before.
        opened: Starts engine and trainer, and stops them afterwards.
        metrics: What is logged of an iteration, given what `Trainee.train` returned.
        command: The command that trains by it.
    """

    name: str
    tree: type[CourseSettings]
    plan: Callable[[Any, int], list[Stage]]
    check: Callable[[Any, VisionThinkEnv, dict[str, Any]], None]
    position: Callable[[Any, int], int | None]
    opened: Callable[[Any, Envs, RunFolder], AbstractContextManager[Trainee]]
    metrics: Callable[[Mapping[str, Any]], dict[str, float]]
    command: str


METHODS = ("grpo", "sft")
"""Names of the methods: those of the part of the settings that each has of its own."""


def method_named(name: str) -> Method:
    """A method by its name; the other one is not imported.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name == "grpo":
        from benchmarks.training.grpo import BY_GRPO

        return BY_GRPO
    if name == "sft":
        from benchmarks.training.sft import BY_SFT

        return BY_SFT
    raise UnknownNameError("method", name, METHODS)
