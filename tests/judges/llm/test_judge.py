"""`LLMJudge` against a server that fails in every way a server can."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.faults.fault_server import FaultPlan, FaultServer
from benchmarks.faults.replies import FAULTS, malformed
from judges import (
    CachedJudge,
    EndpointError,
    JudgeCase,
    JudgeError,
    LLMJudge,
    RuleJudge,
    UnknownNameError,
    VerdictStore,
    check_judge,
    make_judge,
)
from judges.combine import close_all
from tests.judges.contract import CASES, JudgeContract

PASSING = [name for name, fault in FAULTS.items() if fault.passes]
PATIENT: dict[str, dict[str, float]] = {
    name: {"request_seconds": 0.4, "max_seconds": 120} for name in ("timeout", "slow_drip")
}
QUICK = {
    "max_tries": 8,
    "max_seconds": 20.0,
    "request_seconds": 0.4,
    "base_delay": 0.01,
    "max_delay": 0.1,
}


def make(server: FaultServer, **kwargs: Any) -> LLMJudge:
    return LLMJudge("m", **{**QUICK, "api_key": "k", "base_url": server.url, **kwargs})


def cases(count: int) -> list[JudgeCase]:
    """Cases whose every third prediction is wrong."""
    return [
        JudgeCase(f"q{i}", (f"right {i}",), f"wrong {i}" if i % 3 == 0 else f"right {i}")
        for i in range(count)
    ]


def right_verdicts(count: int) -> list[bool]:
    return [i % 3 != 0 for i in range(count)]


@pytest.fixture(params=["aiohttp", "httpx"])
def http(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way in which the client library speaks HTTP."""
    name = str(request.param)
    if name == "httpx":

        def missing(**settings: object) -> None:
            raise RuntimeError("not installed")

        monkeypatch.setattr("openai.DefaultAioHttpClient", missing)
    else:
        pytest.importorskip("aiohttp")
    return name


class TestContract(JudgeContract):
    @pytest.fixture
    def judge(self) -> Iterator[LLMJudge]:
        with FaultServer() as server, make(server) as judge:
            yield judge


class TestContractUnderFaults(JudgeContract):
    @pytest.fixture
    def judge(self) -> Iterator[LLMJudge]:
        quick_faults = tuple(name for name in PASSING if name not in PATIENT)
        with (
            FaultServer(FaultPlan(share=0.3, faults=quick_faults)) as server,
            make(server) as judge,
        ):
            yield judge


def test_the_mix_has_every_kind() -> None:
    assert len(FAULTS) >= 28
    assert {reason for fault in FAULTS.values() for reason in fault.reasons} == {
        "timeout", "connection", "rate_limited", "server_error", "unparsable", "too_large",
        "too_nested", "redirected", "auth", "not_found", "bad_request",
    }  # fmt: skip


@pytest.mark.parametrize("fault", PASSING)
def test_each_fault_is_overcome(http: str, fault: str) -> None:
    with (
        FaultServer(FaultPlan(faults=(fault,), first_tries=2)) as server,
        make(server, **PATIENT.get(fault, {"request_seconds": 20.0, "max_seconds": 120})) as judge,
    ):
        verdicts = judge.judge(cases(3))
    assert [verdict.correct for verdict in verdicts] == right_verdicts(3)
    assert all(verdict.usage.calls == 3 for verdict in verdicts)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_is_a_named_abstention(http: str, fault: str) -> None:
    with (
        FaultServer(FaultPlan(faults=(fault,), first_tries=99)) as server,
        make(
            server,
            max_tries=2,
            structured="none",
            **PATIENT.get(fault, {"request_seconds": 20.0, "max_seconds": 120}),
        ) as judge,
    ):
        verdicts = judge.judge(cases(2))
        assert sum(judge.stats.abstentions.values()) == 2
    assert {verdict.abstained for verdict in verdicts} <= FAULTS[fault].reasons
    tries = 2 if FAULTS[fault].passes else 1
    assert server.seen.tries == {"q0": tries, "q1": tries}


@pytest.mark.parametrize("fault", malformed())
def test_a_malformed_reply_costs_its_own_case_alone(http: str, fault: str, tmp_path: Path) -> None:
    """It is a named abstention; the verdicts beside it are given and kept."""
    plan = FaultPlan(faults=(fault,), first_tries=99, only=frozenset({"q4"}))
    with FaultServer(plan) as server:
        judge = CachedJudge(
            make(server, max_tries=2, request_seconds=9.0), tmp_path / "cache.sqlite"
        )
        verdicts = judge.judge(cases(9))
        hurt = verdicts.pop(4)
        allowed = {"connection", "unparsable", "too_nested", "too_large"}
        assert hurt.abstained in ({"redirected"} if fault.startswith("redirect") else allowed)
        assert [v.correct for v in verdicts] == [
            r for i, r in enumerate(right_verdicts(9)) if i != 4
        ]
        assert (judge.stats.stored, len(judge.store)) == (8, 9)
        server.plan = FaultPlan()
        again = judge.judge(cases(9))
        assert [v.correct for v in again] == right_verdicts(9)
        assert [v.cached for v in again] == [i != 4 for i in range(9)]
        judge.close()
    assert server.seen.tries["q4"] == (2 if fault.startswith("redirect") else 3)


@pytest.mark.parametrize("fault", [name for name in malformed() if not name.startswith("redirect")])
def test_a_malformed_reply_is_tried_again(http: str, fault: str) -> None:
    with (
        FaultServer(FaultPlan(faults=(fault,), first_tries=1)) as server,
        make(server, request_seconds=9.0) as judge,
    ):
        verdicts = judge.judge(cases(3))
    assert [verdict.correct for verdict in verdicts] == right_verdicts(3)


def test_the_check_tells_a_malformed_reply(http: str) -> None:
    plan = FaultPlan(faults=("http: length -5",), first_tries=99)
    with (
        FaultServer(plan) as server,
        make(server, request_seconds=9.0) as judge,
        pytest.raises(EndpointError, match=r"\(connection\)"),
    ):
        check_judge(judge)


@pytest.mark.parametrize("tokens", [10**400, -1, True, "7", None, 1.5])
def test_senseless_token_counts_cost_nothing(tokens: object, tmp_path: Path) -> None:
    with FaultServer(FaultPlan(tokens=tokens)) as server:
        judge = CachedJudge(make(server, request_seconds=9.0), tmp_path / "cache.sqlite")
        verdict = judge.judge(cases(1))[0]
        assert (verdict.score, verdict.usage.prompt_tokens) == (0.0, 0)
        assert len(judge.store) == 1
        judge.close()


def test_verdicts_are_kept_as_they_come(tmp_path: Path) -> None:
    """A batch that is killed half way has kept what was paid for."""
    path = tmp_path / "cache.sqlite"
    plan = FaultPlan(faults=("timeout",), first_tries=99, only=frozenset({"q7", "q8"}))
    code = (
        "import sys; from tests.judges.llm.test_judge import cases; from judges import make_judge\n"
        "make_judge('llm', model='m', base_url=sys.argv[1], api_key='k', cache=sys.argv[2],"
        " request_seconds=60).judge(cases(9))"
    )
    with FaultServer(plan) as server:
        arguments = [sys.executable, "-c", code, server.url, str(path)]
        process = subprocess.Popen(arguments, cwd=Path(__file__).parents[3])
        try:
            deadline = time.monotonic() + 60
            while not path.is_file() or len(VerdictStore(path)) < 7:
                assert process.poll() is None
                assert time.monotonic() < deadline, "nothing is kept before the batch is whole"
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        server.plan = FaultPlan()
        judge = CachedJudge(make(server, request_seconds=9.0), path)
        assert judge.judge(cases(9)) and judge.stats.hits == 7
        judge.close()


def test_an_interrupt_keeps_what_came(tmp_path: Path) -> None:
    plan = FaultPlan(faults=("timeout",), first_tries=99, only=frozenset({"q4"}))
    with FaultServer(plan) as server, make(server, request_seconds=60.0) as inner:
        judge = CachedJudge(inner, tmp_path / "cache.sqlite")

        def interrupt() -> None:
            while server.seen.answered.total() < 5:
                time.sleep(0.01)
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            judge.judge(cases(6))
        thread.join()
        assert len(judge.store) == judge.stats.stored == 5
        judge.close()


def test_retry_after_is_honoured() -> None:
    plan = FaultPlan(faults=("rate_limit",), first_tries=1, retry_after="0.5")
    with FaultServer(plan) as server, make(server) as judge:
        started = time.monotonic()
        assert judge.judge(cases(1))[0].correct is False
        assert time.monotonic() - started >= 0.5


def test_a_retry_after_beyond_the_time_left_abstains_at_once() -> None:
    plan = FaultPlan(faults=("rate_limit",), first_tries=1, retry_after="3600")
    with FaultServer(plan) as server, make(server) as judge:
        assert judge.judge(cases(1))[0].abstained == "rate_limited"
    assert server.seen.tries == {"q0": 1}


def test_time_is_bounded_as_well_as_tries() -> None:
    with (
        FaultServer(FaultPlan(faults=("server_error",), first_tries=10_000)) as server,
        make(server, max_tries=10_000, max_seconds=0.5, breaker_threshold=10_000) as judge,
    ):
        assert judge.judge(cases(1))[0].abstained == "server_error"
    # Waits of 0.1 s on average, half of that at least: some ten tries fit, never hundreds.
    assert sum(server.seen.tries.values()) < 50


def test_concurrency_is_bounded_across_callers() -> None:
    with FaultServer(FaultPlan(latency=0.02)) as server, make(server, concurrency=5) as judge:
        threads = [threading.Thread(target=judge.judge, args=(cases(20),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert server.seen.most_in_flight == 5


def test_an_open_circuit_leaves_the_server_alone() -> None:
    with (
        FaultServer(FaultPlan(faults=("server_error",), first_tries=10_000)) as server,
        make(server, max_tries=50, breaker_threshold=3, breaker_seconds=30.0) as judge,
    ):
        verdicts = judge.judge(cases(100))
    assert {verdict.abstained for verdict in verdicts} <= {"circuit_open", "server_error"}
    assert sum(server.seen.tries.values()) <= 70


@pytest.mark.parametrize("host", ["127.0.0.1:9", "no-such-host.invalid"])
def test_a_dead_endpoint_is_given_up(http: str, host: str) -> None:
    with LLMJudge(
        "m",
        base_url=f"http://{host}/v1",
        api_key="k",
        **{**QUICK, "max_tries": 1000, "max_seconds": 10_000, "breaker_seconds": 0.05},
    ) as judge:
        verdicts = judge.judge(cases(500))
        calls = judge.stats.calls
        later = judge.judge(cases(500))
    assert {verdict.abstained for verdict in verdicts} == {"circuit_open"}
    # Those in flight as the circuit opened, two probes, and one more each time it is probed again.
    assert calls < 200
    assert {verdict.abstained for verdict in later} == {"circuit_open"}


@pytest.mark.parametrize(("status", "reason"), [(401, "auth"), (403, "auth"), (404, "not_found")])
def test_what_time_does_not_mend_is_not_waited_for(status: int, reason: str) -> None:
    # A request that a busy machine lets time out is asked again, which is not what is tested.
    with (
        FaultServer(FaultPlan(status=status)) as server,
        make(server, request_seconds=30.0, max_seconds=120.0) as judge,
    ):
        verdicts = judge.judge(cases(1000))
    reasons = {verdict.abstained for verdict in verdicts}
    assert reasons == {reason, "circuit_open"}
    assert all(verdict.usage.calls <= 1 for verdict in verdicts)
    assert sum(server.seen.tries.values()) < 200


def test_a_given_up_server_that_comes_back_is_used_again() -> None:
    with (
        FaultServer(FaultPlan(status=401)) as server,
        make(server, breaker_threshold=2, breaker_seconds=0.2) as judge,
    ):
        assert "circuit_open" in {verdict.abstained for verdict in judge.judge(cases(1000))}
        server.plan = FaultPlan()
        while judge.judge(cases(1))[0].abstained == "circuit_open":
            time.sleep(0.005)
        assert [verdict.correct for verdict in judge.judge(cases(5))] == right_verdicts(5)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (FaultPlan(status=401), r"\(auth\).*OPENAI_API_KEY.*told to say 401"),
        (FaultPlan(status=404), r"\(not_found\).*model and base_url"),
        (FaultPlan(status=422), r"\(bad_request\).*extra_body"),
        (FaultPlan(faults=("server_error",), first_tries=9), r"\(server_error\).*log"),
        (FaultPlan(faults=("timeout",), first_tries=9), r"\(timeout\).*request_seconds"),
        (FaultPlan(faults=("closed",), first_tries=9), r"\(connection\).*base_url"),
    ],
)
def test_an_endpoint_is_checked_before_work_starts(plan: FaultPlan, message: str) -> None:
    with FaultServer(plan) as server, make(server) as judge:
        with pytest.raises(EndpointError, match=message) as error:
            check_judge(judge)
        assert server.url in str(error.value)


@pytest.mark.parametrize(
    "plan",
    [
        FaultPlan(),
        FaultPlan(faults=("server_error",), first_tries=1),
        FaultPlan(faults=("rate_limit",), first_tries=9, retry_after="3600"),
        FaultPlan(faults=("prose",), first_tries=9),
    ],
)
def test_what_may_be_chance_passes_the_check(plan: FaultPlan) -> None:
    with FaultServer(plan) as server, make(server) as judge:
        check_judge(judge)


def test_combined_judges_check_those_behind_them(tmp_path: Path) -> None:
    with FaultServer(FaultPlan(status=401)) as server:
        model = {"name": "llm", "model": "m", "base_url": server.url, "api_key": "k", **QUICK}
        cached = {**model, "cache": tmp_path / "cache.sqlite"}
        for settings in (cached, {**cached, "name": "rule_then_llm"}):
            judge = make_judge(settings)
            with pytest.raises(EndpointError):
                check_judge(judge)
            close_all([judge])
        majority = make_judge("majority", judges=["rule", model])
        with pytest.raises(EndpointError):
            check_judge(majority)
        close_all([majority])
    check_judge(RuleJudge())


def test_a_closed_circuit_works_again() -> None:
    plan = FaultPlan(faults=("server_error",), first_tries=3)
    with (
        FaultServer(plan) as server,
        make(server, breaker_threshold=2, breaker_seconds=0.05, breaker_probes=20) as judge,
    ):
        verdicts = judge.judge(cases(5))
    assert [verdict.correct for verdict in verdicts] == right_verdicts(5)


def test_a_wrong_key_is_not_retried() -> None:
    with FaultServer(FaultPlan(key="secret")) as server, make(server) as judge:
        verdict = judge.judge(cases(1))[0]
    assert (verdict.abstained, verdict.usage.calls) == ("auth", 1)


@pytest.mark.parametrize("structured", ["json_schema", "choice"])
def test_a_server_without_structured_output_is_asked_plainly(structured: str) -> None:
    with (
        FaultServer(FaultPlan(refuse_structured=True)) as server,
        make(server, structured=structured, concurrency=1) as judge,
    ):
        assert judge.judge(cases(1))[0].usage.calls == 2
        assert judge.judge(cases(1))[0].usage.calls == 1
        assert judge.stats.calls == 3


def test_the_request_is_deterministic_text_only_and_structured() -> None:
    body = {"chat_template_kwargs": {"enable_thinking": False}, "temperature": 0.7}
    with (
        FaultServer() as server,
        make(server, structured="choice", extra_body=body) as judge,
    ):
        judge.judge(CASES[:1])
    (sent,) = server.seen.bodies
    assert sent["temperature"] == 0
    assert sent["structured_outputs"] == {"choice": ['{"score": 0}', '{"score": 1}']}
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]
    assert all(isinstance(message["content"], str) for message in sent["messages"])


def test_costs_are_counted_with_the_failures() -> None:
    with FaultServer(FaultPlan(faults=("prose",), first_tries=1)) as server, make(server) as judge:
        usage = judge.judge(cases(1))[0].usage
        stats = judge.stats
    assert (usage.prompt_tokens, usage.completion_tokens, usage.calls) == (200, 10, 2)
    assert (stats.prompt_tokens, stats.completion_tokens, stats.retries) == (200, 10, 1)
    assert stats.failures == {"unparsable": 1}


def test_a_refusal_is_an_abstention() -> None:
    with (
        FaultServer(FaultPlan(reply=lambda case: "I cannot judge this.")) as server,
        make(server) as judge,
    ):
        verdict = judge.judge(cases(1))[0]
    # A model at temperature 0 repeats itself: three replies are enough.
    assert (verdict.abstained, verdict.usage.calls) == ("unparsable", 3)


def test_it_travels_without_its_connections() -> None:
    with FaultServer() as server, make(server) as judge:
        judge.judge(cases(1))
        copy = pickle.loads(pickle.dumps(judge))
        with copy:
            assert [v.correct for v in copy.judge(cases(3))] == right_verdicts(3)
        assert copy.fingerprint == judge.fingerprint


def test_it_can_be_used_again_after_closing() -> None:
    with FaultServer() as server:
        judge = make(server)
        judge.judge(cases(1))
        judge.close()
        judge.close()
        assert judge.judge(cases(1))[0].correct is False
        judge.close()


def test_the_key_shows_nowhere() -> None:
    judge = LLMJudge("m", base_url="http://127.0.0.1:9/v1", api_key="s3cret")
    assert "s3cret" not in repr(judge._endpoint)
    assert "s3cret" not in judge.fingerprint
    assert "s3cret" not in repr(judge)


def test_loopback_needs_no_proxy(http: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with FaultServer() as server, make(server) as judge:
        assert judge.judge(cases(1))[0].correct is False


def test_wrong_settings_are_named() -> None:
    with pytest.raises(JudgeError, match="structured"):
        LLMJudge("m", structured="xml")
    with pytest.raises(UnknownNameError, match="reference"):
        LLMJudge("m", prompt="referense")
    with pytest.raises(UnknownNameError, match="Did you mean 'base_url'"):
        LLMJudge("m", base_ur="http://127.0.0.1")
    with pytest.raises(UnknownNameError, match="Did you mean 'max_tries'"):
        LLMJudge("m", max_trys=3)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("max_tries", 0, "max_tries must be a whole number of at least 1, got 0"),
        ("max_tries", "many", "max_tries must be a whole number of at least 1, got 'many'"),
        ("max_tries", 2.5, "max_tries must be a whole number"),
        ("max_misread", True, "max_misread must be a whole number"),
        ("max_seconds", "soon", "max_seconds must be a number above 0, got 'soon'"),
        ("max_seconds", 0, "max_seconds must be a number above 0, got 0"),
        ("request_seconds", float("nan"), "request_seconds must be a number above 0"),
        ("base_delay", "-1", "base_delay must be a number above 0"),
        ("max_delay", None, "max_delay must be a number above 0, got None"),
        ("breaker_threshold", "", "breaker_threshold must be a whole number"),
        ("breaker_seconds", "inf", "breaker_seconds must be a number above 0"),
        ("breaker_probes", 0, "breaker_probes must be a whole number of at least 1"),
        ("concurrency", 0, "concurrency must be a whole number of at least 1"),
        ("max_chars", 15, "max_chars must be a whole number of at least 16"),
        ("max_tokens", "8.5", "max_tokens must be a whole number of at least 8"),
        ("max_reply_bytes", 0, "max_reply_bytes must be a whole number of at least 1, got 0"),
        ("max_nesting", "deep", "max_nesting must be a whole number of at least 1, got 'deep'"),
        ("extra_body", "[1]", "extra_body must be a mapping or a JSON object"),
        ("extra_body", "{", "extra_body must be a mapping or a JSON object"),
    ],
)
def test_values_that_cannot_work_are_named(name: str, value: object, message: str) -> None:
    with pytest.raises(JudgeError, match=re.escape(message)):
        LLMJudge("m", **{name: value})


def test_values_may_be_text_as_on_a_command_line() -> None:
    with FaultServer(FaultPlan(faults=("server_error",), first_tries=99)) as server:
        judge = make(
            server,
            max_tries="2",
            base_delay="1e-3",
            concurrency="3.0",
            extra_body='{"top_k": 1}',
        )
        with judge:
            assert judge.judge(cases(1))[0].usage.calls == 2
    assert [body["top_k"] for body in server.seen.bodies] == [1, 1]


def test_azure_asks_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with FaultServer() as server:
        endpoint = server.url.removesuffix("/v1")
        judge = LLMJudge(
            "deployed", azure_endpoint=endpoint, api_version="2024-10-21", api_key="k", **QUICK
        )
        with judge:
            assert [v.correct for v in judge.judge(cases(3))] == right_verdicts(3)
        (path,) = server.seen.paths
    assert path == "/openai/deployments/deployed/chat/completions?api-version=2024-10-21"
    with pytest.raises(JudgeError, match="not both"):
        LLMJudge("m", azure_endpoint="http://127.0.0.1", base_url="http://127.0.0.1")


def test_a_missing_key_is_an_error_at_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    judge = LLMJudge("m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(JudgeError, match="cannot be set up"):
        judge.judge(cases(1))
