"""Requests that arrive together are answered together, by group; failures stay with their own."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future

import pytest

from benchmarks.serve.batcher import Batcher
from benchmarks.serve.requests import ChatRequest, RequestError
from benchmarks.serve.speakers import Job, Said


def job(prompt: str, group: object = 0) -> Job:
    return Job(ChatRequest(()), prompt, group)


class Gate:
    """Answers once it is open, and notes what it was given."""

    def __init__(self) -> None:
        self.open, self.begun = threading.Event(), threading.Event()
        self.given: list[list[str]] = []

    def __call__(self, jobs: Sequence[Job]) -> list[Said | RequestError]:
        self.begun.set()
        assert self.open.wait(20)
        prompts = [job.prompt for job in jobs]
        self.given.append(prompts)
        if "fail" in prompts:
            raise ValueError("broken")
        refused = RequestError("no room")
        return [refused if prompt == "refused" else Said(prompt.upper()) for prompt in prompts]


def test_those_who_come_meanwhile_go_together_by_group() -> None:
    gate = Gate()
    batcher = Batcher(gate, 8, 0.0)
    first = batcher.submit(job("first"))
    assert gate.begun.wait(20)
    later = [batcher.submit(job(name, name[0])) for name in ("a1", "b1", "a2", "b2", "a3")]
    gate.open.set()
    assert [future.result(20).text for future in [first, *later]] == [
        "FIRST", "A1", "B1", "A2", "B2", "A3",
    ]  # fmt: skip
    assert gate.given == [["first"], ["a1", "a2", "a3"], ["b1", "b2"]]
    assert batcher.alive and batcher.close(20) and not batcher.alive


def test_a_batch_is_waited_for_and_is_no_larger_than_it_may_be() -> None:
    gate = Gate()
    gate.open.set()
    batcher = Batcher(gate, 3, 0.5)
    asked = [batcher.submit(job(str(number))) for number in range(5)]
    assert [future.result(20).text for future in asked] == list("01234")
    assert gate.given == [["0", "1", "2"], ["3", "4"]]
    assert batcher.close(20)


def test_failures_and_refusals() -> None:
    gate = Gate()
    batcher = Batcher(gate, 8, 0.05)
    asked = [batcher.submit(job(*one)) for one in
             [("fail", "a"), ("beside", "a"), ("refused", "b"), ("well", "b")]]  # fmt: skip
    gate.open.set()
    for future in asked[:2]:
        with pytest.raises(ValueError, match="broken"):
            future.result(20)
    with pytest.raises(RequestError, match="no room"):
        asked[2].result(20)
    assert asked[3].result(20).text == "WELL"
    assert batcher.submit(job("after")).result(20).text == "AFTER"
    assert batcher.close(20)


def test_one_that_is_cancelled_is_left_out_and_the_rest_is_answered_at_the_end() -> None:
    gate = Gate()
    batcher = Batcher(gate, 8, 0.0)
    first = batcher.submit(job("first"))
    assert gate.begun.wait(20)
    gone: Future[Said] = batcher.submit(job("gone"))
    kept = batcher.submit(job("kept"))
    assert gone.cancel()
    assert not batcher.close(0.05)
    gate.open.set()
    assert batcher.close(20)
    assert (first.result(0).text, kept.result(0).text) == ("FIRST", "KEPT")
    assert gate.given == [["first"], ["kept"]]
