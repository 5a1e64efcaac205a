"""Which collapse is under way, by the courses that trainings really took."""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.doctor.during import CHECKS, PER_TERM, begun, findings
from benchmarks.doctor.findings import Finding, worst
from benchmarks.training.run_folder import RunFolder
from benchmarks.training.settings import TrainSettings
from benchmarks.training.watch import Watch
from vt_env.settings.tree import build, leaves

Row = dict[str, float]
DEFAULT_RUN = Path(__file__).parent / "default_run.jsonl"
"""Metrics of `visionthink train --seed 0`, 50 iterations."""
AT = (1, 10, 20, 30, 60)
# Requests in percent where needed and where not, at those iterations (frozen tower, lr 2e-4).
HEALTHY = {
    "all_penalty": ((53, 52), (58, 22), (41, 8), (77, 16), (96, 5)),
    "paper, theta 0": ((53, 52), (58, 22), (41, 8), (76, 19), (97, 5)),
    "paper, theta 0.2": ((53, 52), (60, 31), (44, 9), (79, 19), (94, 7)),
}
NO_PRICE = ((53, 52), (89, 78), (94, 89), (99, 94), (99, 91))
FEW_IN_NEED = ((50, 54), (25, 4), (0, 0), (6, 0), (0, 2))
"""5% of the samples; at iterations 1, 10, 20, 40, 60."""
SOME_IN_NEED = ((53, 49), (19, 11), (6, 0), (34, 1), (83, 1))
"""20% of them; at iterations 1, 10, 20, 30, 60."""


def course(
    rates: Sequence[tuple[float, float]], share: float = 0.5, at: Sequence[int] = AT
) -> list[Row]:
    """Rows between the iterations that are known, of a model that reads as the shipped one does."""
    rows = []
    for iteration in range(1, at[-1] + 1):
        need, no_need = (float(np.interp(iteration, at, [r[i] for r in rates])) for i in (0, 1))
        need, no_need = need / 100, no_need / 100
        right_in_need = 0.97 * need + 0.18 * (1 - need)
        rows.append(
            {
                "iteration": iteration,
                "request_rate_need": need,
                "request_rate_no_need": no_need,
                "resize_call_ratio": share * need + (1 - share) * no_need,
                "accuracy": share * right_in_need + (1 - share) * 0.97,
                "well_formed": 1.0,
                "entropy": 0.15,
            }
        )
    return rows


def told(rows: Sequence[Row]) -> list[tuple[int, str, str]]:
    """What is told over a run: iteration, name and severity."""
    return [
        (number, finding.name, finding.severity)
        for number in range(1, len(rows) + 1)
        for finding in begun(rows[:number])
    ]


def test_the_default_run_is_well() -> None:
    rows = [json.loads(line) for line in DEFAULT_RUN.read_text().splitlines()]
    assert len(rows) == 50 and rows[-1]["request_rate_need"] > 0.8
    assert told(rows) == []


@pytest.mark.parametrize("name", HEALTHY)
def test_runs_that_went_well_are_not_warned_about(name: str) -> None:
    assert told(course(HEALTHY[name])) == []


def test_without_a_price_requests_rise_until_all_ask() -> None:
    said = told(course(NO_PRICE))
    assert {name for _, name, _ in said} == {"needless requests rise", "always asks"}
    first = {name: number for number, name, _ in reversed(said)}
    assert first["needless requests rise"] <= 15 and first["always asks"] <= 30
    assert worst(findings(course(NO_PRICE)[:45])) == "problem"


def test_with_few_in_need_requests_die() -> None:
    rows = course(FEW_IN_NEED, share=0.05, at=(1, 10, 20, 40, 60))
    said = told(rows)
    assert {name for _, name, _ in said} == {"requests die"}
    assert said[0][0] <= 15 and said[0][2] == "warning"
    assert "problem" in [severity for _, _, severity in said]
    (finding,) = findings(rows[:20])
    assert PER_TERM in finding.advice and "of those in need" in finding.evidence


def test_requests_that_come_back_are_a_warning_and_no_more() -> None:
    said = told(course(SOME_IN_NEED, share=0.2))
    assert {(name, severity) for _, name, severity in said} == {("requests die", "warning")}
    assert findings(course(SOME_IN_NEED, share=0.2)) == []


def constant(count: int = 12, **metrics: float) -> list[Row]:
    return [{"iteration": n + 1, **metrics} for n in range(count)]


def test_without_labels_accuracy_tells() -> None:
    falls = constant(10, resize_call_ratio=0.4, accuracy=0.7)
    gone = [{"resize_call_ratio": 0.0, "accuracy": 0.5}] * 10
    (finding,) = findings([*falls, *gone])
    assert (finding.name, finding.severity) == ("requests die", "problem")
    well = [{"resize_call_ratio": 0.0, "accuracy": 0.8}] * 10
    assert findings([*falls, *well]) == []
    (finding,) = findings(constant(resize_call_ratio=0.99, accuracy=0.9))
    assert (finding.name, finding.severity) == ("always asks", "warning")


def test_the_protocol() -> None:
    kept, lost = constant(10, well_formed=0.95), constant(6, **{"well_formed": 0.3})
    assert findings(kept) == []
    (finding,) = findings([*kept, *lost])
    assert (finding.name, finding.severity) == ("protocol breaks", "problem")
    assert "30%" in finding.evidence and "95%" in finding.evidence
    cut = constant(6, **{"well_formed": 0.7, "endings/cut_off": 0.25})
    (finding,) = findings([*kept, *cut])
    assert finding.severity == "warning" and "--engine.max_new_tokens" in finding.advice
    learned = [{"well_formed": share} for share in np.linspace(0.1, 1.0, 30)]
    assert findings(learned) == []


def test_groups_without_signal() -> None:
    solved = {"groups/solve_all_share": 0.95, "groups/solve_none_share": 0.0}
    (finding,) = findings(constant(20, frac_reward_zero_std=0.97, **solved))
    assert finding.severity == "warning" and "--until" in finding.advice
    lost = {"groups/solve_all_share": 0.1, "groups/solve_none_share": 0.88}
    (finding,) = findings(constant(20, frac_reward_zero_std=0.97, **lost))
    assert finding.severity == "problem" and "easier" in finding.advice
    assert findings(constant(20, frac_reward_zero_std=0.6)) == []


def test_entropy() -> None:
    start = constant(5, entropy=0.18, request_rate_need=0.5, request_rate_no_need=0.3)
    end = constant(5, entropy=0.004, request_rate_need=0.6, request_rate_no_need=0.05)
    (finding,) = findings([*start, *end])
    assert finding.name == "entropy gone" and "0.0040 nats" in finding.evidence
    good = constant(5, entropy=0.004, request_rate_need=0.97, request_rate_no_need=0.02)
    assert findings([*start, *good]) == []


def test_nothing_is_said_of_nothing() -> None:
    for rows in ([], [{}], constant(4, resize_call_ratio=0.0), constant(20)):
        assert findings(rows) == [] == begun(rows)


def every_advice() -> list[Finding]:
    cases = [
        course(NO_PRICE), course(NO_PRICE)[:15], course(FEW_IN_NEED, 0.05, (1, 10, 20, 40, 60)),
        [*constant(10, well_formed=0.9), *constant(6, **{"well_formed": 0, "endings/cut_off": 1})],
        constant(frac_reward_zero_std=1.0),
        constant(frac_reward_zero_std=1.0, **{"groups/solve_all_share": 1.0}),
        [*constant(5, entropy=0.2, accuracy=0.5), *constant(5, entropy=0.0, accuracy=0.5)],
    ]  # fmt: skip
    return [finding for rows in cases for finding in findings(rows)]


def test_advice_names_settings_that_exist() -> None:
    found = every_advice()
    assert len({finding.name for finding in found}) == len(CHECKS)
    assert settings_named(finding.advice for finding in found) == set()


def settings_named(advice: Iterable[str]) -> set[str]:
    """Options that advice names and that are none of `visionthink train`."""
    known = {leaf.path for leaf in leaves(TrainSettings)} | {"until"}
    tables = tuple(f"{leaf.path}." for leaf in leaves(TrainSettings) if leaf.kind.base is dict)
    named = {name for text in advice for name in re.findall(r"--([\w.]+\w)", text)}
    assert named
    return {name for name in named if name not in known and not name.startswith(tables)}


def watch(tmp_path: Path, **given: Any) -> Watch:
    settings = build(TrainSettings, {"run.iterations": 60, **given})
    folder = RunFolder.planned(tmp_path, settings, "run")
    folder.create(settings)
    return Watch(settings, folder)


def play(mine: Watch, rows: Sequence[Row], start: int = 0) -> int:
    """Logs rows until the watch says stop; how many there were."""
    for row in rows[start:]:
        iteration = int(row["iteration"])
        metrics = {key: value for key, value in row.items() if key != "iteration"}
        mine.folder.log(iteration, metrics)
        mine.look(iteration, metrics)
        if mine.stopped:
            break
    mine.folder.close()
    return len(mine.folder.metrics())


def test_findings_are_told_and_kept_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, rows = watch(tmp_path), course(FEW_IN_NEED, 0.05, (1, 10, 20, 40, 60))
    assert play(mine, rows) == 60, "it goes on unless told otherwise"
    lines = [json.loads(line) for line in mine.folder.findings_file.read_text().splitlines()]
    assert [(line["iteration"], line["name"], line["severity"]) for line in lines] == told(rows)
    assert capsys.readouterr().out.count("doctor, iteration") == len(lines)
    # A resumed run comes to the later ones again.
    mine.folder.forget_after(12)
    again = Watch(mine.settings, mine.folder)
    again.begin(12)
    assert play(again, rows, start=12) == 60
    text = mine.folder.findings_file.read_text().splitlines()
    assert [json.loads(line) for line in text] == lines


def test_a_collapse_ends_the_run_if_it_may(tmp_path: Path) -> None:
    mine = watch(tmp_path, **{"run.stop_on_collapse": True})
    rows = course(FEW_IN_NEED, 0.05, (1, 10, 20, 40, 60))
    played = play(mine, rows)
    assert 20 <= played < 35
    assert mine.summary()["stopped"].startswith(f"collapse at iteration {played}: requests die: ")
    again = Watch(mine.settings, mine.folder)
    again.begin(played)
    assert again.stopped == mine.stopped


def test_a_run_that_comes_back_is_not_ended(tmp_path: Path) -> None:
    mine = watch(tmp_path, **{"run.stop_on_collapse": True})
    assert play(mine, course(SOME_IN_NEED, share=0.2)) == 60
    assert mine.summary() == {}
