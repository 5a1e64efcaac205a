"""Judging under fire: what becomes of cases whose server fails at three requests in ten.

    python -m benchmarks.faults.judging

A case holds when it gets one verdict, once: the right one, or an abstention that names what its
requests met. The cases are judged in a process of their own for each of the two ways of speaking
HTTP, so that its memory is theirs alone. Prints one JSON object a client; ends with 1 when a case
did not hold or more than `MOST_MEGABYTES` were needed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.fault_server import FaultPlan, FaultServer, Seen
from benchmarks.faults.replies import FAULTS
from judges import JudgeCase, LLMJudge, Verdict

CLIENTS = ("aiohttp", "httpx")
CASES = 2000
SHARE = 0.3
MOST_MEGABYTES = 300.0
"""Memory at most above what the process needs before the first case."""
NO_FAULT = "none"
_REQUEST_SECONDS = 8.0


@dataclass(frozen=True)
class FaultRow:
    """What became of the cases that met a fault.

    Attributes:
        fault: Its name in `FAULTS`; ``"none"`` for cases that met none.
        trials: Cases that met it.
        held: Those of them that hold.
    """

    fault: str
    trials: int
    held: int


@dataclass(frozen=True)
class JudgingReport:
    """What became of all cases.

    Attributes:
        client: The way of speaking HTTP.
        cases: How many there were.
        abstained: Cases without a verdict, by reason.
        peak_megabytes: Memory at most, above that before the first case.
        rows: By fault.
    """

    client: str
    cases: int
    abstained: Mapping[str, int]
    peak_megabytes: float
    rows: tuple[FaultRow, ...]

    @property
    def held(self) -> bool:
        """Whether every case holds, within the memory."""
        whole = all(row.held == row.trials for row in self.rows)
        return whole and self.peak_megabytes <= MOST_MEGABYTES


def judging_trials(seed: int, cases: int = CASES) -> Iterator[tuple[str, bool]]:
    """Yields, for each fault that a case met, by client: its name, and whether the case held."""
    for report in judging_reports(seed, cases):
        for row in report.rows:
            for place in range(row.trials):
                yield f"{report.client}: {row.fault}", place < row.held


def judging_reports(seed: int, cases: int = CASES) -> Iterator[JudgingReport]:
    """Plays the cases through each client.

    Args:
        seed: Chooses the requests that fail, and how.
        cases: How many.
    """
    for client in CLIENTS:
        yield judging_report(client, seed, cases)


def judging_report(
    client: str, seed: int, cases: int = CASES, faults: Sequence[str] = (), share: float = SHARE
) -> JudgingReport:
    """Plays the cases through one client.

    Args:
        client: One of `CLIENTS`.
        seed: Chooses the requests that fail, and how.
        cases: How many.
        faults: Names in `FAULTS`; none are all of them.
        share: Share of the requests that fail.

    Raises:
        RuntimeError: If the process that judges ends with an error.
    """
    plan = FaultPlan(share, tuple(faults or FAULTS), seed, latency=0.001)
    with FaultServer(plan) as server:
        command = [sys.executable, "-m", __spec__.name, "--judge", server.url, "--client", client]
        ended = subprocess.run(
            [*command, "--cases", str(cases)],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode:
            raise RuntimeError(f"The judging process failed: {ended.stderr[-2000:]}")
        told = json.loads(ended.stdout)
        return _report(client, told, server.seen)


def _report(client: str, told: dict[str, Any], seen: Seen) -> JudgingReport:
    """Compares what the judge told with what the server saw."""
    trials: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for place, (scores, reasons, calls) in enumerate(told["verdicts"]):
        question = f"q{place}"
        met = set(seen.met[question])
        known = frozenset().union(*(FAULTS[name].reasons for name in met))
        right = scores == [float(place % 3 != 0)] or (
            len(reasons) == 1 and scores == [None] and reasons[0] in known
        )
        holds = right and calls >= seen.tries[question] > 0
        for name in met or {NO_FAULT}:
            trials[name] += 1
            held[name] += holds
    abstained = dict(Counter(reasons[0] for _, reasons, _ in told["verdicts"] if reasons))
    rows = tuple(FaultRow(name, trials[name], held[name]) for name in sorted(trials))
    return JudgingReport(client, len(told["verdicts"]), abstained, told["peak_megabytes"], rows)


def _judge(url: str, client: str, count: int) -> dict[str, Any]:
    """Judges the cases; returns every verdict that was told, and the memory that it took."""
    if client == "httpx":
        sys.modules["aiohttp"] = None  # type: ignore[assignment]  # as where it is not installed
    cases = [
        JudgeCase(f"q{i}", (f"right {i}",), f"right {i}" if i % 3 else f"wrong {i}")
        for i in range(count)
    ]
    told: list[list[Verdict]] = [[] for _ in cases]

    def tell(news: Mapping[int, Verdict]) -> None:
        for place, verdict in news.items():
            told[place].append(verdict)

    judge = LLMJudge(
        "m",
        base_url=url,
        api_key="k",
        request_seconds=_REQUEST_SECONDS,
        base_delay=0.05,
        max_delay=0.5,
    )
    with judge:
        judge.judge([JudgeCase("warm", ("a",), "a")])
        before = _peak_megabytes()
        judge.judge_each(cases, tell)
    verdicts = [
        (
            [verdict.score for verdict in each],
            [verdict.abstained for verdict in each if verdict.abstained],
            sum(verdict.usage.calls for verdict in each),
        )
        for each in told
    ]
    return {"verdicts": verdicts, "peak_megabytes": round(_peak_megabytes() - before, 1)}


def _peak_megabytes() -> float:
    """Most memory this process has had; what the system counts from a fork on is the parent's."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description="Judging while the server fails.")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--judge", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--client", choices=CLIENTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.judge is not None:
        print(json.dumps(_judge(options.judge, options.client, options.cases)))
        return 0
    good = True
    for report in judging_reports(options.seed, options.cases):
        print(json.dumps(asdict(report)), flush=True)
        good = good and report.held
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
