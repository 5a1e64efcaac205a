"""The speed benchmark measures what it says; its bounds are for a quiet machine."""

from __future__ import annotations

from benchmarks.speed.judge import cached_per_second, make_cases, model_ratio, rule_per_second
from judges import RuleJudge


def test_no_server_is_faster_than_its_latency() -> None:
    assert 1.0 <= model_ratio(cases=32, concurrency=16, latency=0.05, repeats=1) < 5.0


def test_figures_per_second() -> None:
    assert cached_per_second(2000, repeats=1) > 1000
    assert rule_per_second(2000, repeats=1) > 1000


def test_the_cases_are_a_mixture() -> None:
    cases = make_cases(800, seed=0)
    assert len(set(cases)) == 800
    scores = [verdict.score for verdict in RuleJudge().judge(cases)]
    assert 0.3 < sum(score == 1.0 for score in scores) / len(scores) < 0.7
