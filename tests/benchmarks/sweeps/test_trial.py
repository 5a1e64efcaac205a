"""What a trial says goes to its own file, whoever took the stream before it."""

import logging
import sys
from pathlib import Path

import pytest

from benchmarks.report.terminal import console
from benchmarks.sweeps.trial import saying_to


def test_what_is_said_goes_to_the_file_of_the_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = [tmp_path / name / "log" for name in ("a", "b")]
    logger, before = logging.Logger("kept"), (sys.stdout, sys.stderr, console.file)
    for log in (*logs, logs[0]):
        with saying_to(log):
            if not logger.handlers:  # as a library does that is imported by the first trial
                logger.addHandler(logging.StreamHandler())
            print("printed")
            console.print("shown")
            logger.warning("warned")
            assert sys.stderr.fileno() > 2 and not sys.stdout.isatty()
    assert (sys.stdout, sys.stderr, console.file) == before
    assert logs[1].read_text().split() == ["printed", "shown", "warned"]
    assert logs[0].read_text().split() == ["printed", "shown", "warned"] * 2
    assert capsys.readouterr().out == ""


def test_a_failure_ends_it(tmp_path: Path) -> None:
    before = sys.stdout
    with pytest.raises(ValueError), saying_to(tmp_path / "log"):
        raise ValueError
    assert sys.stdout is before
