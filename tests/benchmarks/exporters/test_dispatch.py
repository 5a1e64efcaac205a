"""Exporters are told all in order, beside the training; what they fail at is told once."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.exporters.dispatch import Exports
from tests.benchmarks.exporters.made import HERE, SHOWN, Kept, Sticks, exported


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Kept.told.clear()
    Kept.threads.clear()
    Sticks.free.clear()
    yield
    Sticks.free.set()


def play(exports: Exports, folder: Path, end: bool = True) -> None:
    exports.begin(exported(folder))
    metrics = {"reward": 0.5}
    for iteration in (1, 2, 3):
        exports.log(iteration, metrics)
        metrics["reward"] += 1  # what was told stays as it was
    if end:
        exports.show(3, [SHOWN])
    exports.finish({"accuracy": 0.75} if end else None)
    exports.log(4, metrics)


def test_all_is_told_in_order_in_a_thread_of_its_own(tmp_path: Path) -> None:
    play(Exports([f"{HERE}:Kept", f"{HERE}:Kept"]), tmp_path)
    logged = [("log", (n, {"reward": n - 0.5})) for n in (1, 2, 3)]
    end = [("show", (3, 1)), ("finish", {"accuracy": 0.75})]
    assert Kept.told == [("begin", "a-run"), *logged, *end]
    assert Kept.threads == {f"export {HERE}:Kept"}


def test_a_run_that_was_ended_says_so(tmp_path: Path) -> None:
    play(Exports([f"{HERE}:Kept"]), tmp_path, end=False)
    assert Kept.told[-1] == ("finish", None)


def test_nothing_is_done_where_nothing_is_wanted(tmp_path: Path) -> None:
    before, exports = threading.active_count(), Exports(())
    assert not exports
    play(exports, tmp_path)
    assert threading.active_count() == before


def test_a_failure_is_told_once_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOARD_API_KEY", "sk-0123456789")
    play(Exports([f"{HERE}:Stumbles", f"{HERE}:Kept"]), tmp_path)
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("export:") == 1
    assert "Stumbles failed (OSError: no route to https://board.example, key (left out))" in said
    assert [what for what, _ in Kept.told].count("log") == 3, "the other goes on"
    assert [what for what, _ in Kept.told].count("finish") == 2, "it goes on itself"


def test_who_never_began_is_told_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(Exports([f"{HERE}:Refuses"]), tmp_path)
    assert Kept.told == []
    said = " ".join(capsys.readouterr().out.split())
    assert said.endswith("Refuses failed (SystemExit: not today); training goes on.")
    assert said.count("export:") == 1


def test_who_sticks_is_left_behind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play(Exports([f"{HERE}:Sticks"], finish_seconds=0.2), tmp_path)
    assert Kept.told == [("begin", "a-run")]
    assert "is not done within 0 s, and is left behind" in " ".join(capsys.readouterr().out.split())
