"""Cases that a failing server judges: none is lost or wrong, and memory stays bounded."""

from __future__ import annotations

import pytest

from benchmarks.faults.fault_server import Seen
from benchmarks.faults.judging import (
    CASES,
    CLIENTS,
    MOST_MEGABYTES,
    FaultRow,
    JudgingReport,
    _report,
    judging_report,
    judging_trials,
)
from benchmarks.faults.replies import FAULTS


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    if request.param == "aiohttp":
        pytest.importorskip("aiohttp")
    return str(request.param)


def failed(report: JudgingReport) -> list[FaultRow]:
    return [row for row in report.rows if row.held < row.trials]


def test_two_hundred_cases_hold(client: str) -> None:
    report = judging_report(client, seed=1, cases=200)
    assert (report.cases, failed(report)) == (200, [])
    assert report.peak_megabytes < MOST_MEGABYTES
    assert sum(report.abstained.values()) <= 30


def test_large_replies_stay_out_of_memory(client: str) -> None:
    """64 at once, of 10 MB each or of 300 MB once unpacked."""
    report = judging_report(client, 0, cases=64, faults=("huge", "gzip_bomb"), share=1.0)
    assert report.abstained == {"too_large": 64}
    assert failed(report) == []
    assert report.peak_megabytes < MOST_MEGABYTES


def test_what_does_not_hold_is_told() -> None:
    seen = Seen()
    for place in range(6):
        seen.tries[f"q{place}"] = 1
    seen.met["q5"].append("huge")
    verdicts = [
        ([0.0], [], 1),
        ([1.0], [], 1),
        ([0.0], [], 1),  # wrong
        ([], [], 0),  # lost
        ([1.0, 1.0], [], 2),  # doubled
        ([None], ["timeout"], 1),  # a reason that nothing explains
    ]
    report = _report("httpx", {"verdicts": verdicts, "peak_megabytes": 1.0}, seen)
    assert report.rows == (FaultRow("huge", 1, 0), FaultRow("none", 5, 2))
    assert not report.held


@pytest.mark.slow
def test_two_thousand_cases_hold() -> None:
    trials = list(judging_trials(seed=0))
    assert len(trials) >= 2 * CASES
    assert [name for name, held in trials if not held] == []
    assert {name.partition(": ")[2] for name, _ in trials} == {*FAULTS, "none"}
