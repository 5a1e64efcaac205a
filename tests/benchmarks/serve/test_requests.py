"""Bodies of chat requests: what is read, what is ignored, and what is refused by name."""

import json
from typing import Any

import pytest

from benchmarks.serve.requests import NEUTRAL, RequestError, read_request
from tests.benchmarks.serve.helpers import NAME, asked, body


def read(**fields: Any) -> Any:
    return read_request(json.dumps(body(**fields)).encode(), NAME)


def refusal(sent: bytes | dict[str, Any]) -> RequestError:
    data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    with pytest.raises(RequestError) as found:
        read_request(data, NAME)
    return found.value


def test_what_is_read() -> None:
    plain = read()
    assert (plain.temperature, plain.max_tokens, plain.seed) == (1.0, None, None)
    assert not plain.stream and not plain.logprobs and not plain.include_usage
    image, question = plain.messages[0].content
    assert question == "What color?" and image.tobytes() == asked()[0].content[0].tobytes()  # type: ignore[union-attr]
    full = read(
        temperature=0, max_tokens=7, seed=-1, stream=True, logprobs=True,
        stream_options={"include_usage": True}, user="me", metadata={"a": "b"}, store=False,
        parallel_tool_calls=True, reasoning_effort="low", anything=1,
    )  # fmt: skip
    assert (full.temperature, full.max_tokens, full.seed) == (0, 7, 2**32 - 1)
    assert full.stream and full.logprobs and full.include_usage
    assert read(max_tokens=7, max_completion_tokens=9).max_tokens == 9
    nothing = {"temperature": None, "max_tokens": None, "seed": None, "stream": None}
    assert read(**nothing, stream_options=None) == plain


@pytest.mark.parametrize("field", NEUTRAL)
def test_fields_that_cannot_be_done(field: str) -> None:
    for neutral in (*NEUTRAL[field], None):
        assert read(**{field: neutral}).messages
    found = refusal(body(**{field: ["other"]}))
    assert (found.status, found.code, found.param) == (400, "unsupported_parameter", field)
    assert field in str(found)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "0"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": True}, "max_completion_tokens"),
        ({"seed": "a"}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}}, "include_usage"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages"),
        ({"messages": [{"role": "assistant", "content": "a"}]}, "messages"),
        ({"n": 2}, "n"),
        ({"stop": ["\n"]}, "stop"),
    ],
)
def test_values_that_cannot_be(fields: dict[str, Any], param: str) -> None:
    found = refusal({**body(), **fields})
    assert found.status == 400 and found.param == param and param in str(found)


def test_an_image_that_is_fetched_or_broken() -> None:
    for url, said in [
        ("http://127.0.0.1/a.png", "data: address"),
        ("data:image/png;base64,AAAA", ""),
    ]:
        parts = [{"type": "image_url", "image_url": {"url": url}}]
        found = refusal({"model": NAME, "messages": [{"role": "user", "content": parts}]})
        assert found.param == "messages" and said in str(found)


def test_another_model() -> None:
    found = refusal({**body(), "model": "gpt"})
    assert (found.status, found.code) == (404, "model_not_found")
    assert "'gpt'" in str(found) and "'visionthink'" in str(found)


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"3"])
def test_no_request_at_all(sent: bytes) -> None:
    assert refusal(sent).code == "invalid_json"


def test_the_error_as_clients_read_it() -> None:
    told = refusal(body(n=3)).told()["error"]
    assert told["type"] == "invalid_request_error" and told["param"] == "n"
    assert told["code"] == "unsupported_parameter" and "3" in told["message"]
    assert RequestError("x", 401).told()["error"]["type"] == "authentication_error"
    assert RequestError("x", 503).told()["error"]["type"] == "server_error"
