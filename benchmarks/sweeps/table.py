"""The tidy table of a sweep: a row a trial and iteration, for users of pandas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.safety.disk import drafted
from benchmarks.sweeps.catalogue.definitions import Sweep, Trial
from benchmarks.sweeps.folder import SweepFolder
from vt_env.settings.tree import flatten

if TYPE_CHECKING:
    import pandas


def tidy(sweep: Sweep, planned: Sequence[Trial], folder: SweepFolder) -> pandas.DataFrame:
    """Metrics of training, with the settings that vary.

    Args:
        sweep: What was compared.
        planned: Its trials; those that are not done are left out.
        folder: Where they are.

    Returns:
        Columns ``sweep``, ``point``, ``seed``, a column a varied setting by its path,
        ``iteration``, and a column a metric; NaN where an iteration has none.
    """
    import pandas

    rows: list[dict[str, Any]] = []
    for trial in planned:
        if not folder.is_done(trial):
            continue
        about = {"sweep": trial.sweep, "point": trial.point, "seed": trial.seed}
        about |= varied_values(sweep, trial)
        rows += [{**about, **metrics} for metrics in folder.trial(trial).metrics()]
    return pandas.DataFrame(rows)


def varied_values(sweep: Sweep, trial: Trial) -> dict[str, Any]:
    """The settings that vary as a trial has them; of tables each entry that some point sets."""
    values = flatten(trial.settings)
    found: dict[str, Any] = {}
    for path in sweep.varied():
        if path not in values:  # one entry of a table
            table = next(p for p in values if path.startswith(f"{p}."))
            found[path] = values[table].get(path.removeprefix(f"{table}."))
        elif isinstance(values[path], dict):
            names = {name for point in sweep.points for name in point.settings.get(path, {})}
            found |= {f"{path}.{name}": values[path].get(name) for name in sorted(names)}
        else:
            value = values[path]
            found[path] = ",".join(map(str, value)) if isinstance(value, list) else value
    return found


def write_table(table: pandas.DataFrame, folder: Path) -> None:
    """Writes ``sweep.csv`` and ``sweep.parquet``, each whole or not at all."""
    for name, write in (("sweep.csv", _csv), ("sweep.parquet", _parquet)):
        with drafted(folder / name) as draft:
            write(table, draft)


def _csv(table: pandas.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False)


def _parquet(table: pandas.DataFrame, path: Path) -> None:
    table.to_parquet(path, index=False)
