"""Symbolic mathematics in a child process."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Iterator

import pytest

from judges.rules.symbolic import MathChecker, looks_symbolic

pytest.importorskip("math_verify")


@pytest.fixture(scope="module")
def checker() -> Iterator[MathChecker]:
    checker = MathChecker(timeout=2.0)
    yield checker
    checker.close()


def test_equal_formulas(checker: MathChecker) -> None:
    assert checker.equal("\\frac{\\sqrt{3}}{2}", "\\sqrt{3}/2") is True
    assert checker.equal("x^2", "x^3") is None


def test_outside_the_main_thread(checker: MathChecker) -> None:
    found: list[bool | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(checker.equal("2\\pi", "\\pi + \\pi")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


def test_a_formula_without_end_costs_no_more_than_the_timeout(checker: MathChecker) -> None:
    checker.equal("1", "1")
    late = checker._process
    assert late is not None
    assert checker.equal("9^{9^{9^{9^{9}}}}", "2\\pi") is None
    assert late.poll() is not None
    assert checker.equal("\\pi + \\pi", "2\\pi") is True


def test_closing_ends_the_process() -> None:
    checker = MathChecker()
    checker.equal("x + x", "2x")
    process = checker._process
    assert process is not None
    checker.close()
    checker.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_a_forgotten_checker_ends_its_process() -> None:
    checker = MathChecker()
    checker.equal("x + x", "2x")
    process = checker._process
    assert process is not None
    del checker
    assert process.poll() is not None


def test_it_travels_without_its_process(checker: MathChecker) -> None:
    checker.equal("x + x", "2x")
    copy = pickle.loads(pickle.dumps(checker))
    assert copy._process is None


@pytest.mark.parametrize(
    ("reference", "symbolic"),
    [("\\sqrt{2}", True), ("x^2+1", True), ("Paris", False), ("47", False), ("12 March", False)],
)
def test_only_formulas_are_sent(reference: str, symbolic: bool) -> None:
    assert looks_symbolic("anything", reference) is symbolic
