import json
import shutil
from pathlib import Path

import pytest

from benchmarks.reference import Reference, make
from benchmarks.reference.format import CURVES
from benchmarks.reference.make import Wanted, default_folder, references_of, save, train_command
from benchmarks.sweeps import SWEEPS
from tests.benchmarks.reference.made import ITERATIONS, made_run, made_runs
from vt_env import ConfigError


def test_runs_of_the_default_settings_are_the_default(reference: Reference) -> None:
    assert (reference.name, reference.command) == ("default", "make train SEED={seed}")
    assert reference.varied == {}
    assert reference.seeds == (0, 1, 2, 3, 4)
    made = reference.made
    assert (made.date, made.machine) == ("2027-01-05", "2 cores, Some without AVX-512")
    assert (made.commits, made.packages) == (("a" * 40,), {"torch": "2.13.0"})
    assert set(reference.curves) == set(CURVES)
    assert all(len(curve) == ITERATIONS for curve in reference.curves["reward"].values())
    assert reference.ends[2]["always_high/accuracy"] == 0.97
    assert reference.ends[2]["accuracy_given_request_before_rl"] == 0.95


def test_curves_are_those_of_the_runs_to_four_digits(runs: Path, reference: Reference) -> None:
    rows = [json.loads(line) for line in (runs / "s3/metrics.jsonl").read_text().splitlines()]
    assert reference.curves["accuracy"][3] == tuple(round(row["accuracy"], 4) for row in rows)


def test_other_settings_need_a_name_and_make_a_command(tmp_path: Path) -> None:
    made_runs(tmp_path, 3, rewards__price=0.2, grpo__dynamic_sampling=True)
    with pytest.raises(ConfigError, match=r"--name: name what has grpo.dynamic_sampling True"):
        references_of([tmp_path], Wanted())
    with pytest.raises(ConfigError, match="--name a b: letters"):
        references_of([tmp_path], Wanted("a b"))
    ((found,), _) = references_of([tmp_path], Wanted("dear", machine="a laptop"))
    assert found.varied == {"rewards.price": 0.2, "grpo.dynamic_sampling": True}
    assert found.command == (
        "visionthink train --seed {seed} --grpo.dynamic_sampling true --rewards.price 0.2"
    )
    assert found.made.machine == "a laptop"


def test_words_of_a_command_are_quoted() -> None:
    command = train_command({"plugins": ["my terms.py"], "rewards.price": None})
    assert command == "visionthink train --seed {seed} --plugins 'my terms.py' --rewards.price none"


def test_runs_that_make_no_reference_are_refused_by_name(runs: Path, tmp_path: Path) -> None:
    three = [runs / "s0", runs / "s1", runs / "s2"]
    with pytest.raises(ConfigError, match="2 runs are too few"):
        references_of(three[:2], Wanted())
    dear = made_run(tmp_path / "dear", 7, rewards__price=0.2)
    with pytest.raises(ConfigError, match=r"dear: rewards.price is 0.2, and None in"):
        references_of([*three, dear], Wanted())
    again = shutil.copytree(runs / "s1", tmp_path / "again")
    with pytest.raises(ConfigError, match=r"again: has the seed 1, as .*s1 has"):
        references_of([*three, again], Wanted())
    under_way = made_run(tmp_path / "under_way", 8, done=False)
    with pytest.raises(ConfigError, match="under_way: is not done"):
        references_of([*three, under_way], Wanted())


def a_sweep(root: Path, name: str, points: dict[str, int]) -> Path:
    """A sweep's folder with so many seeds done of each point."""
    place = root / name
    about = {"sweep": name, "points": {point: {} for point in points}}
    place.mkdir()
    (place / "sweep.json").write_text(json.dumps(about))
    shipped = {point.name: point.settings for point in SWEEPS["penalty"].points}
    for point, seeds in points.items():
        given = {**SWEEPS["penalty"].base, **shipped[point]}
        changes = {path.replace(".", "__"): value for path, value in given.items()}
        made_runs(place / "trials" / point, seeds, **changes)
    return place


def test_points_of_a_sweep_are_references_with_the_sweeps_command(tmp_path: Path) -> None:
    place = a_sweep(tmp_path, "penalty", {"paper-theta0.2": 3, "none": 2, "all": 0})
    (found,), left = references_of([place], Wanted())
    assert found.name == "penalty-paper-theta0.2"
    assert found.command == "visionthink sweep penalty --only paper-theta0.2 --seeds 3"
    assert found.varied["grpo.shaper_params.theta"] == 0.2
    assert left == [
        "penalty-none: 2 of at least 3 seeds are done.",
        "penalty-all: 0 of at least 3 seeds are done.",
    ]
    with pytest.raises(ConfigError, match="have their own names"):
        references_of([place], Wanted("mine"))


def test_a_sweep_of_ones_own_is_told_by_its_settings(tmp_path: Path) -> None:
    place = a_sweep(tmp_path, "mine", {"none": 3})
    ((found,), _) = references_of([place], Wanted())
    assert found.name == "mine-none"
    assert found.command == "visionthink train --seed {seed} --rewards.preset paper"
    shutil.rmtree(place / "trials")
    with pytest.raises(ConfigError, match="nothing to make a reference of: mine-none: 0 of"):
        references_of([place], Wanted())
    (place / "sweep.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"sweep.json: cannot be read as a sweep"):
        references_of([place], Wanted())


def test_a_name_keeps_its_settings(reference: Reference, tmp_path: Path) -> None:
    path = save(reference, tmp_path)
    assert save(reference, tmp_path) == path == tmp_path / "default.json"
    made_runs(tmp_path / "runs", 3, rewards__price=0.2)
    ((other,), _) = references_of([tmp_path / "runs"], Wanted("default"))
    with pytest.raises(ConfigError, match=r"rewards.price is None there, and 0.2 now"):
        save(other, tmp_path)


def test_what_is_shipped_is_made_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (default_folder() / "format.py").is_file()
    monkeypatch.setattr(make, "ROOT", tmp_path)
    with pytest.raises(ConfigError, match="--out"):
        default_folder()
