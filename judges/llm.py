"""`LLMJudge`: asks a language model over an OpenAI-compatible endpoint.

Text only, temperature 0, strict parsing, bounded in concurrency, tries and time. When all fails it
abstains with a reason; it never scores a 0 that the model did not give.

    abstention      meaning
    timeout         no answer in time, at the last try
    connection      the connection failed or broke, at the last try
    rate_limited    429, at the last try or with a longer wait than is left
    server_error    5xx, at the last try
    unparsable      a reply that is no verdict, at the last try
    refused         the model or a content filter declined
    auth            the key is not accepted
    bad_request     the server does not accept the request
    circuit_open    the server has been failing, and is left alone for longer than is left
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from judges.base import JudgeCase, Usage, Verdict
from judges.client import Endpoint, Reply, Structured, ask, make_client
from judges.errors import JudgeError
from judges.loop import LoopThread
from judges.parsing import parse_verdict
from judges.prompting import Prompt, load_prompt
from judges.retry import CircuitBreaker, RetryPolicy

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_LOG = logging.getLogger(__name__)
_CALLS_PER_CLIENT = 32  # a client scans all of its connections at every request
_STAGGER_SECONDS = 0.001  # spreads the first requests, and with them all the later ones
_WAITING_PER_CALL = 4  # cases that may sleep between tries for each call in flight


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


class LLMJudge:
    """Scores 1.0 or 0.0 as a language model says, given question, references and prediction.

    Safe to call from several threads and from inside a running event loop: the requests live on
    a loop of their own, and `concurrency` holds for all callers together.

    Args:
        model: The model's name at the endpoint.
        prompt: A shipped prompt's name, a ``.txt`` file, or a `Prompt`.
        concurrency: Requests in flight at most.
        retry: Bounds on tries and time for each case.
        breaker_threshold: Server failures in a row after which the server is left alone.
        breaker_seconds: For how long.
        max_chars: Longest prediction shown whole; of a longer one both ends are shown.
        seed: Seeds the jitter of the waits.
        **endpoint: The other fields of `judges.client.Endpoint`: `base_url`, `api_key`,
            `azure_endpoint`, `api_version`, `structured`, `max_tokens`, `extra_body`.

    Raises:
        JudgeError: If an argument cannot work. A missing package or key shows at the first call.
        UnknownNameError: If no shipped prompt has the name.
    """

    def __init__(
        self,
        model: str,
        *,
        prompt: str | Path | Prompt = "reference",
        concurrency: int = 64,
        retry: RetryPolicy | None = None,
        breaker_threshold: int = 20,
        breaker_seconds: float = 5.0,
        max_chars: int = 2000,
        seed: int = 0,
        **endpoint: Any,
    ) -> None:
        if concurrency < 1 or max_chars < 16:
            raise JudgeError("concurrency must be at least 1 and max_chars at least 16.")
        try:
            self._endpoint = Endpoint(model, **endpoint)
        except TypeError as error:
            raise JudgeError(f"LLMJudge: {error}") from None
        self._prompt = prompt if isinstance(prompt, Prompt) else load_prompt(prompt)
        self._concurrency = concurrency
        self._retry = retry or RetryPolicy()
        self._breaker_settings = (breaker_threshold, breaker_seconds)
        self._max_chars = max_chars
        self._seed = seed
        self._reset()

    def _reset(self) -> None:
        """Sets the state that belongs to one process."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._loop: LoopThread | None = None
        self._clients: list[AsyncOpenAI] = []
        self._slots: asyncio.Queue[AsyncOpenAI] = asyncio.Queue()
        self._breaker = CircuitBreaker(*self._breaker_settings)
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
        if not cases:
            return []
        return self._started().run(self._judge_all(list(cases)))

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
                timeout = self._retry.request_seconds
                self._clients = [make_client(self._endpoint, timeout) for _ in range(count)]
                self._slots = asyncio.Queue()
                for client in itertools.islice(itertools.cycle(self._clients), self._concurrency):
                    self._slots.put_nowait(client)
                self._loop = LoopThread()
            return self._loop

    async def _judge_all(self, cases: list[JudgeCase]) -> list[Verdict]:
        """Lets a bounded number of workers take the cases one by one."""
        verdicts: list[Verdict | None] = [None] * len(cases)
        left = iter(enumerate(cases))
        workers = min(len(cases), self._concurrency * _WAITING_PER_CALL)
        async with asyncio.TaskGroup() as group:
            for index in range(workers):
                group.create_task(self._work(left, verdicts, index * _STAGGER_SECONDS))
        return cast("list[Verdict]", verdicts)  # every worker has ended, so every place is filled

    async def _work(
        self,
        left: Iterator[tuple[int, JudgeCase]],
        verdicts: list[Verdict | None],
        delay: float,
    ) -> None:
        """Takes cases until none is left."""
        await asyncio.sleep(delay)
        for index, case in left:
            verdicts[index] = await self._judge_one(case)

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
                if clock() + pause >= deadline:
                    return self._abstain("circuit_open", used)
                await asyncio.sleep(pause)
                continue
            tries, used = tries + 1, used + reply.usage
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
            pause = self._retry.delay(tries, self._rng, reply.retry_after)
            if clock() + pause >= deadline:
                return self._abstain(failure, used)
            await asyncio.sleep(pause)

    async def _ask(
        self, client: AsyncOpenAI, messages: list[dict[str, str]], seconds_left: float
    ) -> Reply:
        """Sends one request, tells the breaker, and falls back to plain asking when refused."""
        clock = asyncio.get_running_loop().time
        form = self._structured
        timeout = max(0.001, min(self._retry.request_seconds, seconds_left))
        reply = await ask(client, self._endpoint.body(messages, form), timeout)
        if reply.bad_form and form != "none":
            plain = await ask(client, self._endpoint.body(messages, "none"), timeout)
            if plain.failure is None and self._structured != "none":
                _LOG.warning(
                    "%s: no structured output (%s); asking plainly.", self.name, reply.detail
                )
                self._structured = "none"
            reply = replace(plain, usage=reply.usage + plain.usage)
        if reply.server_fault:
            self._breaker.failed(clock())
        else:
            self._breaker.succeeded()
        return reply

    def _note(self, failure: str, reply: Reply) -> None:
        """Counts a failed request, and logs the first of its name."""
        self._failures[failure] += 1
        if self._failures[failure] == 1:
            said = reply.detail or (reply.text or "")[:200]
            _LOG.warning("%s: %s. %s", self.name, failure, said)

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
            retries=max(0, used.calls - 1),
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
        )
        return verdict


_COUNTED = ("cases", "calls", "retries", "prompt_tokens", "completion_tokens")
