"""Trainings whose judge is a model at an endpoint that fails: through the real command."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults.fault_server import FaultPlan, FaultServer
from tests.benchmarks.cli.test_main import ROOT, visionthink

RUN = [
    *("--grpo.num_prompts", "4", "--grpo.num_generations", "4", "--eval-samples", "12"),
    *("--judge", "llm", "--judge.params.model", "m"),
    *("--judge.params.base_delay", "0.01", "--judge.params.breaker_seconds", "0.05"),
]
KEY = "loopback-key"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(FaultPlan(key=KEY)) as server:
        yield server


def at(server: FaultServer) -> list[str]:
    return ["--judge.params.base_url", f"{server.url}"]


def rows(run: Path) -> list[dict[str, Any]]:
    path = run / "metrics.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("command", ["train", "eval"])
def test_nothing_starts_without_the_judge(
    command: str, server: FaultServer, tmp_path: Path
) -> None:
    server.plan = FaultPlan(key="another")
    judge = RUN[RUN.index("--judge") :]
    done = visionthink(command, *judge, *at(server), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "EndpointError" in done.stdout
    assert "(auth)" in done.stdout
    assert "OPENAI_API_KEY" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()


def test_a_training_stops_when_too_many_verdicts_are_missing(
    server: FaultServer, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "benchmarks.cli.main", "train", *RUN, *at(server)]
    process = subprocess.Popen(
        [*command, "--iterations", "100000", "--out", str(tmp_path), "--run-id", "dying"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        while len(rows(tmp_path / "dying")) < 2:
            assert process.poll() is None, "the training ended while its judge was well"
            time.sleep(0.05)
        server.plan = FaultPlan(key=KEY, faults=("server_error",), share=1.0)
        said, _ = process.communicate(timeout=400)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 2
    assert "AbstentionLimitError: The judge abstained on" in said
    assert "server_error" in said
    assert "the limit is 20%" in said
    assert "Mend the judge and resume" in said
    assert "Traceback" not in said
    assert not (tmp_path / "dying" / "summary.json").exists()
    for row in rows(tmp_path / "dying")[:2]:
        assert row["judge/abstained_share"] == 0.0
        assert 0.0 <= row["judge/wait_share"] <= 1.0


@pytest.mark.slow
def test_a_training_bears_some_missing_verdicts(server: FaultServer, tmp_path: Path) -> None:
    asked = itertools.count()

    def mostly(case: dict[str, Any]) -> str:
        """Refuses every tenth request, and judges the others rightly."""
        right = case["answer"] in case["accepted_answers"]
        return "I would rather not." if next(asked) % 10 == 9 else json.dumps({"score": int(right)})

    server.plan = FaultPlan(key=KEY, share=0.2, faults=("server_error",), reply=mostly)
    cache = tmp_path / "judge.sqlite"
    judge = [*at(server), "--judge.params.cache", f"{cache}", "--judge.params.max_misread", "1"]
    limit = ["--grpo.max_abstention_share", "0.6", "--iterations", "4"]
    done = visionthink("train", *RUN, *judge, *limit, "--out", str(tmp_path), "--run-id", "some")
    assert done.returncode == 0, done.stdout + done.stderr
    run = tmp_path / "some"
    logged = rows(run)
    total = {name: sum(row.get(name, 0.0) for row in logged) for name in logged[0]}
    assert len(logged) == 4
    assert sum(row.get("judge/abstained/unparsable", 0.0) for row in logged) > 0
    assert all(0.0 <= row["judge/abstained_share"] < 0.6 for row in logged)
    assert total["judge/retries"] > 0
    assert total["judge/cached_share"] > 0
    assert total["judge/prompt_tokens"] > total["judge/completion_tokens"] > 0
    assert all(0.0 <= row["judge/wait_share"] <= 1.0 for row in logged)
    summary = json.loads((run / "summary.json").read_text())
    assert summary["endings/abstained"] == summary["abstained"]

    # What was judged is judged again from the cache alone, and comes out the same.
    server.plan = FaultPlan(key=KEY, status=500)
    out = tmp_path / "report.json"
    replay = ["--first.name", "replay", "--first.params.path", f"{cache}", "--second.name", "rule"]
    again = visionthink("judge", "audit", str(run / "episodes.jsonl"), *replay, "--out", str(out))
    assert again.returncode == 0, again.stdout
    report = json.loads(out.read_text())
    asked = sum(summary[f"endings/{ending}"] for ending in ("answered", "abstained"))
    assert report["cases"] == round(asked * 12)
