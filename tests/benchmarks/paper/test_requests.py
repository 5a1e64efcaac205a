"""Figures 3a, 7 and 8: what is said follows the figures."""

from pathlib import Path

import pytest

from benchmarks.paper import requests
from benchmarks.paper.material import Material
from benchmarks.sweeps import SWEEPS
from tests.benchmarks.paper.conftest import Rates, material


def test_a_row_a_point(penalty: Material) -> None:
    headings, rows = requests.table(penalty)
    assert headings == ("point", "seeds", "asks", "on need", "on no need", "accuracy", "tokens")
    assert rows[0] == ("none", "2", "97.0%", "97.0%", "48.5%", "95.0%", "75.0%")
    assert requests.table_with_start(penalty)[1][0][-1] == "40.0%"


def test_as_in_the_paper(penalty: Material) -> None:
    told = " ".join(requests.says_penalty(penalty))
    assert "Without a penalty 97.0% are asked about (as in the paper)" in told
    assert "2.0%, are those of every-request" in told
    assert "5.0% (as in the paper)" in told
    assert "ends at 48.0%, near the oracle's 50.0%" in told


def test_other_than_in_the_paper(tmp_path: Path) -> None:
    rates = {"none": 0.6, "all": 0.5, "every-request": 0.5, "paper-theta0.2": 0.9}
    told = " ".join(requests.says_penalty(material(tmp_path, SWEEPS["penalty"], rates)))
    assert "(in the paper always)" in told and "(in the paper they die out)" in told
    assert "90.0%, not near the oracle's" in told


@pytest.mark.parametrize(
    ("last", "said"), [(0.6, "do not fall as the threshold"), (0.2, "do not rise")]
)
def test_requests_by_threshold(tmp_path: Path, last: float, said: str) -> None:
    names = [point.name for point in SWEEPS["theta"].points]
    rates: Rates = {**dict.fromkeys(names, 0.5), names[-1]: last}
    assert said in " ".join(requests.says_theta(material(tmp_path, SWEEPS["theta"], rates)))


def test_prompts_are_told_from_their_first_iteration(tmp_path: Path) -> None:
    rates = {point.name: 0.5 for point in SWEEPS["prompts"].points}
    (told,) = requests.says_prompts(material(tmp_path, SWEEPS["prompts"], rates))
    assert "agent 40.0% at first, 50.0% on need at last" in told


def test_the_papers_words_are_there() -> None:
    for theirs in (requests.printed_penalty, requests.printed_prompts, requests.printed_theta):
        headings, rows = theirs()
        assert len(rows) >= 2 and all(len(row) == len(headings) for row in rows)
