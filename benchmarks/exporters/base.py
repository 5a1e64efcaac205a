"""What an exporter is: it shows a run somewhere else, while the run goes on and when it is over.

    visionthink train --run.export wandb,trackio

A run needs none. What an exporter fails at is told once, and ends no training.
"""

from __future__ import annotations

import importlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from judges import Registry
from vt_env import ConfigError, RegistryError


@dataclass(frozen=True)
class ExportedRun:
    """What an exporter is told when a run begins, or goes on.

    Attributes:
        name: The run's own, by which it is found again when it goes on; letters, digits and
            ``._=-`` alone.
        project: What runs are shown together under.
        folder: The run folder, absolute.
        settings: By path, as text, numbers and flags; without secrets.
        provenance: Version, commit, command, machine and time; without secrets.
        resumed: Whether the run goes on from a checkpoint.
    """

    name: str
    project: str
    folder: Path
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    resumed: bool


@dataclass(frozen=True)
class Shown:
    """An episode of the final evaluation, as it is shown.

    Attributes:
        image: What the policy saw first, mode RGB.
        caption: The question, the answer, and what became of it.
    """

    image: Image.Image
    caption: str


class Exporter(ABC):
    """Shows a run somewhere else.

    Everything but `check` is called in a thread of the exporter's own, in order, so that training
    waits for nothing. What is raised there is told once; if `begin` raises, nothing else is called.
    """

    def check(self) -> None:  # noqa: B027 - may be left out
        """Finds out whether it can work, before any work starts; must not wait for a network.

        Raises:
            ConfigError: If it cannot; with what to do.
        """

    @abstractmethod
    def begin(self, run: ExportedRun) -> None:
        """A run begins, or goes on: what was shown under its name before is continued."""

    @abstractmethod
    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Metrics of an iteration; one that is played again after a kill comes twice."""

    def show(self, iteration: int, episodes: Sequence[Shown]) -> None:  # noqa: B027 - may be left out
        """A few episodes of the final evaluation."""

    def finish(self, summary: Mapping[str, Any] | None) -> None:  # noqa: B027 - may be left out
        """The run is over.

        Args:
            summary: As in ``summary.json``; None: the run was ended before its end.
        """


EXPORTERS = Registry[Callable[[], Exporter]]("exporter")
"""What makes exporters, by name: a subclass of `Exporter`, or a function that returns one."""
EXPORTERS.register("wandb", "benchmarks.exporters.to_wandb:WandbExporter")
EXPORTERS.register("trackio", "benchmarks.exporters.to_trackio:TrackioExporter")


def make_exporter(name: str) -> Exporter:
    """Makes the exporter called `name`.

    Raises:
        UnknownNameError: If there is none; suggests the closest.
        RegistryError: If what was made is no exporter.
    """
    found: object = EXPORTERS.find(name)()
    if not isinstance(found, Exporter):
        raise RegistryError(
            f"The exporter {name!r} must make an Exporter, got {type(found).__name__}."
        )
    return found


def check_exporters(names: Sequence[str]) -> None:
    """Finds out whether exporters can work, before any work starts.

    Raises:
        ConfigError: If one of them cannot: its package is not installed, or nobody is logged in.
    """
    for name in names:
        make_exporter(name).check()


def needed(package: str, extra: str) -> Any:
    """Imports the package that an exporter needs.

    Raises:
        ConfigError: If it is not there; names the extra that brings it.
    """
    try:
        found = importlib.import_module(package)
    except ImportError as error:
        raise ConfigError(
            f"run.export: {package} cannot be imported ({error}): pip install -e '.[{extra}]' "
            "brings it, and no run needs it."
        ) from error
    if getattr(found, "__file__", None) is None:  # a folder of that name is a namespace
        raise ConfigError(
            f"run.export: {package} is not installed: pip install -e '.[{extra}]' brings it, and "
            "no run needs it."
        )
    return found


def run_name(folder: Path) -> str:
    """What a run is called elsewhere: its folder's name; of a trial sweep, point and seed."""
    parts = folder.resolve().parts
    own = (*parts[-4:-3], *parts[-2:]) if parts[-3:-2] == ("trials",) else parts[-1:]
    return re.sub(r"[^\w.=-]+", "-", "-".join(own), flags=re.ASCII).strip("-") or "run"
