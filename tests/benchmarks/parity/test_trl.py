"""The command that trains by TRL and by us."""

import json
from pathlib import Path

import pytest

from benchmarks.parity import trl
from benchmarks.parity.points import summary
from benchmarks.safety.disk import write_json
from benchmarks.speed.trl_setup import installed
from tests.benchmarks.parity.test_points import COURSE

LOSSES = {
    "loss": {"ours": 0.25, "trl": 0.250001, "difference": 1e-6},
    "gradient": {"ours": 1.0, "trl": 1.0, "relative": 2e-5, "largest": 1e-6},
}


def test_both_have_the_settings_that_are_asked_for() -> None:
    given = ["--out", "x", "--iterations", "9", "--prompts", "3", "--seed", "4"]
    settings = trl.settings_of(trl.parser().parse_args(given))
    assert (settings.run.iterations, settings.grpo.num_prompts, settings.run.seed) == (9, 3, 4)
    usual = trl.settings_of(trl.parser().parse_args(["--out", "x"]))
    made = type(usual)().resolved()
    assert usual.grpo == made.grpo  # those of `make train`
    assert usual.run.iterations == made.run.iterations


def test_the_parts_are_put_together_when_all_are_there(tmp_path: Path) -> None:
    write_json(tmp_path / "losses.json", LOSSES)
    write_json(tmp_path / "ours.json", summary(COURSE))
    assert trl.gather(tmp_path) is None
    write_json(tmp_path / "trl.json", summary(COURSE[:2]))
    record = trl.gather(tmp_path)
    assert record is not None
    assert record == json.loads((tmp_path / "parity.json").read_text())
    assert (tmp_path / "parity.png").stat().st_size > 1000
    first, ours, theirs = trl.lines(record)
    assert "0.2500000, TRL 0.2500010, equal to 1e-05 (difference 1.0e-06)" in first
    assert ours.startswith("ours: at the bar")
    assert theirs.startswith("trl: not at the bar")
    record["losses"]["loss"]["difference"] = 2e-5
    assert "NOT equal" in trl.lines(record)[0]


def test_help_and_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as ended:
        trl.main(["--help"])
    assert ended.value.code == 0
    assert "--trl-batch" in capsys.readouterr().out
    monkeypatch.setattr(trl, "installed", lambda: False)
    assert trl.main(["--out", str(tmp_path)]) == 1
    assert "pip install" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not installed(), reason="needs the extra bench (trl, accelerate)")
def test_both_train_and_are_compared(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = "--iterations 2 --every 2 --samples 8 --prompts 2 --generations 2 --trl-batch 4"
    out = ["--out", str(tmp_path), "--backend", "transformers"]
    assert trl.main([*out, *given.split()]) == 0
    record = json.loads((tmp_path / "parity.json").read_text())
    for part in ("ours", "trl"):
        points = record[part]["points"]
        assert [point["iteration"] for point in points] == [0, 2]
        assert points[0]["seconds"] == 0 < points[1]["seconds"]
    first, second = (record[part]["points"][0] for part in ("ours", "trl"))
    assert first == second  # the model before RL, on the same samples
    assert (tmp_path / "parity.png").exists()
    assert "losses on one batch" in capfd.readouterr().out
