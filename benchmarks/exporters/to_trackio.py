"""trackio: a local board with images (``trackio show --project visionthink``); no account.

Where it writes is its own affair: ``TRACKIO_DIR``, or a Space by ``TRACKIO_SPACE_ID``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.exporters.base import ExportedRun, Exporter, Shown, needed
from benchmarks.exporters.figures import final_figures


class TrackioExporter(Exporter):
    """A run of trackio; x is the iteration."""

    def __init__(self) -> None:
        self._run: Any = None
        self._last = 0

    def check(self) -> None:
        """As `Exporter` has it; looks for the package."""
        needed("trackio", "trackio")

    def begin(self, run: ExportedRun) -> None:
        """Starts a run, or goes on with the one of that name; the machine is not watched."""
        about = {f"provenance.{k}": v for k, v in run.provenance.items() if k != "packages"}
        self._run = needed("trackio", "trackio").init(
            project=run.project,
            name=run.name,
            config={**run.settings, **about},
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Logs at the iteration."""
        self._last = iteration
        self._run.log(dict(metrics), step=iteration)

    def show(self, iteration: int, episodes: Sequence[Shown]) -> None:
        """Logs each image under a name of its own, at the last iteration."""
        trackio = needed("trackio", "trackio")
        images = {
            f"episodes/{number:02}": trackio.Image(shown.image, caption=shown.caption)
            for number, shown in enumerate(episodes)
        }
        self._last = iteration
        self._run.log(images, step=iteration)

    def finish(self, summary: Mapping[str, Any] | None) -> None:
        """Logs the final figures at the last iteration."""
        if summary is not None:
            self._last = int(summary.get("iterations", self._last))
            self._run.log(final_figures(summary), step=self._last)
        self._run.finish()
