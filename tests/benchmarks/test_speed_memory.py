"""The benchmark of memory tells growth from what is loaded once."""

import pytest

from benchmarks.speed.memory import growth, resident_mb


def test_growth_is_of_the_last_quarter_over_the_second() -> None:
    assert growth([1, 1, 10, 10, 10, 10, 11, 11]) == pytest.approx(0.1)
    assert growth([0, 5, 5, 5]) == 0.0


def test_memory_of_this_process_is_seen() -> None:
    before = resident_mb()
    kept = bytearray(b"x") * 200_000_000
    assert 150 < resident_mb() - before < 400
    del kept
