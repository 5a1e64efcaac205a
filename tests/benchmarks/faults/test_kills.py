"""Moments are told apart by what is seen of a run; killed at some, it ends as one left alone."""

import json
from pathlib import Path

import pytest

from benchmarks.faults.kills import MOMENTS, READY, Seen, kill_trials
from benchmarks.training.run_folder import RunFolder

TIMES = {"rollout": 4.0, "learner": 2.0, "sync": 1.0}


def seen(folder: Path, since: float = 0.0, began: bool = True, rows: int = 3) -> Seen:
    return Seen(rows, since, began, TIMES, RunFolder(folder))


@pytest.mark.parametrize(
    ("moment", "first", "last"),
    [("rollout", 0.0, 4.0), ("learner", 4.0, 6.0), ("weight sync", 6.0, 7.0)],
)
def test_parts_of_an_iteration_are_told_by_the_one_before(
    tmp_path: Path, moment: str, first: float, last: float
) -> None:
    for share in (0.0, 0.5, 0.99):
        due = first + share * (last - first)
        assert READY[moment](seen(tmp_path, due), share)
        assert not READY[moment](seen(tmp_path, due - 0.01), share)
        assert not READY[moment](seen(tmp_path, due, began=False), share)


def test_what_is_written_tells_the_other_moments(tmp_path: Path) -> None:
    for moment in ("checkpoint", "evaluation", "model save", "summary"):
        assert not READY[moment](seen(tmp_path), 0.5)
    (tmp_path / "checkpoints" / ".draft_00004").mkdir(parents=True)
    assert READY["checkpoint"](seen(tmp_path), 0.5)
    rollouts = tmp_path / "rollouts.jsonl"
    rollouts.write_text(json.dumps({"iteration": 3}) + "\n")
    assert not READY["evaluation"](seen(tmp_path), 0.5)
    rollouts.write_text(json.dumps({"iteration": 4}) + '\n{"iter')
    assert READY["evaluation"](seen(tmp_path), 0.5)
    (tmp_path / "model").mkdir()
    assert READY["model save"](seen(tmp_path), 0.5)
    (tmp_path / "episodes.jsonl").touch()
    assert READY["summary"](seen(tmp_path), 0.5)


def test_the_start_is_over_when_an_iteration_is_logged(tmp_path: Path) -> None:
    assert READY["start"](seen(tmp_path, 8.0, began=False), 0.5)
    assert not READY["start"](seen(tmp_path, 7.0, began=False), 0.5)
    assert not READY["start"](seen(tmp_path, 8.0), 0.5)


def test_all_moments_are_among_the_twenty() -> None:
    assert len(MOMENTS) == 20
    assert set(MOMENTS) == set(READY)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_and_resumed_it_ends_as_one_that_was_left_alone(tmp_path: Path) -> None:
    moments = ("learner", "checkpoint", "evaluation", "model save", "summary")
    trials = list(kill_trials(tmp_path, 18, moments))
    assert [trial.kind for trial in trials] == [f"killed: {moment}" for moment in moments]
    assert [trial for trial in trials if not trial.held] == []
