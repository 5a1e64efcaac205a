import json
from pathlib import Path

import pytest

from benchmarks.reference import Reference
from benchmarks.reference.alike import Difference
from benchmarks.reference.compare import compare as put_beside
from benchmarks.reference.compare import find_reference
from benchmarks.reference.make import Wanted, references_of, save
from benchmarks.report.html.runs import Run, read_run
from tests.benchmarks.reference.made import ITERATIONS, made_run, made_runs
from vt_env import ConfigError, DataError, UnknownNameError


def read(path: Path) -> Run:
    return read_run(path, path.name)


def test_a_run_of_the_same_kind_is_in_the_band(reference: Reference, tmp_path: Path) -> None:
    found = put_beside(read(made_run(tmp_path / "run", 11)), reference)
    assert found.inside
    assert (found.iterations, found.of, found.differs) == (ITERATIONS, ITERATIONS, ())
    assert all(course.compared == ITERATIONS - 4 for course in found.courses)
    assert all(end.inside and end.low < end.mean < end.high for end in found.ends)


def test_where_a_run_leaves_it(reference: Reference, tmp_path: Path) -> None:
    found = put_beside(read(made_run(tmp_path / "run", 11, shift=0.4)), reference)
    assert not found.inside
    by_name = {course.metric: course for course in found.courses}
    (stretch,) = by_name["request_rate_no_need"].leaves
    assert (stretch.first, stretch.count, stretch.above) == (5, ITERATIONS - 4, True)
    assert by_name["request_rate_need"].leaves == ()
    assert [end.metric for end in found.ends if not end.inside] == ["request_rate_no_need"]


def test_a_run_under_way_is_compared_as_far_as_it_is(reference: Reference, tmp_path: Path) -> None:
    found = put_beside(read(made_run(tmp_path / "run", 11, iterations=7, done=False)), reference)
    assert found.inside
    assert (found.iterations, found.ends) == (7, ())
    assert {course.compared for course in found.courses} == {3}
    early = read(made_run(tmp_path / "early", 11, iterations=4, done=False))
    with pytest.raises(ConfigError, match="has 4 iterations; a comparison begins with the 5th"):
        put_beside(early, reference)


def test_a_run_of_more_iterations_is_compared_where_both_are(
    reference: Reference, tmp_path: Path
) -> None:
    run = read(made_run(tmp_path / "run", 11, iterations=30, run__iterations=30))
    found = put_beside(run, reference)
    assert found.differs == (Difference("run.iterations", 30, 50),)
    assert {course.compared for course in found.courses} == {ITERATIONS - 4}


@pytest.fixture
def some(tmp_path: Path, reference: Reference, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of shipped references: the default, and a dear one of three seeds."""
    folder = tmp_path / "shipped"
    made_runs(tmp_path / "dear", 3, rewards__price=0.2, grpo__shaper="paper")
    ((dear,), _) = references_of([tmp_path / "dear"], Wanted("dear"))
    save(reference, folder)
    save(dear, folder)
    monkeypatch.setattr("benchmarks.reference.format.FOLDER", folder)
    return folder


def test_the_reference_of_a_run_is_that_of_its_settings_or_the_nearest(
    some: Path, tmp_path: Path
) -> None:
    plain, dear, near = (
        read(made_run(tmp_path / f"run{number}", number, **changes))
        for number, changes in enumerate(
            ({}, {"rewards__price": 0.2, "grpo__shaper": "paper"}, {"rewards__price": 0.3})
        )
    )
    assert find_reference(plain, None).name == "default"
    assert find_reference(dear, None).name == "dear"
    assert find_reference(near, None).name == "default"
    assert find_reference(plain, "dear").name == "dear"
    assert find_reference(plain, str(some / "dear.json")).name == "dear"


def test_a_reference_that_is_not_there(some: Path, tmp_path: Path) -> None:
    run = read(made_run(tmp_path / "run", 1))
    with pytest.raises(UnknownNameError, match="dear"):
        find_reference(run, "deer")
    with pytest.raises(DataError, match=r"none.json: cannot be read"):
        find_reference(run, str(tmp_path / "none.json"))
    for file in some.iterdir():
        file.unlink()
    with pytest.raises(ConfigError, match="no reference is shipped"):
        find_reference(run, None)


def test_another_training_is_refused(reference: Reference, tmp_path: Path) -> None:
    path = made_run(tmp_path / "run", 1)
    (path / "settings.json").write_text('{"sft": {"lr": 0.1}}')
    with pytest.raises(ConfigError, match=r"run: is of visionthink sft"):
        put_beside(read(path), reference)


def test_a_final_evaluation_of_few_samples_has_more_room(
    reference: Reference, tmp_path: Path
) -> None:
    path = made_run(tmp_path / "run", 11, evaluation__samples=40)
    summary = json.loads((path / "summary.json").read_text())
    (path / "summary.json").write_text(json.dumps({**summary, "episodes": 40, "accuracy": 0.905}))
    assert put_beside(read(path), reference).inside
    (path / "summary.json").write_text(json.dumps({**summary, "accuracy": 0.905}))
    assert not put_beside(read(path), reference).inside
