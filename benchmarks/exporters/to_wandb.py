"""Weights & Biases: online for who is logged in, else into the run's folder, to be synced later.

Nobody is asked for a key. ``WANDB_MODE``, where it is set, decides; what is kept offline is
uploaded by ``wandb sync RUN/wandb/offline-run-*``.
"""

from __future__ import annotations

import netrc
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.exporters.base import ExportedRun, Exporter, Shown, needed
from benchmarks.exporters.figures import final_figures
from vt_env import ConfigError

ONLINE = ("online", "run", "shared")
"""Modes that need somebody who is logged in."""
SECONDS = 120.0
"""How long wandb may wait for its server, at the beginning and at the end."""


class WandbExporter(Exporter):
    """A run of Weights & Biases; x is the iteration."""

    def __init__(self) -> None:
        self._run: Any = None

    def check(self) -> None:
        """As `Exporter` has it; looks for the package, and for a key where one is needed."""
        needed("wandb", "wandb")
        mode = os.environ.get("WANDB_MODE", "")
        if mode in ONLINE and not logged_in():
            raise ConfigError(
                f"run.export: WANDB_MODE is {mode}, and nobody is logged in to wandb: run "
                "`wandb login`, or leave WANDB_MODE out to write into the run's folder."
            )

    def begin(self, run: ExportedRun) -> None:
        """Starts a run, or goes on with the one of that name; nothing printed is sent."""
        wandb = needed("wandb", "wandb")
        about = {name: value for name, value in run.provenance.items() if name != "packages"}
        self._run = wandb.init(
            project=run.project,
            id=run.name,
            name=run.name,
            dir=str(run.folder),
            config={**run.settings, "provenance": about},
            resume="allow",
            mode=None if "WANDB_MODE" in os.environ or logged_in() else "offline",
            settings=wandb.Settings(
                console="off",
                disable_code=True,
                disable_git=True,
                x_disable_meta=True,  # its command line is the one with secrets in it
                init_timeout=SECONDS,
                login_timeout=1.0,
                finish_timeout=SECONDS,
            ),
        )
        self._run.define_metric("*", step_metric="iteration")

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Logs with the iteration beside it, not as wandb's own step, which never goes back."""
        self._run.log({**metrics, "iteration": iteration})

    def show(self, iteration: int, episodes: Sequence[Shown]) -> None:
        """Logs the images under one name."""
        wandb = needed("wandb", "wandb")
        images = [wandb.Image(shown.image, caption=shown.caption) for shown in episodes]
        self._run.log({"episodes": images, "iteration": iteration})

    def finish(self, summary: Mapping[str, Any] | None) -> None:
        """Puts the final figures into the run's summary; a run that was ended counts as failed."""
        self._run.summary.update(final_figures(summary or {}))
        self._run.finish(exit_code=0 if summary is not None else 1)


def logged_in() -> bool:
    """Whether wandb finds a key by itself: in the environment, or in the netrc file."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    address = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")
    host = urlsplit(address).hostname or ""
    named = os.environ.get("NETRC")
    files = [Path(named)] if named else [Path.home() / name for name in (".netrc", "_netrc")]
    for file in files:
        try:
            if netrc.netrc(str(file)).hosts.get(host):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False
