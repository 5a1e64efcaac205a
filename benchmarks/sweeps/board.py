"""TensorBoard's HPARAMS tab over a sweep: each trial with all that varies, default or not."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.exporters.board import write_final
from benchmarks.exporters.figures import final_figures
from benchmarks.exporters.told import differing
from benchmarks.sweeps.catalogue.definitions import Sweep, Trial
from benchmarks.sweeps.folder import SweepFolder
from benchmarks.sweeps.table import varied_values


def write_boards(sweep: Sweep, planned: Sequence[Trial], folder: SweepFolder) -> None:
    """Writes the final figures of trials that are done again, with the settings that vary.

    A trial does not know what others vary, and TensorBoard's plots hide a run that lacks a setting
    which others have.

    Args:
        sweep: What was compared.
        planned: Its trials; those that are not done are left out.
        folder: Where they are.
    """
    for trial in planned:
        if not folder.is_done(trial):
            continue
        run = folder.trial(trial)
        varied = {
            path: "none" if value is None else value
            for path, value in varied_values(sweep, trial).items()
        }
        write_final(
            run.path / "tensorboard",
            int(run.metrics()[-1]["iteration"]),
            final_figures(folder.summary(trial)),
            {**differing(trial.settings), **varied},
        )
