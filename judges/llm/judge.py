"""`LLMJudge`: asks a language model over an OpenAI-compatible endpoint.

Text only, temperature 0, strict parsing, bounded in concurrency, tries and time. When all fails it
abstains with a reason; it never scores a 0 that the model did not give.

    abstention      meaning
    timeout         no answer in time, at the last try
    connection      the connection failed or broke, or what came is no HTTP, at the last try
    rate_limited    429, at the last try or with a longer wait than is left
    server_error    5xx, at the last try
    unparsable      a reply that is no verdict, at the last try
    too_large       a reply of more bytes than are taken, at the last try
    too_nested      a reply with more brackets in one another than are taken, at the last try
    redirected      the server sends elsewhere, which is not followed
    refused         the model or a content filter declined
    auth            the key is not accepted
    not_found       there is no such model or address at the server
    bad_request     the server does not accept the request
    circuit_open    the server has been failing, and is left alone for longer than the case may wait
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, cast

from judges.base import Judge, JudgeCase, Tell, Usage, Verdict
from judges.errors import EndpointError, UnknownNameError
from judges.llm.bounds import ReplyBounds
from judges.llm.client import Caller, Endpoint, Reply, Structured, ask, make_client
from judges.llm.direct import Address
from judges.llm.loop import LoopThread
from judges.llm.prompt import Prompt, load_prompt
from judges.llm.reply import parse_verdict
from judges.llm.retry import CircuitBreaker, RetryPolicy
from judges.parameters import as_count
from judges.printable import printable

_LOG = logging.getLogger(__name__)
_CALLS_PER_CLIENT = 32  # a client scans all of its connections at every request
_STAGGER_SECONDS = 0.001  # spreads the first requests, and with them all the later ones
_WAITING_PER_CALL = 4  # cases that may sleep between tries for each call in flight

_OWN = frozenset({"model", "prompt", "concurrency", "max_chars", "seed"})
_RETRY = frozenset(item.name for item in fields(RetryPolicy))
_BOUNDS = frozenset(item.name for item in fields(ReplyBounds))
_ENDPOINT = frozenset(item.name for item in fields(Endpoint)) - {"model"}

Say = Callable[[tuple[int, Verdict]], None]

_PLAIN_CASE = JudgeCase("What is 1 + 1?", ("2",), "2")
_CHECK_TRIES = 2
_ADVICE = {
    "connection": "Nothing answers there: start the server, or mend base_url.",
    "timeout": "It does not answer: wait until it is ready, or raise request_seconds.",
    "server_error": "It fails: its own log says why.",
    "auth": "It does not accept the key: put the right one into OPENAI_API_KEY "
    "(AZURE_OPENAI_API_KEY for Azure).",
    "not_found": "It knows no such model or path: check model and base_url, which mostly ends in "
    "/v1.",
    "redirected": "If you mean to ask there, give that address as base_url.",
    "bad_request": "It does not accept the request: check model, extra_body and max_tokens.",
}


@dataclass(frozen=True)
class LLMStats:
    """What a judge has done since it was built.

    Attributes:
        cases: Cases decided or abstained on.
        calls: Requests sent.
        retries: Requests sent beyond the first of each case.
        prompt_tokens: Tokens read by the model.
        completion_tokens: Tokens written by the model.
        failures: Failed requests, by name; each may have been mended by a retry.
        abstentions: Cases without a verdict, by reason.
    """

    cases: int = 0
    calls: int = 0
    retries: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    abstentions: dict[str, int] = field(default_factory=dict)


class LLMJudge(Judge):
    """Scores 1.0 or 0.0 as a language model says, given question, references and prediction.

    Safe to call from several threads and from inside a running event loop: the requests live on
    a loop of their own, and `concurrency` holds for all callers together.

    Args:
        model: The model's name at the endpoint.
        prompt: A shipped prompt's name, a ``.txt`` file, or a `Prompt`.
        concurrency: Requests in flight at most.
        max_chars: Longest prediction shown whole; of a longer one both ends are shown.
        seed: Seeds the jitter of the waits.
        **settings: The fields of `judges.llm.retry.RetryPolicy` (`max_tries`, `max_seconds`,
            `request_seconds`, `base_delay`, `max_delay`, `max_misread`, `breaker_threshold`,
            `breaker_seconds`, `breaker_probes`), those of `judges.llm.bounds.ReplyBounds`
            (`max_reply_bytes`, `max_nesting`) and the others of `judges.llm.client.Endpoint`
            (`base_url`, `api_key`, `azure_endpoint`, `api_version`, `structured`, `max_tokens`,
            `extra_body`).

    Raises:
        JudgeError: If a setting cannot work. A missing package or key shows at the first call.
        UnknownNameError: If there is no such setting or no such prompt.
    """

    def __init__(
        self,
        model: str,
        *,
        prompt: str | Path | Prompt = "reference",
        concurrency: int = 64,
        max_chars: int = 2000,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        retry = {name: settings.pop(name) for name in _RETRY if name in settings}
        bounds = {name: settings.pop(name) for name in _BOUNDS if name in settings}
        for name in settings:
            if name not in _ENDPOINT:
                known = _OWN | _RETRY | _BOUNDS | _ENDPOINT
                raise UnknownNameError("setting of a model judge:", name, known)
        self._bounds = ReplyBounds(**bounds)
        self._retry = RetryPolicy(**retry)
        self._endpoint = Endpoint(model, **settings)
        self._prompt = prompt if isinstance(prompt, Prompt) else load_prompt(prompt)
        self._concurrency = as_count("concurrency", concurrency, 1)
        self._max_chars = as_count("max_chars", max_chars, 16)
        self._seed = as_count("seed", seed)
        self._reset()

    def _reset(self) -> None:
        """Sets the state that belongs to one process."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._loop: LoopThread | None = None
        self._clients: list[Caller] = []
        self._slots: asyncio.Queue[Caller] = asyncio.Queue()
        self._breaker = CircuitBreaker(
            self._retry.breaker_threshold, self._retry.breaker_seconds, self._retry.breaker_probes
        )
        self._rng = random.Random(self._seed)
        self._structured: Structured = self._endpoint.structured
        self._counts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._abstentions: Counter[str] = Counter()

    @property
    def name(self) -> str:
        """``"llm:"`` and the model's name."""
        return f"llm:{self._endpoint.model}"

    @property
    def fingerprint(self) -> str:
        """Everything that a verdict depends on beside the case; part of a cache's key."""
        asked = self._endpoint.structured
        extra = sorted(f"{key}={value!r}" for key, value in self._endpoint.extra_body.items())
        parts = (self.name, self._prompt.version, asked, str(self._max_chars), *extra)
        return "|".join(parts)

    @property
    def stats(self) -> LLMStats:
        """What the judge has done since it was built."""
        return LLMStats(
            **{name: self._counts[name] for name in _COUNTED},
            failures=dict(self._failures),
            abstentions=dict(self._abstentions),
        )

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """Judges a batch; returns verdicts in the order of `cases`.

        Raises:
            JudgeError: If the `openai` package or the key is missing.
        """
        return self.judge_each(cases, lambda _: None)

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
        """Judges a batch, and tells each verdict as it comes; see `judges.base.judge_each`."""
        if not cases:
            return []

        def start(say: Say) -> Coroutine[Any, Any, list[Verdict]]:
            return self._judge_all(list(cases), say)

        def hear(said: list[tuple[int, Verdict]]) -> None:
            tell(dict(said))

        return self._started().run_telling(start, hear)

    def check(self) -> None:
        """Asks about one plain case, so that no run starts on a judge that cannot work.

        Being rate-limited, or answered with what is no verdict, passes: it may be chance.

        Raises:
            EndpointError: If the endpoint cannot be reached or does not accept the request.
            JudgeError: If the `openai` package or the key is missing.
        """
        reply = self._started().run(self._ask_plainly())
        if reply.failure in _ADVICE:
            raise EndpointError(
                f"The judge {self.name} cannot be used at {self._clients[0].base_url} "
                f"({reply.failure}). {_ADVICE[reply.failure]} {reply.detail}".rstrip()
            )

    def close(self) -> None:
        """Closes the connections and stops the loop; the judge starts anew when called again."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                return
            for client in self._clients:
                self._loop.run(client.close())
            self._loop.close()
            self._loop, self._clients = None, []

    def __enter__(self) -> LLMJudge:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        process = ("_pid", "_lock", "_loop", "_clients", "_slots", "_breaker", "_rng")
        return {key: value for key, value in self.__dict__.items() if key not in process}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    def _started(self) -> LoopThread:
        """Returns the loop, started together with its clients; anew after a fork."""
        if self._pid != os.getpid():
            self._reset()
        with self._lock:
            if self._loop is None:
                count = -(-self._concurrency // _CALLS_PER_CLIENT)
                timeout, address = self._retry.request_seconds, Address()
                self._clients = [
                    make_client(self._endpoint, timeout, self._bounds, address)
                    for _ in range(count)
                ]
                self._slots = asyncio.Queue()
                for client in itertools.islice(itertools.cycle(self._clients), self._concurrency):
                    self._slots.put_nowait(client)
                self._loop = LoopThread()
            return self._loop

    async def _judge_all(self, cases: list[JudgeCase], say: Say) -> list[Verdict]:
        """Lets a bounded number of workers take the cases one by one."""
        verdicts: list[Verdict | None] = [None] * len(cases)
        left = iter(enumerate(cases))
        workers = min(len(cases), self._concurrency * _WAITING_PER_CALL)
        try:
            async with asyncio.TaskGroup() as group:
                for index in range(workers):
                    group.create_task(self._work(left, verdicts, say, index * _STAGGER_SECONDS))
        except ExceptionGroup as errors:  # a fault of ours: no server can cause one
            raise errors.exceptions[0] from None
        return cast("list[Verdict]", verdicts)  # every worker has ended, so every place is filled

    async def _work(
        self,
        left: Iterator[tuple[int, JudgeCase]],
        verdicts: list[Verdict | None],
        say: Say,
        delay: float,
    ) -> None:
        """Takes cases until none is left."""
        await asyncio.sleep(delay)
        for index, case in left:
            verdict = verdicts[index] = await self._judge_one(case)
            say((index, verdict))

    async def _judge_one(self, case: JudgeCase) -> Verdict:
        """Asks about one case until there is a verdict or the bounds are reached."""
        clock = asyncio.get_running_loop().time
        messages = self._prompt.messages(case, self._max_chars)
        deadline: float | None = None
        tries, misread, used = 0, 0, Usage()
        while True:
            client = await self._slots.get()
            try:
                now = clock()
                deadline = deadline or now + self._retry.max_seconds
                pause = self._breaker.enter(now)
                if not pause:
                    reply = await self._ask(client, messages, deadline - now)
            finally:
                self._slots.put_nowait(client)
            if pause:
                if self._breaker.given_up or clock() + pause >= deadline:
                    return self._abstain("circuit_open", used)
                await asyncio.sleep(pause)
                continue
            used += replace(reply.usage, retries=1) if tries else reply.usage
            tries += 1
            score = parse_verdict(reply.text)
            if score is not None:
                return self._finish(Verdict(score, None, self.name, usage=used))
            failure = reply.failure or "unparsable"
            misread += reply.failure is None
            self._note(failure, reply)
            again = reply.retryable or reply.failure is None
            spent = tries >= self._retry.max_tries or misread >= self._retry.max_misread
            if spent or not again:
                return self._abstain(failure, used)
            if reply.server_fault and self._breaker.given_up:  # else the last case probes on alone
                return self._abstain("circuit_open", used)
            pause = self._retry.delay(tries, self._rng, reply.retry_after)
            if clock() + pause >= deadline:
                return self._abstain(failure, used)
            await asyncio.sleep(pause)

    async def _ask_plainly(self) -> Reply:
        """Asks about a case that no model gets wrong; a server in trouble is asked again."""
        messages = self._prompt.messages(_PLAIN_CASE, self._max_chars)
        client = await self._slots.get()
        try:
            reply = await self._ask(client, messages, self._retry.max_seconds)
            for tries in range(1, min(_CHECK_TRIES, self._retry.max_tries)):
                if not reply.server_fault or reply.lasting:
                    break
                await asyncio.sleep(self._retry.delay(tries, self._rng))
                reply = await self._ask(client, messages, self._retry.max_seconds)
        finally:
            self._slots.put_nowait(client)
        return reply

    async def _ask(
        self, client: Caller, messages: list[dict[str, str]], seconds_left: float
    ) -> Reply:
        """Sends one request, tells the breaker, and falls back to plain asking when refused."""
        clock = asyncio.get_running_loop().time
        form = self._structured
        timeout = max(0.001, min(self._retry.request_seconds, seconds_left))
        reply = await ask(client, self._endpoint.body(messages, form), timeout, self._bounds)
        if reply.bad_form and form != "none":
            body = self._endpoint.body(messages, "none")
            plain = await ask(client, body, timeout, self._bounds)
            if plain.failure is None and self._structured != "none":
                _LOG.warning(
                    "%s: no structured output (%s); asking plainly.",
                    self.name,
                    printable(reply.detail or ""),
                )
                self._structured = "none"
            reply = replace(plain, usage=reply.usage + plain.usage)
        if reply.server_fault:
            self._breaker.failed(clock(), reply.lasting)
        else:
            self._breaker.succeeded()
        return reply

    def _note(self, failure: str, reply: Reply) -> None:
        """Counts a failed request, and logs the first of its name."""
        self._failures[failure] += 1
        if self._failures[failure] == 1:
            said = reply.detail or repr((reply.text or "")[:200])
            _LOG.warning("%s: %s. %s", self.name, failure, printable(said))

    def _abstain(self, reason: str, used: Usage) -> Verdict:
        """Returns an abstention."""
        self._abstentions[reason] += 1
        return self._finish(Verdict(None, reason, self.name, usage=used))

    def _finish(self, verdict: Verdict) -> Verdict:
        """Adds a verdict to the counts."""
        used = verdict.usage
        self._counts.update(
            cases=1,
            calls=used.calls,
            retries=used.retries,
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
        )
        return verdict


_COUNTED = ("cases", "calls", "retries", "prompt_tokens", "completion_tokens")
