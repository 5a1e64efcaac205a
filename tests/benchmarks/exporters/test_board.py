"""Final figures and settings as TensorBoard reads them: one row a run, however often written."""

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, list_session_groups, metadata
from tensorboard.plugins.hparams.backend_context import Context

from benchmarks.exporters.board import write_final
from benchmarks.training.run_folder import RunFolder

FIGURES = {"Final/policy/accuracy": 0.75, "baselines/vanilla/accuracy": 0.5}


def trained(path: Path) -> RunFolder:
    """Three iterations, the last two played again after a kill."""
    folder = RunFolder(path)
    path.mkdir(parents=True)
    for first in (1, 2):
        for iteration in range(first, 4):
            folder.log(iteration, {"reward": iteration + first / 10})
        folder.close()
    return folder


def read(path: Path) -> EventAccumulator:
    found = EventAccumulator(str(path))
    found.Reload()
    return found


def test_figures_stand_at_the_last_iteration_beside_those_of_training(tmp_path: Path) -> None:
    board = trained(tmp_path / "run").path / "tensorboard"
    write_final(board, 3, FIGURES, {"run.seed": 1, "rewards.price": 0.2})
    found = read(board)
    assert set(found.Tags()["scalars"]) == {"reward", *FIGURES}
    assert [(e.step, e.value) for e in found.Scalars("Final/policy/accuracy")] == [(3, 0.75)]
    assert [e.step for e in found.Scalars("reward")] == [1, 2, 3]
    assert [e.value for e in found.Scalars("reward")] == pytest.approx([1.1, 2.2, 3.2])
    assert not list(board.glob(".draft*"))


def test_what_is_written_again_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    board = trained(tmp_path / "run").path / "tensorboard"
    write_final(board, 3, {"Final/policy/accuracy": 0.25}, {"run.seed": 9, "rewards.price": 9.0})
    write_final(board, 3, FIGURES, {"run.seed": 1, "grpo.shaper": "paper", "run.flag": True})
    assert len(list(board.glob("*.final"))) == 1
    assert len(list(board.iterdir())) == 3, "events of training stay"
    assert max(board.iterdir()).suffix == ".final", "whatever numbers files of one second have"
    found = read(board)
    assert [e.value for e in found.Scalars("Final/policy/accuracy")] == [0.75]
    content = found.summary_metadata[metadata.SESSION_START_INFO_TAG].plugin_data.content
    settings = metadata.parse_session_start_info_plugin_data(content).hparams
    assert set(settings) == {"run.seed", "grpo.shaper", "run.flag"}
    assert settings["run.seed"].number_value == 1
    assert settings["grpo.shaper"].string_value == "paper"
    assert settings["run.flag"].bool_value is True


def session_groups(logdir: Path) -> tuple[Any, list[Any]]:
    """What the HPARAMS tab is answered: the experiment, and its rows."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(logdir))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(logdir))
    context = Context(TBContext(logdir=str(logdir), data_provider=provider))
    asked = RequestContext()
    told = context.hparams_metadata(asked, "")
    experiment = context.experiment_from_metadata(
        asked, "", True, told, context.hparams_from_data_provider(asked, "", None)
    )
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=10, allowed_statuses=[api_pb2.STATUS_SUCCESS]
    )
    rows = list_session_groups.Handler(asked, context, "", request).run().session_groups
    return experiment, list(rows)


def test_the_tab_compares_runs_that_set_different_things(tmp_path: Path) -> None:
    for name, settings in (
        ("plain", {"run.seed": 0, "grpo.shaper": "none"}),
        ("dear", {"run.seed": 0, "grpo.shaper": "paper", "rewards.price": 0.3}),
    ):
        board = trained(tmp_path / name).path / "tensorboard"
        write_final(board, 3, FIGURES, settings)
    experiment, rows = session_groups(tmp_path)
    assert {info.name: info.differs for info in experiment.hparam_infos} == {
        "grpo.shaper": True, "rewards.price": False, "run.seed": False,
    }  # fmt: skip
    first = [info.name.tag for info in experiment.metric_infos]
    assert first == ["Final/policy/accuracy", "baselines/vanilla/accuracy", "reward"]
    assert len(rows) == 2, "a row a run"
    shapers = {row.sessions[0].name: row.hparams["grpo.shaper"].string_value for row in rows}
    assert shapers == {"plain/tensorboard": "none", "dear/tensorboard": "paper"}
    values = {v.name.tag: v.value for v in rows[0].metric_values}
    assert values["Final/policy/accuracy"] == 0.75
    assert values["reward"] == pytest.approx(3.2)
