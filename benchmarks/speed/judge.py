"""How fast the judges are.

    python -m benchmarks.speed.judge

| figure | what is measured | must be |
|---|---|---|
| `model_ratio` | wall time of 1,000 cases at 64 calls in flight against a server that takes
  100 ms, over the ideal: cases / concurrency * latency | at most 1.10 |
| `cached_per_second` | verdicts a second from a warm cache, in batches of 1,000 | at least 20,000 |
| `rule_per_second` | cases a second of `RuleJudge`, every case and reference a new one | at least
  20,000 |

Each figure is the median of `--repeats` runs. Prints one JSON object; ends with 1 when a figure
misses its bound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from judges import CachedJudge, JudgeCase, LLMJudge, RuleJudge

MAX_MODEL_RATIO = 1.10
MIN_CACHED_PER_SECOND = 20_000
MIN_RULE_PER_SECOND = 20_000


class _Latency(asyncio.Protocol):
    """Answers every request with the same verdict, `latency` seconds later."""

    def __init__(self, latency: float) -> None:
        body = json.dumps(
            {
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": '{"score": 1}'},
                    }
                ],
                "usage": {"prompt_tokens": 400, "completion_tokens": 6},
            }
        ).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        self._latency = latency
        self._response = head.encode() + b"\r\n\r\n" + body
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._received = body[length:]
        loop = asyncio.get_running_loop()
        loop.call_later(self._latency, self._transport.write, self._response)


async def _serve(latency: float) -> None:
    """Serves until killed; prints its port first."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Latency(latency), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def latency_server(latency: float) -> Iterator[str]:
    """Starts the server in a process of its own; yields its base URL."""
    command = [sys.executable, "-m", "benchmarks.speed.judge", "--serve", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.kill()


def make_cases(count: int, seed: int) -> list[JudgeCase]:
    """Makes cases of every kind, half of them right, no two alike."""
    rng = random.Random(seed)
    cases = []
    for index in range(count):
        number = rng.randrange(10**6)
        said = number if rng.random() < 0.5 else number + 1
        question = f"What is shown in panel {index}?"
        options = (f"red {number}", f"blue {number}", "green")
        references, prediction, choices = (
            (f"{number}", f"The answer is {said}.", None),
            (f"{number / 100:.2f}", f"\\boxed{{{said / 100:.2f}}}", None),
            (f"{number % 100}%", f"{said % 100 / 100}", None),
            ("B", f"(B) blue {said}", options),
            ("yes", f"Yes, there are {said}.", None),
            (f"street number {number} north", f"The street number {said} norht", None),
            (f"red {number}, blue, green", f"blue, green and red {said}", None),
            (f"Paris {number}", f"the city on the Seine {said}", None),
        )[index % 8]
        cases.append(JudgeCase(question, (references,), prediction, choices=choices))
    return cases


def model_ratio(cases: int, concurrency: int, latency: float, repeats: int) -> float:
    """Returns the wall time of a batch over its ideal."""
    with latency_server(latency) as url:
        judge = LLMJudge("m", base_url=url, api_key="k", concurrency=concurrency)
        with judge:
            judge.judge(make_cases(1, seed=0))  # loads the client library
            batches = iter(range(1, repeats + 1))

            def run() -> float:
                batch = make_cases(cases, seed=next(batches))
                started = time.perf_counter()
                verdicts = judge.judge(batch)
                seconds = time.perf_counter() - started
                assert all(verdict.score == 1.0 for verdict in verdicts)
                return seconds

            return _median(run, repeats) / (cases / concurrency * latency)


def cached_per_second(count: int, repeats: int) -> float:
    """Returns the verdicts a second that a warm cache gives, in batches of 1,000."""
    with tempfile.TemporaryDirectory() as folder:
        judge = CachedJudge(RuleJudge(), Path(folder) / "cache.sqlite")
        cases = make_cases(count, seed=0)
        judge.judge(cases)

        def run() -> float:
            started = time.perf_counter()
            for start in range(0, count, 1000):
                batch = judge.judge(cases[start : start + 1000])
                assert all(verdict.cached for verdict in batch)
            return time.perf_counter() - started

        try:
            return count / _median(run, repeats)
        finally:
            judge.close()


def rule_per_second(count: int, repeats: int) -> float:
    """Returns the cases a second that `RuleJudge` decides."""
    judge = RuleJudge()
    seeds = iter(range(repeats))

    def run() -> float:
        cases = make_cases(count, seed=next(seeds))
        started = time.perf_counter()
        judge.judge(cases)
        return time.perf_counter() - started

    return count / _median(run, repeats)


def _median(run: Callable[[], float], repeats: int) -> float:
    """Runs something a few times; returns the median of its seconds."""
    return statistics.median(run() for _ in range(repeats))


def main() -> int:
    parser = argparse.ArgumentParser(description="How fast the judges are.")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--serve", type=float, metavar="LATENCY", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(_serve(options.serve))
    figures = {
        "model_ratio": model_ratio(
            options.cases, options.concurrency, options.latency, options.repeats
        ),
        "cached_per_second": cached_per_second(20_000, options.repeats),
        "rule_per_second": rule_per_second(20_000, options.repeats),
    }
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
    good = (
        figures["model_ratio"] <= MAX_MODEL_RATIO
        and figures["cached_per_second"] >= MIN_CACHED_PER_SECOND
        and figures["rule_per_second"] >= MIN_RULE_PER_SECOND
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
