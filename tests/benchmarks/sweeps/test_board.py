"""TensorBoard over a sweep: trials say all that varies, default or not."""

from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from benchmarks.sweeps.board import write_boards
from tests.benchmarks.sweeps.made import SWEEP, made


def read(board: Path) -> tuple[dict[str, Any], EventAccumulator]:
    found = EventAccumulator(str(board))
    found.Reload()
    content = found.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    told = metadata.parse_session_start_info_plugin_data(content).hparams
    kinds = ("number_value", "string_value", "bool_value")
    return {
        path: next(getattr(value, kind) for kind in kinds if value.HasField(kind))
        for path, value in told.items()
    }, found


def test_every_trial_that_is_done_is_a_row_with_what_varies(tmp_path: Path) -> None:
    folder, planned = made(tmp_path, seeds=2)
    (folder.trial(planned[-1]).path / "summary.json").unlink()
    for _ in range(2):  # the second time nothing is added
        write_boards(SWEEP, planned, folder)
    told = {}
    for trial in planned[:-1]:
        board = folder.trial(trial).path / "tensorboard"
        assert len(list(board.iterdir())) == 1
        told[trial.id], found = read(board)
        (figure,) = found.Scalars("Final/policy/accuracy")
        assert (figure.step, figure.value) == (2, folder.summary(trial)["accuracy"])
    assert told == {
        "fees/free/0": {"run.seed": 0, "grpo.shaper": "none",
                        "grpo.shaper_params.penalty": "none"},
        "fees/free/1": {"run.seed": 1, "grpo.shaper": "none",
                        "grpo.shaper_params.penalty": "none"},
        "fees/dear/0": {"run.seed": 0, "grpo.shaper": "every_request",
                        "grpo.shaper_params.penalty": 0.5},
    }  # fmt: skip
    assert not (folder.trial(planned[-1]).path / "tensorboard").exists()
