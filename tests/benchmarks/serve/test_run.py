"""The command itself, and the endpoint as a policy: the same turns as the local checkpoint."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents import CHECKPOINT, Pass, Sampling, Trajectory, make_backend
from agents.engine import EngineSettings
from agents.policies import Agent, AgentError, Turn, make_agent, view_of
from agents.rollouts import play_passes
from benchmarks.evaluation.candidates import AgentSettings
from benchmarks.serve.run import speaker_of
from benchmarks.serve.server import Served, served
from benchmarks.serve.settings import ServeSettings
from tests.benchmarks.runner import invoke
from tests.benchmarks.serve.helpers import asked, body, chat, events, send, world_question
from vt_env import Episode, VisionThinkEnv, VisionThinkError, open_env
from vt_env.config import EnvSettings

ROOT = Path(__file__).parents[3]
TINY = EngineSettings(backend="transformers")
SAMPLES = range(12)
HELPERS = "tests.benchmarks.serve.helpers"


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    settings = ServeSettings(engine=TINY, wait=0.1)
    with served(settings, lambda: speaker_of(settings)) as found:
        yield found


@pytest.fixture(scope="module")
def env() -> Iterator[VisionThinkEnv]:
    made = open_env(data="world", split="validation", judge="rule", checkpoint=CHECKPOINT)
    yield made
    made.close()


def played(agent: Agent, episodes: list[Episode]) -> list[list[Turn]]:
    """The turns of an agent, episode by episode."""
    turns: list[list[Turn]] = [[] for _ in episodes]
    agent.reset(range(len(episodes)))
    while live := [n for n, episode in enumerate(episodes) if not episode.done]:
        for n, turn in zip(live, agent.act([view_of(episodes[n], n) for n in live]), strict=True):
            assert isinstance(turn, Turn)
            turns[n].append(turn)
            episodes[n].step(str(turn), cut_off=turn.cut_off)
    return turns


def tokens_read(trajectory: Trajectory) -> list[int]:
    """Tokens before each turn, those of images among them."""
    before = (0, *trajectory.mask[:-1])
    return [n for n, own in enumerate(trajectory.mask) if own and not before[n]]


@pytest.fixture(scope="module")
def local(env: VisionThinkEnv) -> list[Trajectory]:
    """What the checkpoint plays without a server."""
    backend = make_backend("transformers", CHECKPOINT)
    ways = [Pass(Sampling(0.0, max_new_tokens=16))]
    (found,) = play_passes(backend, env.factory, env.judge, SAMPLES, ways)
    backend.close()
    return found


@pytest.mark.slow
def test_so_it_does_by_vllm(
    env: VisionThinkEnv, local: list[Trajectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ServeSettings(wait=0.1)
    assert settings.engine.backend == "vllm"
    with served(settings, lambda: speaker_of(settings)) as running:
        monkeypatch.setenv("OPENAI_API_KEY", str(running.key))
        agent = make_agent(f"endpoint:{running.base_url}#{running.model}", max_tokens=16)
        turns = played(agent, [env.new_episode(index) for index in SAMPLES])
        agent.close()
    assert [[str(turn) for turn in own] for own in turns] == [
        [turn.action for turn in trajectory.record.turns] for trajectory in local
    ]


def test_the_endpoint_plays_as_the_local_checkpoint(
    running: Served,
    env: VisionThinkEnv,
    local: list[Trajectory],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", str(running.key))
    agent = make_agent(f"endpoint:{running.base_url}#{running.model}", max_tokens=16)
    episodes = [env.new_episode(index) for index in SAMPLES]
    turns = played(agent, episodes)
    assert [[str(turn) for turn in own] for own in turns] == [
        [turn.action for turn in trajectory.record.turns] for trajectory in local
    ]
    assert {len(own) for own in turns} == {1, 2}, "some ask for more, and some do not"
    assert [[turn.prompt_tokens for turn in own] for own in turns] == [
        tokens_read(trajectory) for trajectory in local
    ]
    assert [sum(turn.completion_tokens for turn in own) for own in turns] == [
        sum(trajectory.mask) for trajectory in local
    ]
    assert [e.visual_tokens for e in episodes] == [trajectory.visual_tokens for trajectory in local]
    assert agent.told()["requests"] == sum(map(len, turns))
    agent.close()


def test_whole_and_streamed_say_the_same(running: Served) -> None:
    sent = body(world_question(3), temperature=0, logprobs=True)
    status, whole = chat(running, sent)
    assert status == 200
    streaming = {**sent, "stream": True, "stream_options": {"include_usage": True}}
    told = events(send(running, "POST", "/v1/chat/completions", streaming)[1])
    choice = whole["choices"][0]
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in told[:-2])
    assert text == choice["message"]["content"] != ""
    assert told[-3]["choices"][0]["logprobs"] == choice["logprobs"]
    assert told[-2]["usage"] == whole["usage"]
    assert len(choice["logprobs"]["content"]) == whole["usage"]["completion_tokens"]


def test_a_client_of_openai_s_reads_both(running: Served) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=running.base_url, api_key=running.key)
    assert [model.id for model in client.models.list()] == [running.model]
    sent: dict[str, Any] = {**body(world_question(3)), "temperature": 0}
    whole = client.chat.completions.create(**sent)
    parts = list(client.chat.completions.create(**sent, stream=True))
    text = "".join(part.choices[0].delta.content or "" for part in parts)
    assert text == whole.choices[0].message.content
    assert parts[-1].usage == whole.usage
    with pytest.raises(openai.BadRequestError, match="context"):
        client.chat.completions.create(**sent, max_tokens=5000)
    client.close()


def test_agents_are_served_by_name() -> None:
    settings = ServeSettings(
        agent=AgentSettings(f"{HELPERS}:Echo", {"prefix": "I see "}),
        env=EnvSettings(tools=("resize", "crop")),
    )
    with served(settings, lambda: speaker_of(settings)) as running:
        status, told = chat(running, body(asked("what?"), seed=4, max_tokens=3))
    text = told["choices"][0]["message"]["content"]
    assert status == 200 and text.startswith("I see ")
    assert '"question": "what?"' in text and '"tools": ["resize", "crop"]' in text
    assert '"seed": 4' in text and told["usage"]["total_tokens"] == 16


class Knowing(Agent):
    """An agent that has to see the sample."""

    sees_sample = True

    def act(self, views: Any) -> list[str]:
        return ["" for _ in views]


def test_who_cannot_be_served() -> None:
    with pytest.raises(AgentError, match="sample with its label"):
        speaker_of(ServeSettings(agent=AgentSettings(f"{__name__}:Knowing")))
    with pytest.raises(AgentError, match=r"--agent\.params\.threshold"):
        speaker_of(ServeSettings(engine=TINY, agent=AgentSettings("threshold")))
    with pytest.raises(VisionThinkError, match="nobody"):
        speaker_of(ServeSettings(agent=AgentSettings("nobody")))
    done = invoke("serve", "--model", "nowhere")
    assert done.exit_code == 1 and "nowhere" in str(done.exception)
    assert isinstance(done.exception, VisionThinkError)


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_it_is_told_to_stop(sign: signal.Signals) -> None:
    words = ["serve", "--agent", f"{HELPERS}:one_view", "--name", "mine"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "NO_COLOR": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.cli.main", *words],
        cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        ready = re.fullmatch(r"Ready at (\S+), model 'mine'\.\n", lines[0])
        key = re.fullmatch(r"export OPENAI_API_KEY=(\S+)\n", lines[1])
        assert ready and key, lines
        running = Served(ready[1], "mine", key[1], None)  # type: ignore[arg-type]
        status, told = chat(running, {**body(), "model": "mine"})
        assert status == 200 and told["choices"][0]["message"]["content"] == "turn 0"
        process.send_signal(sign)
        rest = process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0 and rest.splitlines()[-1] == "Stopped."
    assert "Traceback" not in rest
