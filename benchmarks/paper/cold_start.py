"""Table 9: RL that begins with a fine-tuned model, against RL from the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.paper.engine import with_model
from benchmarks.paper.families import POINT
from benchmarks.paper.material import Material, Table, mean, printed, share
from benchmarks.paper.requests import TOKENS
from benchmarks.paper.supervised import ALIKE, SFT
from benchmarks.sweeps import Point, Sweep, Trial
from benchmarks.sweeps.ends import ALL, NEED, NO_NEED
from vt_env import ConfigError

TAUGHT, AFTER = "oracle", "after-sft"
"""The point of the fine-tuned models, and that of RL that begins with them."""
SWEEP = Sweep(
    "cold-start",
    "Does a policy learn the decision faster, and end better, that begins with a fine-tuned model?",
    (Point(AFTER),),
)
BAR, WINDOW = 0.9, 3
"""Share of decisions that are as known need asks, and the iterations that it is a mean of."""
PLAIN, COLD, SFT_ALONE = "RL", "cold start", "SFT alone"
KEY = (
    "At first: requests of the first iteration; to 90%: iterations until the bar, by seed; need, "
    "no need: requests at last; if asked: right when made to ask; regret: to the oracle of the "
    "model before any training, under the paper's reward."
)


def follow(made: Material) -> tuple[Sweep, list[Trial]]:
    """Trials of RL that are those of the first sweep, but for the model that they begin with.

    Raises:
        ConfigError: If a seed has no fine-tuned model.
    """
    taught = made.beside[SFT]
    models = {trial.seed: taught.model(trial) for trial in taught.done(TAUGHT)}
    planned = []
    for trial in made.planned:
        if trial.point != POINT:
            continue
        if trial.seed not in models:
            raise ConfigError(f"{trial.id}: there is no trial {SFT}/{TAUGHT}/{trial.seed}.")
        settings = with_model(trial.settings, models[trial.seed])
        planned.append(replace(trial, sweep=SWEEP.name, point=AFTER, settings=settings))
    return SWEEP, planned


def decided(row: Mapping[str, float]) -> float | None:
    """Share of decisions as known need asks, need and no need weighed alike; None if not known.

    Where some decisions were forced, those of the others count.
    """
    rates = [
        row.get(f"exploration/free_{name}", row.get(name))
        for name in ("request_rate_need", "request_rate_no_need")
    ]
    need, idle = rates
    return None if need is None or idle is None else (need + 1.0 - idle) / 2


def first_over(rows: Sequence[Mapping[str, float]], bar: float = BAR) -> int | None:
    """The first iteration over whose last ones the decisions are right as often as the bar says.

    Args:
        rows: Metrics of the iterations, in order.
        bar: Share of decisions.
    """
    seen: list[float] = []
    for row in rows:
        value = decided(row)
        if value is not None:
            seen.append(value)
            if float(np.mean(seen[-WINDOW:])) >= bar:
                return int(row["iteration"])
    return None


def _iterations(made: Material, point: str) -> list[list[dict[str, float]]]:
    return [made.folder.trial(trial).metrics() for trial in made.done(point)]


def _both(made: Material | None) -> dict[str, tuple[Material, str]]:
    assert made is not None
    return {PLAIN: (made, POINT), COLD: (made.beside[SWEEP.name], AFTER)}


def table(made: Material | None) -> Table:
    """Requests at first, iterations until the bar, and where each ends; `KEY` says what is what."""
    assert made is not None
    rows: list[tuple[str, ...]] = []
    for name, (mine, point) in _both(made).items():
        runs = _iterations(mine, point)
        first = share(mean([run[0] for run in runs], ALL))
        bars = ["never" if n is None else str(n) for n in map(first_over, runs)]
        rows.append((name, str(len(runs)), first, " ".join(bars), *_end(made, mine, point)))
    taught = made.beside[SFT]
    end = _end(made, taught, TAUGHT)
    rows.append((SFT_ALONE, str(len(taught.done(TAUGHT))), "", "", *end))
    return (
        "model", "seeds", "at first", f"to {BAR:.0%}", "need", "no need", "right", "if asked",
        "tokens", "regret",
    ), rows  # fmt: skip


def _end(made: Material, mine: Material, point: str) -> list[str]:
    """The final evaluation; regret is to the oracle of the model before any training."""
    found = mine.summaries(point)
    best = mean([row["baselines"]["start_oracle"] for row in made.summaries(POINT)], "reward")
    asked = mean([row["baselines"]["always_high"] for row in found], "accuracy")
    rates = [share(mean(found, key)) for key in (NEED, NO_NEED, "accuracy")]
    return [
        *rates, share(asked), share(mean(found, TOKENS)), f"{best - mean(found, 'reward'):.3f}",
    ]  # fmt: skip


def says(made: Material | None) -> list[str]:
    """Whether a cold start is faster, and whether anything was lost by it."""
    ways = _both(made)
    first = {n: mean([run[0] for run in _iterations(*way)], ALL) for n, way in ways.items()}
    bars = {n: [first_over(run) for run in _iterations(*way)] for n, way in ways.items()}
    told = [
        f"At the first iteration {share(first[COLD])} are asked about after a cold start, "
        f"{share(first[PLAIN])} without.",
        f"Decisions are as known need asks on {BAR:.0%} (mean of {WINDOW} iterations at "
        f"temperature 1) {_after(bars[COLD])} with a cold start, {_after(bars[PLAIN])} without.",
    ]
    right, read = {}, {}
    for name, (mine, point) in ways.items():
        found = mine.summaries(point)
        right[name] = mean(found, "accuracy")
        read[name] = mean([row["baselines"]["always_high"] for row in found], "accuracy")
    told.append(
        f"It ends right on {share(right[COLD])} with a cold start, on {share(right[PLAIN])} "
        f"without; made to ask, so that only reading counts, on {share(read[COLD])} and "
        f"{share(read[PLAIN])}."
    )
    worse = read[COLD] < read[PLAIN] - ALIKE
    seen = "as in the paper" if worse else "in the paper it is"
    told.append(f"What it can do beside deciding is {'' if worse else 'not '}worse ({seen}).")
    return [*told, KEY]


def _after(bars: Sequence[int | None]) -> str:
    known = [number for number in bars if number is not None]
    if not known:
        return "never"
    missing = len(bars) - len(known)
    rest = f", never with {missing} of {len(bars)} seeds," if missing else ""
    return f"by iteration {np.mean(known):.0f}{rest}"


def printed_cold_start() -> Table:
    """What the paper has of table 9."""
    return printed("visionthink-ablations", "Table 9")
