"""OpenEnv 0.10: our server and its generic client; any Gymnasium environment through the same."""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.homes.venvs import ROOT, home_python, run_in

pytestmark = [pytest.mark.slow, pytest.mark.homes]
HUB = ROOT / "examples" / "homes" / "openenv_hub"
OTHER = "FrozenLake-v1"


@contextlib.contextmanager
def starting(cwd: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, on a free port, and its address; it may yet be starting."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [str(home_python("openenv")), "-m", *words, "--port", str(port)]
    server = subprocess.Popen(command, cwd=cwd, env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield server, f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.communicate(timeout=30)


def healthy(server: subprocess.Popen[str], url: str) -> str:
    """The address, once the server is there."""
    for _ in range(600):
        assert server.poll() is None, server.stderr and server.stderr.read()[-2000:]
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/health").close()
            break
        time.sleep(0.2)
    return url


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[str, str]]:
    """Ours, and one of another environment; they start side by side."""
    module = "vt_env.adapters.openenv_gymnasium"
    with (
        starting(HUB, "uvicorn", "server.app:app") as first,
        starting(ROOT, module, OTHER, "--settings", '{"is_slippery": true}') as second,
    ):
        yield healthy(*first), healthy(*second)


@pytest.fixture(scope="module")
def ours(servers: tuple[str, str]) -> str:
    return servers[0]


@pytest.fixture(scope="module")
def found(servers: tuple[str, str]) -> Any:
    return json.loads(run_in("openenv", "-m", "tests.homes.openenv_client", *servers, OTHER))


def test_a_hundred_episodes_are_those_of_the_local_environment(found: Any) -> None:
    played = found["parity"]
    assert played["wrong"] == []
    assert played["steps"] == 160  # 1 + 2 + 1 + 2 + 2 turns, twenty times
    assert played["endings"] == ["answered", "malformed", "turn_limit"]


def test_a_session_is_a_conversation_of_its_own(found: Any) -> None:
    talk = found["dialogue"]
    assert [message["role"] for message in talk["first"]] == ["system", "user"]
    kinds = [part["type"] for message in talk["first"] for part in message["content"]]
    assert kinds.count("image") == 1
    (asked,) = talk["asked"]
    assert [part["type"] for part in asked["content"]] == ["text", "image", "text"]
    assert talk["ids"] == ["test-0-1", "test-0-2"]


def test_what_cannot_be_is_refused_by_name_and_the_session_goes_on(found: Any) -> None:
    refused = found["dialogue"]["refused"]
    assert "no split 'tset'" in refused["split"] and "generalisation" in refused["split"]
    assert "index must be an integer in [0, 99999]" in refused["index"]
    assert "not indx" in refused["option"]
    assert refused["action"]
    assert found["dialogue"]["alive"]
    assert "call reset()" in refused["over"]


def test_splits_and_tasks_are_listed(found: Any) -> None:
    listed = found["tasks"]
    assert listed["splits"] == ["train", "validation", "test", "generalisation"]
    assert listed["num_tasks"] == {"num_tasks": 100_000}
    task = listed["task"]["task"]
    assert (task["id"], task["index"]) == ("test-0-7", 7)
    assert set(task) == {"id", "split", "index", "family", "question"}  # and no answers
    assert [task["index"] for task in listed["range"]["tasks"]] == [5, 6, 7]
    assert (listed["beyond"], listed["too_many"], listed["no_split"]) == (400, 400, 400)


def test_a_server_is_told_its_settings(found: Any) -> None:
    told = found["settings"]
    assert told["own"] == [["test"], "test-3-5"]
    assert told["terms"] == ["accuracy", "format", "token_cost"]
    assert (told["read"], told["empty"]) == ({"data": "rows.jsonl"}, {})
    problems = ["is no JSON", "a JSON object", "name those there are in splits",
                "at least one name", "at least one name", "Did you mean 'rewards'?"]  # fmt: skip
    for said, problem in zip(told["wrong"], problems, strict=True):
        assert problem in said


def test_any_gymnasium_environment_is_served_as_it_is(found: Any) -> None:
    remote = found["remote"]
    assert (remote["wrong"], remote["steps"] > 10) == (0, True)
    assert "action.value: 'left'" in remote["refused"]
    action = remote["schema"]["action"]["properties"]["value"]
    assert (action["type"], action["minimum"], action["maximum"]) == ("integer", 0, 3)
    for name in ("text", "discrete", "cartpole"):
        assert found[name]["wrong"] == 0, name
        assert found[name]["steps"] > 0, name


def test_their_own_checks_pass(ours: str) -> None:
    said = run_in("openenv", "-m", "openenv.cli", "validate", "--url", ours, "--timeout", "30")
    assert "Verdict: PASS" in said
    said = run_in(
        "openenv", "-m", "openenv.cli", "validate", str(HUB), "--level", "static", "--skip-build"
    )
    assert "static.manifest" in said and "Verdict: PASS" in said
    check = "import sys, pathlib; from openenv.cli._cli_utils import validate_env_structure as v; "
    run_in("openenv", "-c", check + "v(pathlib.Path(sys.argv[1]))", str(HUB))


def test_the_example_plays(ours: str) -> None:
    said = run_in("openenv", "examples/homes/openenv_play.py", "--url", ours, "--episodes", "2")
    assert said.count("visual tokens, return") == 2


def test_the_client_of_the_hub_decodes_what_it_is_shown(ours: str) -> None:
    code = (
        "import sys; from examples.homes.openenv_hub.client import VisionThinkClient, image_of\n"
        "with VisionThinkClient(base_url=sys.argv[1]).sync() as env:\n"
        "    print(image_of(env.reset(split='test', index=0).observation).size)\n"
        "    print(env.step('<answer>yes</answer>').observation['answer'])\n"
    )
    assert run_in("openenv", "-c", code, ours).split("\n")[:2] == ["(84, 84)", "yes"]


def test_the_container_installs_what_is_tested() -> None:
    wanted = (ROOT / "tests" / "homes" / "requirements" / "openenv.txt").read_text().split()
    told = (HUB / "Dockerfile").read_text()
    assert [pin for pin in wanted if pin not in told] == []
