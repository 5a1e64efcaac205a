"""What is measured is measured once."""

from pathlib import Path

import pytest

from benchmarks.paper.material import Material, kept


def test_it_is_read_back_and_measured_anew_of_something_else(tmp_path: Path) -> None:
    file, counted = tmp_path / "a" / "b.json", iter(range(9))

    def measure() -> dict[str, int]:
        return {"number": next(counted)}

    assert kept(file, {"of": "x"}, measure) == {"number": 0}
    assert kept(file, {"of": "x"}, measure) == {"number": 0}
    assert kept(file, {"of": "y"}, measure) == {"number": 1}
    assert [path.name for path in file.parent.iterdir()] == ["b.json"]


def test_what_fails_is_not_kept(tmp_path: Path) -> None:
    def fail() -> dict[str, int]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept(tmp_path / "a.json", {}, fail)
    assert kept(tmp_path / "a.json", {}, lambda: {"number": 1}) == {"number": 1}


def test_only_trials_that_are_done_count(penalty: Material) -> None:
    first, second = penalty.done("none")
    (penalty.folder.trial(first).path / "summary.json").unlink()
    assert penalty.done("none") == [second]
    assert len(penalty.summaries("none")) == 1
    assert penalty.model(second) == penalty.folder.path / "trials" / "none" / "1" / "model"
