from pathlib import Path

import pytest

from benchmarks.report.html.show import LEVELS, WIDE, show, spark


def test_curves_of_characters() -> None:
    assert spark([0.0, 0.5, 1.0], share=True) == "▁▅█"
    assert spark([0.5, 0.6]) == "▁█"
    assert spark([0.5, 0.5, 0.5]) == LEVELS[0] * 3
    assert spark([1.3, -0.2], share=True) == "█▁"
    long = spark([n / 99 for n in range(100)], share=True)
    assert len(long) == WIDE and list(long) == sorted(long)


def test_one_run_in_a_terminal(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show([sweep / "trials/dear/0"])
    said = capsys.readouterr().out
    for words in ("always_low", "By family", "asks, needed", "always asks", "visionthink 0"):
        assert words in said
    assert "<b>without</b>" in said
    assert "Settings that differ" not in said


def test_a_sweep_in_a_terminal(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show([sweep])
    said = capsys.readouterr().out
    for words in ("cheap/1", "cheap", "mean of 2", "Settings that differ", "rewards.price"):
        assert words in said
