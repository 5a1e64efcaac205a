"""An item runs what it lacks, and nothing twice."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.paper import ITEMS
from benchmarks.paper.material import Material
from benchmarks.paper.pages import write_page
from benchmarks.paper.runs import Order, bring, material
from benchmarks.report.terminal import console
from benchmarks.sweeps import SWEEPS
from tests.benchmarks.paper.conftest import material as made_up
from vt_env import ConfigError

TINY: dict[str, Any] = {
    "engine.backend": "transformers",
    "run.iterations": 1,
    "run.threads": 1,
    "grpo.num_prompts": 2,
    "evaluation.samples": 10,
}


def order(out: Path, **changes: Any) -> Order:
    return replace(Order("all", 2, out, out / "sweeps", 0, None), **changes)


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """Sweeps of which every trial is done, below a folder of pages."""
    rates = {"none": 0.97, "all": 0.05, "every-request": 0.02, "paper-theta0.2": 0.48}
    made = made_up(tmp_path / "sweeps", SWEEPS["penalty"], rates)
    made.folder.write_definition(SWEEPS["penalty"], made.planned)
    return tmp_path


def test_what_is_done_is_only_told(done: Path) -> None:
    with console.capture() as shown:
        made = material(ITEMS["fig1"], order(done), {})
    assert made is not None
    assert {trial.point for trial in made.planned} == {"paper-theta0.2"}
    assert [point.name for point in made.sweep.points] == ["paper-theta0.2"]
    results = json.loads((made.folder.path / "results.json").read_text())
    assert len(results["points"]) == 4, "what is written is of all points that are done"
    assert "every-request" in shown.get()
    with console.capture() as shown:
        material(ITEMS["fig3a"], order(done), {})
    assert shown.get() == "", "results that are told are not told again"


def test_shared_points_are_not_trained_again(done: Path) -> None:
    theta = SWEEPS["theta"]
    penalty = material(ITEMS["fig3a"], order(done), {})
    assert penalty is not None
    for point in theta.points:
        made_up(done / "sweeps", replace(theta, points=(point,)), {point.name: 0.5})
    folder = done / "sweeps" / "theta"
    for name in ("none", "theta0.2"):
        for seed in (0, 1):
            (folder / "trials" / name / str(seed) / "summary.json").unlink()
    (folder / "sweep.json").write_text("{}")
    made = material(ITEMS["fig8"], order(done), {})
    assert made is not None
    assert made.summaries("none") == penalty.summaries("none")
    assert made.summaries("theta0.2") == penalty.summaries("paper-theta0.2")
    page = write_page(ITEMS["fig8"], made, done).read_text()
    assert "the same: theta/none/0 is penalty/none/0, theta/theta0.2/0 is" in page


def test_settings_of_rl_are_not_those_of_fine_tuning(done: Path, taught: Material) -> None:
    """``--grpo.lr`` holds for RL; a trial by another method has no such setting."""
    with pytest.raises(ConfigError, match=r"grpo\.lr is"):
        material(ITEMS["table8"], order(done), {"grpo.lr": 1e-4})
    made = made_up(done / "sweeps", SWEEPS["sft"], {"oracle": 0.3, "best": 0.6})
    made.folder.write_definition(SWEEPS["sft"], made.planned)
    both = material(ITEMS["table8"], order(done), {})
    assert both is not None and set(both.beside) == {"sft"}
    assert bring(SWEEPS["sft"], made.planned, made.planned, order(done)).planned == made.planned


def test_jobs_must_be_a_number(done: Path) -> None:
    with pytest.raises(ConfigError, match="--jobs must be at least 0"):
        material(ITEMS["fig1"], order(done, jobs=-1), {})


def paper(name: str, folder: Path) -> None:
    """The command in a process of its own, which Ray and the engines leave nothing in."""
    words = [word for path, value in TINY.items() for word in (f"--{path}", str(value))]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cli.main", "paper", "--name", name, "--seeds", "1",
         "--out", str(folder), "--sweeps", str(folder / "sweeps"), *words],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_items_that_train_and_measure(tmp_path: Path) -> None:
    """Four short trainings: RL, two by example, and RL that begins with one of these."""
    names = ("table9", "table8", "fig4", "table2")
    for name in names:
        paper(name, tmp_path)
        assert "## The paper's" in (tmp_path / f"{name}.md").read_text()
    sweeps = {path.name for path in (tmp_path / "sweeps").iterdir()}
    assert sweeps == {"penalty", "sft", "cold-start"}
    cold = json.loads(next(tmp_path.glob("sweeps/cold-start/trials/*/0/settings.json")).read_text())
    assert cold["engine"]["model_dir"] == str(tmp_path / "sweeps/sft/trials/oracle/0/model")
    ways = json.loads((tmp_path / "measured" / "fig4.json").read_text())["ways"]
    assert [len(way["seconds"]) for way in ways.values()] == [5, 5, 5]
    assert ways["full (vanilla)"]["tokens"] == 1.0 and ways["quarter"]["tokens"] == 0.25
    assert all(0 < way["engine"][0] <= way["seconds"][0] for way in ways.values())
    routed = json.loads((tmp_path / "measured" / "table2.json").read_text())
    assert len(routed["validation"]) == len(routed["reported"]) == 10
    assert all(sample["least"] <= sample["mean"] <= 0 for sample in routed["reported"])
    assert "| router, least log-prob |" in (tmp_path / "table2.md").read_text()
    before = _states(tmp_path)
    for name in names:
        paper(name, tmp_path)
    assert _states(tmp_path) == before, "the same commands again train and measure nothing"


def _states(root: Path) -> dict[str, int]:
    """When each run and measurement was written."""
    files = [*root.glob("sweeps/*/trials/*/*/summary.json"), *root.glob("measured/*.json")]
    return {str(file.relative_to(root)): file.stat().st_mtime_ns for file in files}
