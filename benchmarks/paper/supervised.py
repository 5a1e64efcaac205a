"""Table 8: RL against fine-tuning by example, on the same held-out samples and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.paper.families import POINT
from benchmarks.paper.material import Material, Table, mean, printed, share
from benchmarks.paper.requests import TOKENS
from benchmarks.sweeps.ends import ALL, NEED, NO_NEED
from benchmarks.sweeps.results import COMMON_REGRET

SFT = "sft"
"""The sweep of the models that were fine-tuned."""
REGRET, WARM = "regret_to_start_oracle", "temperature_1"
BEFORE, ORACLE, BEST, RL, DRAWN = "before RL", "SFT, oracle", "SFT, best", "RL", ", T=1"
ALIKE = 0.02
"""Rates and accuracies that differ by less are alike."""
Rows = Sequence[Mapping[str, Any]]


def evaluations(made: Material | None) -> dict[str, Rows]:
    """Final evaluations by row of the table, a seed each."""
    assert made is not None
    ours, taught = made.summaries(POINT), made.beside[SFT]
    found: dict[str, Rows] = {f"{BEFORE}{DRAWN}": [row["baselines"]["untrained"] for row in ours]}
    trained = {
        ORACLE: taught.summaries("oracle"),
        BEST: taught.summaries("best"),
        RL: ours,
    }
    found |= trained
    found |= {f"{name}{DRAWN}": [r[WARM] for r in mine] for name, mine in trained.items()}
    return found


def table(made: Material | None) -> Table:
    """A row a way of learning, at temperature 0 and 1."""
    common = _common(made)
    rows: list[tuple[str, ...]] = []
    for name, mine in evaluations(made).items():
        rates = [share(mean(mine, key)) for key in ("accuracy", ALL, NEED, NO_NEED, TOKENS)]
        both = f"{mean(mine, REGRET):.3f}", f"{common[name]:.3f}" if name in common else ""
        rows.append((name, str(len(mine)), *rates, *both))
    return (
        "model", "seeds", "right", "asks", "need", "no need", "tokens", "regret", "common",
    ), rows  # fmt: skip


def _common(made: Material | None) -> dict[str, float]:
    """Regret under the common reward, where tokens cost; of what was played at temperature 0."""
    assert made is not None
    taught = {point.point: point for point in made.beside[SFT].points()}
    named = {ORACLE: taught.get("oracle"), BEST: taught.get("best")}
    named[RL] = next((point for point in made.points() if point.point == POINT), None)
    return {name: point.metrics[COMMON_REGRET].mean for name, point in named.items() if point}


def says(made: Material | None) -> list[str]:
    """Whether fine-tuning asks more than RL, as in the paper, and which of them decides better."""
    found = evaluations(made)
    told = []
    for ending, when in (("", "0"), (DRAWN, "1")):
        sft, rl = (mean(found[f"{name}{ending}"], ALL) for name in (ORACLE, RL))
        idle = [mean(found[f"{name}{ending}"], NO_NEED) for name in (ORACLE, RL)]
        seen = "as in the paper" if sft > rl + ALIKE else "in the paper it asks too often"
        word = "as often as" if abs(sft - rl) <= ALIKE else "more than" if sft > rl else "less than"
        told.append(
            f"At temperature {when} SFT asks {word} RL, {share(sft)} and {share(rl)} ({seen}); "
            f"where there is no need {share(idle[0])} and {share(idle[1])}."
        )
    right = {name: mean(found[name], "accuracy") for name in (ORACLE, BEST, RL)}
    most, least = max(right, key=right.__getitem__), min(right.values())
    found_best = right[most] - least > ALIKE
    verdict = f"{most} is right most often" if found_best else "They are right alike"
    listed = ", ".join(f"{name} {share(value)}" for name, value in right.items())
    told.append(f"{verdict}: {listed}.")
    blind = mean(found[BEST], NEED)
    told.append(
        f"Without labels of the need (best) SFT asks on {share(blind)} where it has to, with them "
        f"on {share(mean(found[ORACLE], NEED))}."
    )
    told.append(
        "Regret is to the oracle of the model before training, under the paper's reward, in which "
        "tokens cost nothing; common is under the default one, in which they do. T=1: drawn at "
        "temperature 1; need, no need: requests there."
    )
    return told


def printed_supervised() -> Table:
    """What the paper has of table 8."""
    headings, words = printed("visionthink-ablations", "Table 8")
    return headings, words + printed("visionthink-requests", "Fig. 5, Table 8")[1]
