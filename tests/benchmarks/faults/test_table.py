"""Trials are counted by kind, and written between the comments of a page."""

import pytest

from benchmarks.faults.table import BEGIN, END, section, written
from benchmarks.faults.trial import Tally, Trial, tallies
from vt_env import ConfigError

TRIALS = [
    Trial("killed: start", True),
    Trial("killed: rollout", False, "weights"),
    Trial("killed: rollout", True, "not told"),
    Trial("killed: start", True),
]


def test_trials_are_counted_by_kind() -> None:
    assert tallies(TRIALS) == [
        Tally("killed: start", 2, 2, ""),
        Tally("killed: rollout", 2, 1, "weights"),
    ]


def test_what_did_not_hold_is_told_below_the_table() -> None:
    told = section(tallies(TRIALS), 3)
    assert told.startswith("3 of 4 trials held (`make test-faults`, seed 3, visionthink ")
    assert "| killed: rollout | 2 | 1 |" in told
    assert told.endswith("What did not hold:\n\n- killed: rollout: weights")
    assert "What did not hold" not in section(tallies(TRIALS[:1]), 3)


def test_the_rest_of_the_page_stays() -> None:
    page = written(f"above\n{BEGIN}\nANCIENT\n{END}\nbelow\n", tallies(TRIALS), 0)
    assert page.startswith(f"above\n{BEGIN}\n\n3 of 4") and page.endswith(f"{END}\nbelow\n")
    assert "ANCIENT" not in page
    assert written(page, tallies(TRIALS), 0) == page


@pytest.mark.parametrize("page", ["", BEGIN, END + BEGIN, BEGIN + END + END, BEGIN * 2 + END])
def test_a_page_without_its_place_is_refused(page: str) -> None:
    with pytest.raises(ConfigError, match="once each and in this order"):
        written(page, [], 0)
