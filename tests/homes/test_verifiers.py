"""verifiers 0.4: its evaluation command plays our taskset against `visionthink serve`."""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.tiny import CHECKPOINT
from tests.homes.venvs import ROOT, run_in
from vt_env import VisionThinkEnv
from vt_env.adapters import Conversation

pytestmark = [pytest.mark.slow, pytest.mark.homes]
TASKS, ROLLOUTS = 4, 2
PLUGIN = ROOT / "examples" / "homes" / "verifiers"


@contextlib.contextmanager
def serving() -> Iterator[dict[str, str]]:
    """`visionthink serve` over the shipped checkpoint: its address, model and key."""
    words = ["serve", "--model", str(CHECKPOINT), "--backend", "transformers"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "benchmarks.cli.main", *words],
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        said = ""
        for line in server.stdout:
            said += line
            ready = re.search(r"Ready at (\S+), model '(\w+)'", said)
            key = re.search(r"export OPENAI_API_KEY=(\S+)", said)
            if ready and key:
                yield {"url": ready[1], "model": ready[2], "key": key[1]}
                return
        raise AssertionError(said[-3000:])
    finally:
        server.terminate()
        server.communicate(timeout=60)


def evaluate(where: dict[str, str], out: Path, *words: str) -> list[dict[str, Any]]:
    """Runs their evaluation command; the traces that it wrote."""
    run_in(
        "verifiers", "-c", "from verifiers.v1.cli.eval.main import main; main()",
        "visionthink-taskset",
        "--client.base-url", where["url"], "--client.api-key-var", "OPENAI_API_KEY",
        "--model", where["model"],
        "--env.agent.harness.id", "null", "--env.agent.runtime.type", "subprocess",
        "--no-push", "--no-rich", "--output-dir", str(out), *words,
        PYTHONPATH=f"{ROOT}{os.pathsep}{PLUGIN}", OPENAI_API_KEY=where["key"],
    )  # fmt: skip
    (file,) = out.rglob("traces.jsonl")
    episodes = [json.loads(line) for line in file.read_text().splitlines()]
    return [trace for episode in episodes for trace in episode.get("traces", [episode])]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    with serving() as where:
        return evaluate(
            where, tmp_path_factory.mktemp("outputs"),
            "--select.limit", str(TASKS), "--num-rollouts", str(ROLLOUTS),
            "--env.taskset.split", "test",
        )  # fmt: skip


def said(trace: dict[str, Any]) -> list[dict[str, Any]]:
    return [node["message"] for node in trace["nodes"]]


def images(trace: dict[str, Any]) -> list[str]:
    """Addresses of the images in a trace, in order."""
    parts = [p for m in said(trace) if isinstance(m["content"], list) for p in m["content"]]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


def test_every_rollout_is_played_to_its_end(traces: list[dict[str, Any]]) -> None:
    assert len(traces) == TASKS * ROLLOUTS
    assert [trace["errors"] for trace in traces if trace.get("errors")] == []
    assert {trace["task"]["data"]["id"] for trace in traces} == {
        f"test-0-{n}" for n in range(TASKS)
    }


def test_both_images_are_in_the_traces(traces: list[dict[str, Any]]) -> None:
    asked = [trace for trace in traces if trace["metrics"]["requested"]]
    assert asked, "the shipped checkpoint asks in some of these episodes"
    for trace in traces:
        seen = images(trace)
        assert len(seen) == 1 + int(trace["metrics"]["requested"])
        assert len(set(seen)) == len(seen)
        assert all(address.startswith("data:image/png;base64,") for address in seen)


def test_rewards_are_our_terms_and_what_the_episode_earns(traces: list[dict[str, Any]]) -> None:
    env = VisionThinkEnv(split="test")
    for trace in traces:
        talk = Conversation(env, trace["task"]["data"]["index"])
        for message in said(trace):
            if message["role"] == "assistant":
                talk.reply(message["content"].strip())
        assert talk.done
        rewards = {name: reward["score"] for name, reward in trace["rewards"].items()}
        assert rewards == pytest.approx(talk.reward_terms)
        assert trace["metrics"] == pytest.approx(talk.metrics)
