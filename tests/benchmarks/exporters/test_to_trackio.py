"""trackio: a folder of its own, images among it; the real package, without a network."""

import json
import sqlite3
from pathlib import Path

import pytest
from PIL import Image

from tests.benchmarks.exporters.packages import PLAY, brought, run


@pytest.mark.slow
def test_a_run_and_its_going_on_are_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    packages, board = brought("trackio", request), tmp_path / "board"
    printed = run(f"NAME = 'trackio'\n{PLAY}", packages, tmp_path, TRACKIO_DIR=str(board))
    assert "export:" not in printed
    with sqlite3.connect(board / "visionthink.db") as database:
        rows = database.execute("select run_name, run_id, step, metrics from metrics order by id")
        told = [(name, run_id, step, json.loads(text)) for name, run_id, step, text in rows]
        (config,) = database.execute("select config from configs").fetchall()
    assert {name for name, *_ in told} == {"a-run"}
    assert len({run_id for _, run_id, *_ in told}) == 1, "it is one run, though it was resumed"
    logged = [(step, row["reward"]) for *_, step, row in told if "reward" in row]
    assert logged == [(1, 0.1), (2, 0.2), (2, 0.2), (3, 0.3)]
    *_, last, figures = told[-1]
    assert (last, figures) == (3, {"Final/policy/accuracy": 0.75})
    (shown,) = [row for *_, row in told if "episodes/00" in row]
    assert sorted(shown) == ["episodes/00", "episodes/01"]
    assert "after asking" in shown["episodes/00"]["caption"]
    with Image.open(board / "media" / shown["episodes/00"]["file_path"]) as image:
        assert image.size == (56, 28)
    settings = json.loads(config[0])
    assert settings["rewards.price"] == 0.25
    assert settings["provenance.visionthink"] == "0.1.0"
