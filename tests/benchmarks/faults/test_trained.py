"""A training whose judge fails comes to its end, and is held against the bar."""

import os
from pathlib import Path

import pytest

from benchmarks.faults.trained import KIND, trained_trial
from benchmarks.training.run_folder import RunFolder


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_of_two_iterations_is_not_at_the_bar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (trial,) = trained_trial(tmp_path, 0, iterations=2)
    assert trial.kind.startswith(KIND)
    assert not trial.held and "of the others" in trial.found
    rows = RunFolder(tmp_path / "seed0").metrics()
    assert sum(row["judge/retries"] for row in rows) > 0
    assert "OPENAI_API_KEY" not in os.environ
