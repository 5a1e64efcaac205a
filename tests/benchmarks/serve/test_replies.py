"""Replies as one object and as events say the same."""

import pytest

from benchmarks.serve.replies import Reply
from benchmarks.serve.speakers import Said, SaidToken
from tests.benchmarks.serve.helpers import events

TEXTS = ["", " ", "one", "  two words \n\n", "<think>a b</think>\n<answer>é 日本</answer>", "\n"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("include_usage", [False, True])
def test_events_hold_what_the_object_holds(text: str, include_usage: bool) -> None:
    tokens = (SaidToken("é", -0.5), SaidToken("b", -0.25))
    reply = Reply("m", Said(text, True, 7, 2, tokens))
    whole = reply.whole()
    told = events("".join(reply.events(include_usage)).encode())
    assert told.pop() == "[DONE]"
    assert {chunk["id"] for chunk in told} == {whole["id"]}
    assert {chunk["object"] for chunk in told} == {"chat.completion.chunk"}
    assert told[0]["choices"][0]["delta"]["role"] == "assistant"
    usage = told.pop() if include_usage else told[-1]
    assert usage["usage"] == whole["usage"] == {
        "prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9,
    }  # fmt: skip
    assert (usage["choices"] == []) is include_usage
    choices = [chunk["choices"][0] for chunk in told]
    assert "".join(choice["delta"].get("content", "") for choice in choices) == text
    assert [c["finish_reason"] for c in choices if c["finish_reason"]] == ["length"]
    choice = whole["choices"][0]
    assert choice["finish_reason"] == "length" and choice["message"]["content"] == text
    assert choices[-1]["logprobs"] == choice["logprobs"]
    first = choice["logprobs"]["content"][0]
    assert first == {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": []}


def test_a_turn_that_is_over_and_has_no_logprobs() -> None:
    choice = Reply("m", Said("a")).whole()["choices"][0]
    assert choice["finish_reason"] == "stop" and choice["logprobs"] is None
