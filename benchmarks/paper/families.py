"""Items by family of samples: figures 1 and 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.paper.material import Material, Table, mean, printed, share

POINT = "paper-theta0.2"
"""The paper's own rule."""


def _summaries(made: Material | None) -> list[dict[str, Any]]:
    assert made is not None
    return made.summaries(POINT)


def _of(rows: Sequence[Mapping[str, Any]], family: str) -> list[Mapping[str, Any]]:
    return [row["by_family"][family] for row in rows if family in row["by_family"]]


def accuracy(made: Material | None) -> Table:
    """Accuracy by family: vanilla, a quarter of the tokens, and the trained policy."""
    found = _summaries(made)
    kinds = {
        "full (vanilla)": [row["baselines"]["vanilla"] for row in found],
        "quarter": [row["baselines"]["always_low"] for row in found],
        "ours": found,
    }
    families = sorted({name for row in found for name in row["by_family"]})
    rows: list[tuple[str, ...]] = [
        (family, *(share(mean(_of(kind, family), "accuracy")) for kind in kinds.values()))
        for family in families
    ]
    rows.append(("all", *(share(mean(kind, "accuracy")) for kind in kinds.values())))
    return ("family", *kinds), rows


def requests(made: Material | None) -> Table:
    """Requests by family, and the tokens that they come to."""
    found = _summaries(made)
    families = sorted({name for row in found for name in row["by_family"]})
    rows: list[tuple[str, ...]] = [
        (
            family,
            share(mean(_of(found, family), "resize_call_ratio")),
            share(mean(_of(found, family), "visual_tokens/share_of_full")),
        )
        for family in families
    ]
    return ("family", "asks", "tokens"), rows


def says_accuracy(made: Material | None) -> list[str]:
    """How ours stands between the two."""
    found = _summaries(made)
    full = mean([row["baselines"]["vanilla"] for row in found], "accuracy")
    low = mean([row["baselines"]["always_low"] for row in found], "accuracy")
    ours, tokens = mean(found, "accuracy"), mean(found, "visual_tokens/share_of_full")
    return [
        f"Ours is right on {share(ours)} with {share(tokens)} of the tokens, full resolution on "
        f"{share(full)}, a quarter of the tokens on {share(low)}."
    ]


def says_requests(made: Material | None) -> list[str]:
    """Between which rates the families lie."""
    _, rows = requests(made)
    by_rate = sorted(rows, key=lambda row: float(row[1].rstrip("%")))
    least, most = by_rate[0], by_rate[-1]
    return [
        f"From {least[1]} of {least[0]} to {most[1]} of {most[0]}; in the paper from 6.5% of "
        "DocVQA to 79% of ChartQA. Half of each family's questions need the image "
        "here, so that rates lie closer together than those of benchmarks that differ in kind."
    ]


def printed_accuracy() -> Table:
    """The paper's numbers for the three, of its table 2."""
    return printed("visionthink-table2", "Table 2", ("vanilla", "down-sample", "VisionThink"))


def printed_requests() -> Table:
    """The paper's numbers of figure 5."""
    return printed("visionthink-requests", "Fig. 5")
