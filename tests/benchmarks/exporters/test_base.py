"""Exporters by name: found, checked before work starts, and absent without harm."""

from pathlib import Path

import pytest

from benchmarks import EXPORTERS, Exporter, TrainSettings
from benchmarks.exporters.base import check_exporters, make_exporter, needed, run_name
from benchmarks.exporters.to_trackio import TrackioExporter
from benchmarks.exporters.to_wandb import WandbExporter
from benchmarks.training.run import train
from tests.benchmarks.exporters.made import Kept
from vt_env import ConfigError, RegistryError, UnknownNameError
from vt_env.settings.tree import build


def test_names_and_places() -> None:
    assert list(EXPORTERS)[:2] == ["wandb", "trackio"]
    assert type(make_exporter("wandb")) is WandbExporter
    assert type(make_exporter("trackio")) is TrackioExporter
    assert type(make_exporter("tests.benchmarks.exporters.made:Kept")) is Kept
    with pytest.raises(UnknownNameError, match=r"Unknown exporter 'wandbb'\. Did you mean 'wandb'"):
        build(TrainSettings, {"run.export": ["wandbb"]})
    with pytest.raises(RegistryError, match="must make an Exporter, got PosixPath"):
        make_exporter("pathlib:Path")
    with pytest.raises(TypeError, match="abstract"):
        Exporter()  # type: ignore[abstract]


def test_a_package_that_is_missing_is_told_before_a_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("wandb", "trackio"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
        settings = build(TrainSettings, {"run.export": [name], "engine.backend": "transformers"})
        with pytest.raises(ConfigError, match=rf"run\.export: {name} .*'\.\[{name}\]'"):
            train(settings, tmp_path / "runs", "a")
    assert not (tmp_path / "runs").exists()
    check_exporters(())


def test_a_folder_of_that_name_is_no_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_board").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=r"acme_board is not installed: .*'\.\[acme\]'"):
        needed("acme_board", "acme")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("runs/20260101-101010-seed0", "20260101-101010-seed0"),
        ("runs/my run #1", "my-run-1"),
        ("runs/sweeps/penalty/trials/paper-theta0.2/1", "penalty-paper-theta0.2-1"),
        ("runs/sweeps/own/trials/rewards.price=0.1/0", "own-rewards.price=0.1-0"),
        ("runs/…", "run"),
    ],
)
def test_a_run_has_a_name_of_its_own(folder: str, name: str, tmp_path: Path) -> None:
    assert run_name(tmp_path / folder) == name
