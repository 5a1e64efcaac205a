"""The tidy table needs none of our code to be read."""

from pathlib import Path

import pandas

from benchmarks.sweeps.table import tidy, write_table
from tests.benchmarks.sweeps.made import SWEEP, made


def test_a_row_a_trial_and_iteration(tmp_path: Path) -> None:
    folder, planned = made(tmp_path, seeds=2)
    (folder.trial(planned[-1]).path / "summary.json").unlink()
    write_table(tidy(SWEEP, planned, folder), folder.path)
    csv, parquet = (
        pandas.read_csv(folder.path / "sweep.csv"),
        pandas.read_parquet(folder.path / "sweep.parquet"),
    )
    for table in (csv, parquet):
        assert len(table) == 6, "a trial that is not done is left out"
        assert list(table.columns[:6]) == [
            "sweep", "point", "seed", "grpo.shaper", "grpo.shaper_params.penalty", "iteration",
        ]  # fmt: skip
        dear = table[table["point"] == "dear"]
        assert set(dear["grpo.shaper_params.penalty"]) == {0.5}
        assert table.groupby("seed")["reward"].max().to_dict() == {0: 0.2, 1: 1.2}
    assert not list(folder.path.glob(".draft*"))
