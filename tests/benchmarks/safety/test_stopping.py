"""Signals end what is under way: patiently where it can be saved, at once when they come again."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.safety.stopping import Stop, Stopped, current, stoppable, take_over

ROOT = Path(__file__).parents[3]
LOOP = """
import signal, sys, time
from benchmarks.safety.stopping import SIGNALS, Stopped, stoppable
for number in SIGNALS:
    signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore some
try:
    with stoppable() as stop, stop.patient(float(sys.argv[2])):
        for iteration in range(600):
            print("begun", iteration, flush=True)
            time.sleep(float(sys.argv[1]))
            print("saved", iteration, flush=True)
            stop.check()
except Stopped as ended:
    print(ended, flush=True)
    sys.exit(ended.code)
"""


def started(iteration: float, seconds: float) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, str(iteration), str(seconds)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "begun 0\n"
    return process


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_iteration_is_ended_and_saved(name: str) -> None:
    number = getattr(signal, name)
    process = started(1.0, 60)
    process.send_signal(number)
    said = process.communicate(timeout=60)[0].splitlines()
    assert said[0] == "Ending after this iteration, within 60 s; again ends at once."
    told = "Ctrl-C" if name == "SIGINT" else name
    assert said[1:] == ["saved 0", f"Ended by {told}."]
    assert process.returncode == 128 + number


def test_one_that_takes_too_long_is_given_up() -> None:
    process = started(600, 0.5)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[0].splitlines()
    assert said[1:] == ["Ended by SIGTERM."] and process.returncode == 143


def test_the_second_one_ends_at_once() -> None:
    process = started(600, 600)
    process.send_signal(signal.SIGTERM)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Ending after")
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "Ended by Ctrl-C.\n"
    assert process.returncode == 130


def test_elsewhere_the_first_one_does() -> None:
    with pytest.raises(Stopped, match="SIGTERM") as ended, stoppable():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
    assert ended.value.code == 143


def test_what_a_library_took_is_taken_back_and_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stoppable() as stop:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
        take_over()
        assert current() is stop
        with pytest.raises(Stopped):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
    assert signal.getsignal(signal.SIGTERM) is before
    assert current() is not stop and current().asked is None


def test_what_is_ignored_stays_ignored() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.2)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_other_threads_nothing_is_done() -> None:
    found: list[Stop] = []

    def run() -> None:
        with stoppable() as stop:
            take_over()
            found.append(stop)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found[0].asked is None
    found[0].check()
