"""Items on how often a policy asks: figures 3a, 7 and 8."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from benchmarks.paper.material import Material, Table, mean, printed, share
from benchmarks.sweeps.ends import ALL, NEED, NO_NEED
from benchmarks.sweeps.results import PointResult

ALWAYS, NEAR = 0.9, 0.1
"""Share of requests from which on a policy always asks, and how near to the oracle's is near."""


def table(made: Material | None) -> Table:
    """Requests at the end, a row a point: means over seeds."""
    assert made is not None
    rows = []
    for point in made.points():
        summaries = made.summaries(point.point)
        rates = [share(mean(summaries, name)) for name in (ALL, NEED, NO_NEED)]
        rest = [share(mean(summaries, "accuracy")), share(mean(summaries, TOKENS))]
        rows.append((point.point, str(len(point.seeds)), *rates, *rest))
    return ("point", "seeds", "asks", "on need", "on no need", "accuracy", "tokens"), rows


TOKENS = "visual_tokens/share_of_full"


def table_with_start(made: Material | None) -> Table:
    """The same, with the requests of the first iteration."""
    assert made is not None
    headings, rows = table(made)
    found = []
    for row in rows:
        mine = [t for t in made.planned if t.point == row[0] and made.folder.is_done(t)]
        first = [made.folder.trial(trial).metrics()[0] for trial in mine]
        found.append((*row, share(mean(first, ALL))))
    return (*headings, "asks at first"), found


def _asks(made: Material, point: str) -> float:
    return mean(made.summaries(point), ALL)


def _oracle(points: Sequence[PointResult]) -> float:
    return points[0].oracle_requests


def says_penalty(made: Material | None) -> list[str]:
    """Whether none always asks, penalties on requests ask least, and 0.2 is near the oracle."""
    assert made is not None
    points = made.points()
    rates = {point.point: _asks(made, point.point) for point in points}
    told = []
    if "none" in rates:
        seen = "as in the paper" if rates["none"] >= ALWAYS else "in the paper always"
        told.append(f"Without a penalty {share(rates['none'])} are asked about ({seen}).")
    least = min(rates, key=lambda name: rates[name])
    told.append(f"The fewest requests, {share(rates[least])}, are those of {least}.")
    if "all" in rates:
        seen = "as in the paper" if rates["all"] <= NEAR else "in the paper they die out"
        told.append(f"With a penalty on each right request {share(rates['all'])} ({seen}).")
    if "paper-theta0.2" in rates:
        rate, best = rates["paper-theta0.2"], _oracle(points)
        near = "near" if abs(rate - best) <= NEAR else "not near"
        told.append(f"A threshold of 0.2 ends at {share(rate)}, {near} the oracle's {share(best)}.")
    return told


def says_theta(made: Material | None) -> list[str]:
    """Whether more of a threshold means more requests, as in the paper."""
    assert made is not None
    names = [p.point for p in made.points() if p.point.startswith("theta")]
    rates = [_asks(made, name) for name in names]
    rising = all(later >= earlier - 0.02 for earlier, later in pairwise(rates))
    listed = ", ".join(f"{n} {share(r)}" for n, r in zip(names, rates, strict=True))
    told = [f"Requests by threshold: {listed}."]
    if len(rates) > 1:
        told.append(
            "They do not fall as the threshold rises, as in the paper." if rising
            else "They do not rise with the threshold all the way; in the paper they do."
        )  # fmt: skip
    spread = max(rates, default=0.0) - min(rates, default=0.0)
    told.append(f"Between the least and the most of them lie {100 * spread:.1f} points.")
    return told


def says_prompts(made: Material | None) -> list[str]:
    """How often each prompt asks at first, and which of them end with asking on need."""
    assert made is not None
    headings, rows = table_with_start(made)
    first, need = headings.index("asks at first"), headings.index("on need")
    listed = ", ".join(f"{r[0]} {r[first]} at first, {r[need]} on need at last" for r in rows)
    return [f"Requests by prompt: {listed}."]


def printed_penalty() -> Table:
    """The paper's words on figure 3a and section 3.4."""
    headings, three = printed("visionthink-ablations", "Fig. 3a")
    return headings, three + printed("visionthink-ablations", "Sec. 3.4")[1]


def printed_prompts() -> Table:
    """The paper's numbers of figure 7."""
    return printed("visionthink-ablations", "Fig. 7")


def printed_theta() -> Table:
    """The paper's words on figure 8."""
    return printed("visionthink-ablations", "Fig. 8")
