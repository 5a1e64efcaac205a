"""Bounds on a reply."""

from __future__ import annotations

import re
import time

import pytest

from benchmarks.faults import replies
from benchmarks.faults.fault_server import FaultPlan, FaultServer
from judges import EndpointError, check_judge
from judges.llm.bounds import ReplyBounds, ReplyError
from tests.judges.llm.test_judge import cases, http, make

__all__ = ["http"]


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_nesting_is_counted_outside_of_strings() -> None:
    bounds = ReplyBounds(max_nesting=3)
    assert bounds.read(nested(3)) == [[[]]]
    assert bounds.read(b'["[[[[{{{", "\\"[[[[", "\\\\"]') == ["[[[[{{{", '"[[[[', "\\"]
    assert bounds.read(b"[[],[],[],[],[[]]]") == [[], [], [], [], [[]]]
    for deep in (nested(4), b'{"a":' * 4 + b"1" + b"}" * 4, b'["\\\\", [[[1]]]]', b"[" * 10**6):
        with pytest.raises(ReplyError, match="max_nesting") as error:
            bounds.read(deep)
        assert error.value.fault == "too_nested"


@pytest.mark.parametrize("body", [b'"' + b'\\"' * 200_000, b'"\\' * 200_000, b'["' * 200_000])
def test_strings_without_end_are_read_once(body: bytes) -> None:
    with pytest.raises((ReplyError, ValueError)):
        ReplyBounds(2**20, 8).read(b"[[[[[[[[" + body)


def test_a_key_twice_is_no_object() -> None:
    with pytest.raises(ValueError, match="twice"):
        ReplyBounds().read(b'{"a": {"b": 1, "b": 2}}')


def test_the_largest_reply_is_a_setting(http: str) -> None:
    with FaultServer() as server:
        with make(server, max_reply_bytes="100", max_tries=1, request_seconds=20.0) as judge:
            assert judge.judge(cases(1))[0].abstained == "too_large"
        with make(server, max_reply_bytes=1000, max_nesting=5, request_seconds=20.0) as judge:
            assert judge.judge(cases(1))[0].score == 0.0
        with make(server, max_nesting=3, max_tries=1, request_seconds=20.0) as judge:
            assert judge.judge(cases(1))[0].abstained == "too_nested"


def test_a_drip_ends_at_the_time_limit(http: str) -> None:
    plan = FaultPlan(faults=("slow_drip",), first_tries=99, hang_seconds=60.0)
    with FaultServer(plan) as server, make(server, max_tries=1, request_seconds=1.0) as judge:
        started = time.monotonic()
        assert judge.judge(cases(1))[0].abstained == "timeout"
        assert time.monotonic() - started < 40.0  # a byte comes every quarter of a second


@pytest.mark.parametrize("fault", ["redirect_elsewhere", "redirect_loop"])
def test_no_redirect_is_followed(http: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    plan = FaultPlan(faults=(fault,), first_tries=99)
    with FaultServer(plan) as server, make(server, request_seconds=20.0) as judge:
        assert judge.judge(cases(1))[0].abstained == "redirected"
        where = "http://127.0.0.2:9/v1" if fault == "redirect_elsewhere" else "/v1/chat"
        assert f"sent on to {where}" in caplog.text
        with pytest.raises(EndpointError, match=re.escape(f"sent on to {where}")):
            check_judge(judge)
    assert server.seen.tries.total() == 2


def test_all_requests_are_addressed_as_the_first(http: str) -> None:
    with FaultServer(FaultPlan(key="k")) as server, make(server, api_key="k") as judge:
        for case in cases(3):
            assert judge.judge([case])[0].abstained is None
    first, *others = (
        {n: v for n, v in h.items() if n != "content-length"} for h in server.seen.heads
    )
    assert first["authorization"] == "Bearer k" and first["content-type"] == "application/json"
    assert others == [first, first]
    assert len(server.seen.paths) == 1


def test_the_key_is_not_sent_on(http: str) -> None:
    """Another server that would judge gets no request at all."""
    with FaultServer() as elsewhere:
        sent_on = replies._sent_on(f"{elsewhere.url}/chat/completions")
        replies.FAULTS["to_a_stranger"] = sent_on
        try:
            plan = FaultPlan(faults=("to_a_stranger",), first_tries=99)
            with FaultServer(plan) as server, make(server, request_seconds=20.0) as judge:
                assert judge.judge(cases(1))[0].abstained == "redirected"
        finally:
            del replies.FAULTS["to_a_stranger"]
    assert elsewhere.seen.tries.total() == 0
