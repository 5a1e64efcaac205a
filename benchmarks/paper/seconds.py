"""Figure 4: seconds of full resolution, of a quarter of the tokens, and of the policy.

All three are played with the trained model in one engine on the same held-out samples, one way
after the other, several times. Between them the engine takes its weights anew, which drops what it
keeps of prefixes and images; within one, the policy's second turn goes on from what its first read.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.evaluation.play import Batch, Player, batches, first_indices
from benchmarks.paper.engine import BATCH, playing, weights_of, with_model
from benchmarks.paper.families import POINT
from benchmarks.paper.material import Material, Table, kept, printed, share
from benchmarks.published import published
from vt_env.settings.tree import flatten

if TYPE_CHECKING:
    from agents import Way

FILE = "visionthink-time"
TIMES, WARM = 5, 24
"""How often each way is played, and the samples that are played before."""
FULL, QUARTER, OURS = "full (vanilla)", "quarter", "ours"
WAYS: dict[str, Way | None] = {FULL: "vanilla", QUARTER: "answer", OURS: None}


def measure(made: Material, file: Path) -> dict[str, Any]:
    """Plays the first trial's model in all ways, or reads what was measured of it.

    Returns:
        ``samples``, ``load`` (of the machine, before), and ``ways``: of each by name ``seconds``
        (every time, whole), ``engine`` (what of it the engine took) and ``tokens`` (visual ones,
        in full passes).
    """
    trial = made.done(POINT)[0]
    settings = with_model(trial.settings, made.model(trial))
    about = {"trial": trial.id, "times": TIMES, "settings": flatten(settings)}

    def play() -> Mapping[str, Any]:
        load = os.getloadavg()[0]
        with playing(settings, settings.eval_env()) as player:
            weights = weights_of(made.model(trial))
            size = len(player.env.dataset)
            indices = first_indices(size, settings.evaluation.samples)
            for way in WAYS.values():
                player.once(Batch(0, indices[:WARM]), 0.0, way)
            ways: dict[str, Any] = {name: {"seconds": [], "engine": []} for name in WAYS}
            for name in order(TIMES):
                player.backend.load_weights(weights)  # drops all caches, not timed
                took, engine, tokens = _once(player, indices, name)
                ways[name]["seconds"].append(round(took, 3))
                ways[name]["engine"].append(round(engine, 3))
                ways[name]["tokens"] = round(tokens, 6)
        return {"samples": len(indices), "load": round(load, 1), "ways": ways}

    return kept(file, about, play)


def order(times: int) -> list[str]:
    """The ways by turns; each time another one begins."""
    names = list(WAYS)
    return [names[(turn + place) % len(names)] for turn, place in product(range(times), range(3))]


def _once(player: Player, indices: Sequence[int], name: str) -> tuple[float, float, float]:
    """Seconds in all and of the engine, and visual tokens in full passes."""
    from agents.rollouts import Stopwatch

    watch, share_of_full = Stopwatch(), []
    begun = time.perf_counter()
    for batch in batches(indices, BATCH, what=name):
        played = player.once(batch, 0.0, WAYS[name], watch)
        share_of_full += [t.visual_tokens / t.full_tokens for t in played]
    took = time.perf_counter() - begun
    return took, watch.take().get("generate", 0.0), statistics.fmean(share_of_full)


def table(made: Material | None) -> Table:
    """Seconds of each way: the best time, the median, and the engine's part of it."""
    assert made is not None
    ways = made.measured["ways"]
    full = statistics.median(ways[FULL]["seconds"])
    rows: list[tuple[str, ...]] = []
    for name, way in ways.items():
        middle = statistics.median(way["seconds"])
        rows.append((
            name, f"{min(way['seconds']):.2f}", f"{middle:.2f}", share(middle / full),
            f"{min(way['engine']):.2f}", f"{statistics.median(way['engine']):.2f}",
            share(way["tokens"]),
        ))  # fmt: skip
    return ("way", "best", "median", "of full's", "engine, best", "engine, median", "tokens"), rows


def printed_shares() -> dict[str, float]:
    """The policy's seconds as a share of full's, by benchmark, as the paper's numbers have it."""
    found = {(f.method, f.benchmark): f.value for f in published(FILE)}
    return {
        benchmark: value / whole
        for (method, benchmark), value in found.items()
        if method == "VisionThink" and value and (whole := found.get(("full", benchmark)))
    }


def says(made: Material | None) -> list[str]:
    """Whether ours is faster than full resolution, and how sure that is."""
    assert made is not None
    told, ways = made.measured, made.measured["ways"]
    middle = {name: statistics.median(way["seconds"]) for name, way in ways.items()}
    part = {name: value / middle[FULL] for name, value in middle.items()}
    spread = max(max(way["seconds"]) / min(way["seconds"]) - 1 for way in ways.values())
    theirs = printed_shares()
    least, most = min(theirs, key=theirs.__getitem__), max(theirs, key=theirs.__getitem__)
    verdict = "less" if part[OURS] < 1 else "more"
    return [
        f"On {told['samples']} samples ours takes {share(part[OURS])} of the seconds of full "
        f"resolution, {verdict} than it, a quarter of the tokens {share(part[QUARTER])}; the "
        f"paper's takes from {share(theirs[least])} ({least}) to {share(theirs[most])} ({most}).",
        f"Each was played {len(ways[FULL]['seconds'])} times by turns, the same model in the same "
        f"engine, whose caches were dropped between; times of one way differ by up to "
        f"{share(spread)} (load of the machine before: {told['load']}).",
        f"Going by full and quarter, {share(fixed_share(part[QUARTER]))} of the seconds of a pass "
        f"do not hang on the number of visual tokens; ours has {share(ways[OURS]['tokens'])} of "
        "full's.",
    ]


def fixed_share(quarter: float) -> float:
    """Share of a full pass's seconds that a pass without visual tokens would take, in [0, 1].

    Args:
        quarter: Seconds with a quarter of the tokens as a share of full's; time is taken to be
            linear in them.
    """
    return min(1.0, max(0.0, (quarter - 0.25) / 0.75))


def printed_seconds() -> Table:
    """The paper's numbers of figure 4."""
    return printed(FILE, "Fig. 4")
