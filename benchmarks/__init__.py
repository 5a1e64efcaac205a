"""Experiments, the command line, the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from judges import lazy_face

if TYPE_CHECKING:
    from benchmarks.evaluation.policy import EvalSettings, evaluate_policy
    from benchmarks.exporters.base import EXPORTERS, ExportedRun, Exporter, Shown
    from benchmarks.training.run import resume, train
    from benchmarks.training.run_folder import RunFolder
    from benchmarks.training.settings import TrainSettings
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "benchmarks.evaluation.policy": (
                "EvalSettings",
                "evaluate_policy",
            ),
            "benchmarks.exporters.base": (
                "EXPORTERS",
                "ExportedRun",
                "Exporter",
                "Shown",
            ),
            "benchmarks.training.run": (
                "resume",
                "train",
            ),
            "benchmarks.training.run_folder": ("RunFolder",),
            "benchmarks.training.settings": ("TrainSettings",),
        },
        extra="cpu",
    )

__all__ = [
    "EXPORTERS",
    "EvalSettings",
    "ExportedRun",
    "Exporter",
    "RunFolder",
    "Shown",
    "TrainSettings",
    "evaluate_policy",
    "resume",
    "train",
]
