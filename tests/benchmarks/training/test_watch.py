"""What a watch tells where a run is shown; what it looks at is tested beside the doctor."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import TrainSettings
from benchmarks.training.watch import Watch
from tests.benchmarks.exporters.made import HERE, Kept
from vt_env.settings.tree import build

ROW: dict[str, Any] = {"reward": 1.0, "accuracy": 0.5}
SUMMARY = {"iterations": 2, "accuracy": 0.75, "baselines": {}}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Kept.told.clear()
    yield
    Kept.told.clear()


def begun(root: Path, **changes: Any) -> Watch:
    settings = build(TrainSettings, {"run.export": [f"{HERE}:Kept"]}, changes)
    folder = RunFolder(root / "run")
    if not folder.path.exists():
        folder.create(settings)
    return Watch(settings, folder)


def test_a_run_is_told_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    with begun(tmp_path) as watch:
        watch.begin(0)
        watch.folder.log(1, ROW)
        watch.look(1, ROW)
    assert watch.folder._board is None, "closed"
    assert Kept.told[-1] == ("log", (1, ROW)), "it is not over before the final evaluation"
    watch.finish(SUMMARY, [], watch.settings.eval_env())
    assert Kept.told == [
        ("begin", "run"), ("log", (1, ROW)), ("show", (2, 0)), ("finish", SUMMARY),
    ]  # fmt: skip
    assert len(list((tmp_path / "run" / "tensorboard").glob("*.final"))) == 1


def test_a_run_that_breaks_is_ended(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), begun(tmp_path) as watch:
        watch.begin(0)
        raise KeyboardInterrupt
    assert Kept.told == [("begin", "run"), ("finish", None)]


def test_images_that_cannot_be_drawn_end_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with begun(tmp_path) as watch:
        watch.begin(0)
    watch.finish(SUMMARY, [], {"tools": ("resise",)})
    assert "export: no images (" in capsys.readouterr().out
    assert Kept.told == [("begin", "run"), ("finish", SUMMARY)]
    assert not (tmp_path / "run" / "summary.json").exists(), "which is written before"
