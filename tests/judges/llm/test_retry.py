"""Waits between tries, what servers ask for, and the circuit breaker."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judges import JudgeError
from judges.llm.retry import CircuitBreaker, RetryPolicy, retry_after_seconds

NOON = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Mon, 05 Jan 99999 12:00:00 GMT"}, None),
        ({"retry-after": "Mon, 05 Jan 2026 12:00:00 +99999999999999"}, None),
        ({"retry-after": "Mon, 05 Jan 2026 99:99:99 GMT"}, None),
        ({"retry-after": "," * 500}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": "Mon, 05 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 05 Jan 2026 11:00:00 GMT"}, 0.0),
    ],
)
def test_what_a_server_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers, NOON) == seconds


@given(st.integers(1, 10_000), st.integers(), st.floats(0.001, 10), st.floats(0.001, 100))
def test_waits_are_bounded(tries: int, seed: int, base: float, longest: float) -> None:
    policy = RetryPolicy(base_delay=base, max_delay=longest)
    delay = policy.delay(tries, random.Random(seed))
    assert 0.5 * min(base, longest) <= delay <= longest


def test_waits_grow_and_differ() -> None:
    policy = RetryPolicy(base_delay=1.0, max_delay=1000.0)
    rng = random.Random(0)
    means = [sum(policy.delay(tries, rng) for _ in range(500)) / 500 for tries in (1, 2, 3)]
    assert means == pytest.approx([1.0, 2.0, 4.0], rel=0.1)
    assert len({policy.delay(1, rng) for _ in range(20)}) == 20


def test_a_server_is_never_asked_sooner_than_it_wants() -> None:
    policy = RetryPolicy(base_delay=0.1, max_delay=1.0)
    assert policy.delay(1, random.Random(0), retry_after=30.0) == 30.0
    assert policy.delay(1, random.Random(0), retry_after=0.0) > 0.0


def test_the_circuit_opens_probes_and_closes() -> None:
    breaker = CircuitBreaker(threshold=3, cooldown=10.0, probes=2)
    for now in (0.0, 1.0):
        breaker.failed(now)
        assert breaker.enter(now) == 0.0
    breaker.failed(2.0)
    assert breaker.is_open
    assert breaker.enter(5.0) == 7.0
    assert breaker.enter(12.0) == 0.0  # one caller may try
    assert breaker.enter(12.0) == 10.0  # the others wait for it
    breaker.failed(13.0)
    assert breaker.enter(14.0) == 9.0
    assert breaker.enter(23.0) == 0.0
    breaker.succeeded()
    assert breaker.enter(23.0) == 0.0


def test_failures_with_successes_between_them_open_nothing() -> None:
    breaker = CircuitBreaker(threshold=2, cooldown=5.0, probes=2)
    for now in range(10):
        breaker.failed(now)
        breaker.succeeded()
    assert not breaker.is_open


def test_a_server_is_given_up_after_its_probes() -> None:
    breaker = CircuitBreaker(threshold=1, cooldown=10.0, probes=2)
    breaker.failed(0.0)
    breaker.failed(1.0)  # one that was under way is no probe
    for now in (11.0, 21.0):
        assert not breaker.given_up
        assert breaker.enter(now) == 0.0
        breaker.failed(now)
    assert breaker.given_up
    assert breaker.enter(22.0) == 9.0
    assert breaker.enter(31.0) == 0.0  # it is still probed
    breaker.succeeded()
    assert not breaker.given_up
    assert not breaker.is_open


def test_what_time_does_not_mend_is_given_up_at_once() -> None:
    breaker = CircuitBreaker(threshold=2, cooldown=10.0, probes=5)
    breaker.failed(0.0, lasting=True)
    assert not breaker.given_up  # one refusal may be about one case
    breaker.failed(0.0, lasting=True)
    assert breaker.given_up


def test_policies_out_of_range_are_refused() -> None:
    for settings in ({"max_seconds": 0}, {"base_delay": -1}, {"request_seconds": float("nan")}):
        with pytest.raises(JudgeError, match=next(iter(settings))):
            RetryPolicy(**settings)
    assert RetryPolicy(max_tries="3") == RetryPolicy(max_tries=3)  # type: ignore[arg-type]
