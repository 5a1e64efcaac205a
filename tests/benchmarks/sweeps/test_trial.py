"""What trials share, the model before RL, and what each has alone: the file it speaks to."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report.terminal import console
from benchmarks.sweeps.trial import as_evaluated, load, saying_to, start_key
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build, to_json

NOISY: dict[str, Any] = {"judge.name": "flipped", "judge.params": {"rate": 0.2}}
TRUE = {"evaluation.judge": "rule"}


def key(**changes: Any) -> str:
    given = {path.replace("__", "."): value for path, value in changes.items()}
    return start_key(to_json(build(TrainSettings, given)))


def test_what_only_training_hangs_on_is_shared() -> None:
    assert key() == key(grpo__lr=1e-5) == key(run__seed=7) == key(evaluation__every=10)
    assert key() == key(run__iterations=3)


@pytest.mark.parametrize(
    "changes",
    [
        {"rewards.price": 0.3}, {"env.max_turns": 3}, {"evaluation.samples": 7},
        {"world.canvas": 224}, {"run.threads": 1}, NOISY, {"evaluation.judge": "flipped"},
        {**TRUE, "evaluation.judge_params": {"anls_threshold": 1.0}},
    ],
    ids=str,
)  # fmt: skip
def test_what_evaluations_hang_on_is_not(changes: dict[str, Any]) -> None:
    assert start_key(to_json(build(TrainSettings, changes))) != key()


def test_the_judge_of_training_separates_nobody_where_evaluations_have_their_own() -> None:
    keys = {
        start_key(to_json(build(TrainSettings, NOISY, TRUE, {"judge.params": {"rate": rate}})))
        for rate in (0.0, 0.1, 0.2)
    }
    assert keys == {key()}, "and it is that of a sweep which trains with that judge"
    same = build(TrainSettings, NOISY, {"evaluation.judge": "flipped"})
    own = build(TrainSettings, NOISY)
    assert start_key(to_json(own)) != start_key(to_json(same)), "of other parameters"


def test_keys_of_folders_that_are_there_stay() -> None:
    """Without a judge of its own an evaluation says nothing of one, as before there was any."""
    kept = json.loads(key())
    assert sorted(kept["evaluation"]) == ["data", "samples", "split"]
    assert kept["judge"] == {"name": "rule", "params": {}}


def test_the_model_before_rl_is_judged_by_the_judge_of_evaluations_alone() -> None:
    given = build(TrainSettings, NOISY, TRUE, {"evaluation.judge_params": {"anls_threshold": 0.9}})
    played = load(json.dumps(as_evaluated(json.loads(to_json(given)))))
    assert played.judge.given() == {"name": "rule", "anls_threshold": 0.9}
    assert played.eval_env()["judge"] == given.eval_env()["judge"]
    assert played.evaluation.judge is None


def test_what_is_said_goes_to_the_file_of_the_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [tmp_path / name / "log" for name in ("a", "b")]
    logger, before = logging.Logger("kept"), (sys.stdout, sys.stderr, console.file)
    for log in (*logs, logs[0]):
        with saying_to(log):
            if not logger.handlers:  # as a library does that is imported by the first trial
                logger.addHandler(logging.StreamHandler())
            print("printed")
            console.print("shown")
            logger.warning("warned")
            assert sys.stderr.fileno() > 2 and not sys.stdout.isatty()
    assert (sys.stdout, sys.stderr, console.file) == before
    assert logs[1].read_text().split() == ["printed", "shown", "warned"]
    assert logs[0].read_text().split() == ["printed", "shown", "warned"] * 2
    assert capsys.readouterr().out == ""


def test_a_failure_ends_it(tmp_path: Path) -> None:
    before = sys.stdout
    with pytest.raises(ValueError), saying_to(tmp_path / "log"):
        raise ValueError
    assert sys.stdout is before
