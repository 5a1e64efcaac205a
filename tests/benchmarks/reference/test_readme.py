import dataclasses
from pathlib import Path

import pytest

from benchmarks.reference import Reference
from benchmarks.reference.make import save
from benchmarks.reference.readme import BEGIN, COLUMNS, END, main, section, written
from vt_env import ConfigError

ROOT = Path(__file__).parents[3]


def test_the_results_in_the_readme_are_those_of_the_reference() -> None:
    assert main([str(ROOT / "README.md"), "--check"]) == 0


def test_the_section_says_all_about_the_runs(reference: Reference) -> None:
    head, _, headings, _, *rows = section(reference).splitlines()
    assert head == (
        "What comes out, on 600 held-out samples at temperature 0 (`make train SEED=0` to `4`; "
        "2 cores, Some without AVX-512; 2027-01-05; visionthink 0.1.0, commit aaaaaaaaa):"
    )
    assert headings.count("|") == len(COLUMNS) + 2
    assert len(rows) == 5
    assert rows[0].startswith("| 0 | ") and "97.0%" in rows[0] and "(95.0%)" in rows[0]


def test_seeds_that_are_not_in_a_row_and_values_that_are_not_there(reference: Reference) -> None:
    ends = {0: reference.ends[0], 2: {**reference.ends[2], "accuracy": None}}
    said = section(dataclasses.replace(reference, ends=ends))
    assert "(`make train SEED=0`, `2`; " in said
    assert "| 2 | – | 97.0% |" in said
    one = dataclasses.replace(reference, command="visionthink sweep penalty --only none")
    assert "(`visionthink sweep penalty --only none`; " in section(one)


def test_only_what_is_between_the_comments_is_written(reference: Reference) -> None:
    page = f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    now = written(page, reference)
    assert now == f"before\n\n{BEGIN}\n\n{section(reference)}\n\n{END}\n\nafter\n"
    assert written(now, reference) == now


@pytest.mark.parametrize("page", ["", BEGIN, f"{END} {BEGIN}", f"{BEGIN}{BEGIN}{END}",
                                  f"{BEGIN}{END}{END}"])  # fmt: skip
def test_a_page_without_its_comments(reference: Reference, page: str) -> None:
    with pytest.raises(ConfigError, match="once each and in this order"):
        written(page, reference)


def test_a_page_is_checked_and_written(
    reference: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    save(reference, tmp_path / "shipped")
    monkeypatch.setattr("benchmarks.reference.format.FOLDER", tmp_path / "shipped")
    page = tmp_path / "page.md"
    assert main([str(page)]) == 2
    page.write_text(f"{BEGIN}\n{END}\n")
    assert main([str(page), "--check"]) == 1
    assert "its results are not those of default.json" in capsys.readouterr().err
    assert main([str(page)]) == 0
    assert main([str(page), "--check"]) == 0
    page.write_text("nothing")
    assert main([str(page)]) == 2
    assert page.read_text() == "nothing"
