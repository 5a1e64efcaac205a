"""An agent behind an endpoint, against a small real server on loopback."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agents.policies import AgentError, Turn, make_agent, view_of
from agents.policies.openai_agent import OpenAIAgent
from tests.agents.helpers import world_episodes
from vt_env import Request, parse
from vt_env.adapters import read_messages
from vt_env.tools import TOOLS

pytest.importorskip("openai")
ANSWER = "<think>a</think><answer>4</answer>"


def reply(text: str | None = ANSWER, end: str = "stop", **message: Any) -> dict[str, Any]:
    return {
        "id": "a", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": end,
                     "message": {"role": "assistant", "content": text, **message}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }  # fmt: skip


@dataclass
class Endpoint:
    """A server that answers as it is told, and keeps what it was asked."""

    url: str = ""
    answer: Callable[[dict[str, Any]], tuple[int, Any]] = lambda asked: (200, reply())
    drip: float = 0.0
    """Seconds between the bytes of an answer."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    found = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append(asked)
            found.keys.append(self.headers.get("Authorization"))
            status, told = found.answer(asked)
            data = told.encode() if isinstance(told, str) else json.dumps(told).encode()
            self.send_response(status)
            kind = "text/html" if isinstance(told, str) else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if 300 <= status < 400:
                self.send_header("Location", "/v1/elsewhere")
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # who asked may have gone
                for piece in (data[i : i + 1] for i in range(len(data))) if found.drip else (data,):
                    self.wfile.write(piece)
                    time.sleep(found.drip)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def views(count: int = 1) -> list[dict[str, Any]]:
    return [view_of(episode, number) for number, episode in enumerate(world_episodes(count))]


@pytest.fixture
def agent_of(endpoint: Endpoint) -> Iterator[Callable[..., OpenAIAgent]]:
    made: list[OpenAIAgent] = []

    def make(**params: Any) -> OpenAIAgent:
        made.append(OpenAIAgent("m", endpoint.url, **{"max_retries": 0, **params}))
        return made[-1]

    yield make
    for agent in made:
        agent.close()


Make = Callable[..., OpenAIAgent]


def test_what_is_asked_and_what_comes_of_it(endpoint: Endpoint) -> None:
    agent = make_agent(f"endpoint:{endpoint.url}#m", max_tokens=33, extra_body={"top_k": -1})
    (view,) = views()
    (turn,) = agent.act([view])
    assert turn == ANSWER and isinstance(turn, Turn)
    assert (turn.prompt_tokens, turn.completion_tokens) == (100, 10) and not turn.cut_off
    (asked,) = endpoint.asked
    messages = read_messages(asked.pop("messages"))
    assert asked == {"model": "m", "max_tokens": 33, "temperature": 0.0, "top_k": -1}
    for sent, shown in zip(messages, view["messages"], strict=True):
        assert sent.role == shown.role
        for mine, own in zip(sent.content, shown.content, strict=True):
            assert mine == own if isinstance(own, str) else mine.tobytes() == own.tobytes()
    assert agent.told() == {
        "requests": 1, "prompt_tokens": 100, "completion_tokens": 10, "over_context": 0,
    }  # fmt: skip
    agent.close()


def test_requests_of_one_act_go_together_and_come_back_in_order(
    endpoint: Endpoint, agent_of: Make
) -> None:
    gate = threading.Barrier(6)

    def answer(asked: dict[str, Any]) -> tuple[int, Any]:
        gate.wait(20)  # passes when all six are there
        shown = asked["messages"][-1]["content"]
        return 200, reply(next(part["text"] for part in shown if part["type"] == "text"))

    endpoint.answer = answer
    shown = views(6)
    turns = agent_of(concurrency=6).act(shown)
    for turn, view in zip(turns, shown, strict=True):
        assert turn == view["messages"][-1].content[-1]


def test_a_turn_that_is_cut_off_and_a_conversation_without_room(
    endpoint: Endpoint, agent_of: Make
) -> None:
    agent = agent_of()
    endpoint.answer = lambda asked: (200, reply("<think>", "length"))
    assert agent.act(views())[0].cut_off
    error = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    endpoint.answer = lambda asked: (400, error)
    (turn,) = agent.act(views())
    assert turn == "" and turn.no_room
    assert agent.told()["over_context"] == 1


def test_tools_in_the_endpoints_own_form(endpoint: Endpoint, agent_of: Make) -> None:
    call = {
        "id": "1", "type": "function",
        "function": {"name": "resize_image", "arguments": '{"action": "resize"}'},
    }  # fmt: skip
    endpoint.answer = lambda asked: (
        200,
        reply("<think>blurred</think>", "tool_calls", tool_calls=[call]),
    )
    (turn,) = agent_of(tools="native").act(views())
    assert endpoint.asked[0]["tools"] == [json.loads(TOOLS["resize"].schema())]
    action = parse(turn)
    assert isinstance(action, Request) and action.well_formed and action.thought == "blurred"
    call["function"]["arguments"] = "{broken"  # type: ignore[index]
    assert "{broken" in agent_of(tools="native").act(views())[0]
    agent_of().act(views())
    assert "tools" not in endpoint.asked[-1]


def test_a_thought_that_was_taken_out_is_put_back(endpoint: Endpoint, agent_of: Make) -> None:
    endpoint.answer = lambda asked: (200, reply("<answer>4</answer>", reasoning_content="a"))
    assert agent_of().act(views())[0] == ANSWER
    endpoint.answer = lambda asked: (200, reply(None, reasoning=None))
    assert agent_of().act(views())[0] == ""


def test_seeds_are_one_a_turn_and_the_same_again(endpoint: Endpoint, agent_of: Make) -> None:
    agent = agent_of(seed=3, temperature=1.0, concurrency=1)

    def seeds(turn: int) -> list[int]:
        endpoint.asked.clear()
        agent.reset([8, 9])
        agent.act([{**view, "turn": turn} for view in views(2)])
        return [asked["seed"] for asked in endpoint.asked]

    first, second = seeds(0), seeds(1)
    assert len({*first, *second}) == 4 and seeds(0) == first
    agent_of(temperature=None).act(views())
    assert not {"seed", "temperature"} & endpoint.asked[-1].keys()


def test_a_budget_of_requests(endpoint: Endpoint, agent_of: Make) -> None:
    agent = agent_of(max_requests=3)
    agent.act(views(2))
    with pytest.raises(AgentError, match="budget of 3 requests is spent"):
        agent.act(views(2))
    with pytest.raises(AgentError, match="budget of 3"):
        agent.act(views())
    assert len(endpoint.asked) == 3 == agent.told()["requests"]


def test_a_budget_of_dollars(endpoint: Endpoint, agent_of: Make) -> None:
    agent = agent_of(prompt_price=5.0, completion_price=50.0, max_dollars=0.0015)
    agent.act(views())
    assert agent.told()["dollars"] == pytest.approx(0.001)
    agent.act(views())
    with pytest.raises(AgentError, match=r"budget of \$0.0015 is spent \(\$0.002 in 2 requests\)"):
        agent.act(views())
    assert len(endpoint.asked) == 2
    with pytest.raises(AgentError, match="needs prompt_price"):
        agent_of(max_dollars=1.0)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "refuses the key"),
        (403, "refuses the key"),
        (404, "is not there"),
        (400, "refuses the request"),
        (429, "Lower concurrency"),
        (503, "failed, after 1 tries"),
    ],
)
def test_refusals_have_names(endpoint: Endpoint, agent_of: Make, status: int, said: str) -> None:
    endpoint.answer = lambda asked: (status, {"error": {"message": "because"}})
    with pytest.raises(AgentError, match=said) as found:
        agent_of().act(views(2))
    assert f"{endpoint.url}#m: " in str(found.value) and "because" in str(found.value)


def test_it_tries_again(endpoint: Endpoint, agent_of: Make) -> None:
    endpoint.answer = lambda asked: (500, {}) if len(endpoint.asked) < 3 else (200, reply())
    agent = agent_of(max_retries=2)
    assert agent.act(views()) == [ANSWER]
    assert len(endpoint.asked) == 3 and agent.told()["requests"] == 1


def test_no_answer_in_time_and_nobody_there(endpoint: Endpoint, agent_of: Make) -> None:
    endpoint.answer = lambda asked: (time.sleep(2), (200, reply()))[1]  # type: ignore[func-returns-value]
    with pytest.raises(AgentError, match=r"no answer within 0.3 s, after 1 tries"):
        agent_of(timeout=0.3).act(views())
    gone = OpenAIAgent("m", "http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(AgentError, match=r"http://127.0.0.1:9/v1#m: cannot be reached"):
        gone.act(views())
    gone.close()


@pytest.mark.parametrize("told", ["<html>hello</html>", {"choices": []}, {}, [], {"choices": [{}]}])
def test_what_is_no_reply(endpoint: Endpoint, agent_of: Make, told: Any) -> None:
    endpoint.answer = lambda asked: (200, told)
    with pytest.raises(AgentError, match="holds no turn"):
        agent_of().act(views())


def test_a_redirect_is_not_followed(endpoint: Endpoint, agent_of: Make) -> None:
    endpoint.answer = lambda asked: (307, {}) if len(endpoint.asked) == 1 else (200, reply())
    with pytest.raises(AgentError, match=r"reply is not taken\. 307: sent on to /v1/elsewhere"):
        agent_of().act(views())
    assert len(endpoint.asked) == 1


def test_a_reply_has_a_bound_on_its_bytes(endpoint: Endpoint, agent_of: Make) -> None:
    endpoint.answer = lambda asked: (200, reply("a" * 5000))
    assert agent_of().act(views()) == ["a" * 5000]
    with pytest.raises(AgentError, match=r"more than 4,096 bytes \(max_reply_bytes\)"):
        agent_of(max_reply_bytes=4096).act(views())


def test_a_reply_that_drips_has_the_time_of_any_other(endpoint: Endpoint, agent_of: Make) -> None:
    endpoint.drip = 0.05
    began = time.monotonic()
    with pytest.raises(AgentError, match=r"no answer within 0.5 s"):
        agent_of(timeout=0.5).act(views())
    assert time.monotonic() - began < 5


def test_the_key(endpoint: Endpoint, agent_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    agent_of().act(views())
    with pytest.raises(AgentError, match="OPENAI_API_KEY"):
        OpenAIAgent("m")
    with pytest.raises(AgentError, match="OPENAI_API_KEY"):
        OpenAIAgent("m", "https://example.com/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    agent_of().act(views())
    assert endpoint.keys == ["Bearer none", "Bearer mine"]


def test_loopback_is_reached_directly(agent_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert agent_of().act(views()) == [ANSWER]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"concurrency": 0}, "concurrency"),
        ({"timeout": 0}, "timeout"),
        ({"tools": "natve"}, "native"),
        ({"max_requests": 1.5}, "max_requests"),
        ({"extra_body": 3}, "extra_body"),
    ],
)
def test_settings_that_cannot_be(agent_of: Make, params: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        agent_of(**params)
