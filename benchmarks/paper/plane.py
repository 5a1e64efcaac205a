"""The plane of table 2: accuracy against retained tokens, on the same samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.paper.families import POINT
from benchmarks.paper.material import Material, Table, mean, printed, share
from benchmarks.paper.requests import TOKENS
from benchmarks.paper.router import chosen
from benchmarks.sweeps.trial import start_key
from benchmarks.sweeps.yardstick import read_records
from vt_env.settings.tree import to_json

METHODS = ("vanilla", "down-sample", "VisionThink")
RANDOM = "random, as many tokens"


def table(made: Material | None) -> Table:
    """Accuracy and retained tokens of each way; shares of vanilla's accuracy beside them."""
    places = rows_of(made)
    full = next(right for name, right, _ in places if name == "vanilla")
    rows: list[tuple[str, ...]] = [
        (name, share(tokens), share(right), share(right / full)) for name, right, tokens in places
    ]
    return ("way", "retained tokens", "accuracy", "of vanilla's"), rows


def rows_of(made: Material | None) -> list[tuple[str, float, float]]:
    """Name, accuracy and retained tokens of each way, means over seeds."""
    assert made is not None
    found = made.summaries(POINT)
    named = {"vanilla": "vanilla", "down-sampled": "always_low", "always asks": "always_high",
             "the start's oracle": "start_oracle"}  # fmt: skip
    rows = [
        (name, mean(_base(found, key), "accuracy"), mean(_base(found, key), TOKENS))
        for name, key in named.items()
    ]
    ours = (mean(found, "accuracy"), mean(found, TOKENS))
    rows.append((RANDOM, *_random(made, ours[1])))
    rows += [(f"router, {way.name}", way.right, way.tokens) for way in chosen(made.measured)]
    rows.append(("ours", *ours))
    return rows


def _base(found: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return [row["baselines"][key] for row in found]


def _random(made: Material, tokens: float) -> tuple[float, float]:
    """What the model before RL comes to when it asks by chance, in as many tokens.

    In expectation: each sample is answered at once or after a request with the same chance.
    """
    low, high = start_ends(made)
    chance = float(np.clip((tokens - low[1]) / (high[1] - low[1]), 0.0, 1.0))
    right, used = ((1 - chance) * a + chance * b for a, b in zip(low, high, strict=True))
    return right, used


def start_ends(made: Material) -> tuple[tuple[float, float], tuple[float, float]]:
    """Accuracy and tokens of the model before RL that never asks, and that always does."""
    key = start_key(to_json(made.done(POINT)[0].settings))
    low, high = (_right_and_tokens(file) for file in made.folder.start_files(key))
    return low, high


def _right_and_tokens(file: Any) -> tuple[float, float]:
    records = [r for r in read_records(file) if r["correct"] is not None]
    right = float(np.mean([bool(r["correct"]) for r in records]))
    return right, float(np.mean([r["visual_tokens"] / r["full_tokens"] for r in records]))


def says(made: Material | None) -> list[str]:
    """What deciding brings over chance, at the same tokens."""
    places = {name: (right, tokens) for name, right, tokens in rows_of(made)}
    ours, chance = places["ours"], places[RANDOM]
    return [
        f"With {share(ours[1])} of the tokens ours is right on {share(ours[0])}, asking by chance "
        f"with as many on {share(chance[0])}: the decision is worth "
        f"{100 * (ours[0] - chance[0]):.1f} points. Vanilla is right on "
        f"{share(places['vanilla'][0])}.",
        *_says_router(made, ours[0]),
    ]


def _says_router(made: Material | None, ours: float) -> list[str]:
    """How the model before RL fares that asks where it is not sure."""
    assert made is not None
    ways = chosen(made.measured)
    if not ways:
        return ["Confidence routers were not measured: there are no validation samples."]
    best = max(ways, key=lambda way: way.right)
    gap = 100 * (ours - best.right)
    points = f"{abs(gap):.1f} points {'less' if gap > 0 else 'more'} than ours"
    compared = "as often as ours" if abs(gap) < 0.05 else points
    return [
        f"The model before RL that asks where its confidence is under a threshold is right on "
        f"{share(best.right)} with {share(best.tokens)} of the tokens ({best.name}), {compared}. "
        f"The threshold was chosen on {best.validation} validation samples, so that the tokens "
        f"there equal those of ours there ({share(best.wanted)}); the row is of the "
        f"{best.samples} samples that are reported, none of which it was chosen on."
    ]


def printed_plane() -> Table:
    """The paper's numbers for the same ways."""
    return printed("visionthink-table2", "Table 2", METHODS)
