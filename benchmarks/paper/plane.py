"""The plane of table 2: accuracy against retained tokens, on the same samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.paper.families import POINT
from benchmarks.paper.material import Material, Table, mean, printed, share
from benchmarks.sweeps.trial import start_key
from benchmarks.sweeps.yardstick import read_records
from vt_env.settings.tree import to_json

TOKENS = "visual_tokens/share_of_full"
METHODS = ("vanilla", "down-sample", "VisionThink")


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
    rows.append(("random, as many tokens", *_random(made, ours[1])))
    rows.append(("ours", *ours))
    return rows


def _base(found: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return [row["baselines"][key] for row in found]


def _random(made: Material, tokens: float) -> tuple[float, float]:
    """What the model before RL comes to when it asks by chance, in as many tokens.

    In expectation: each sample is answered at once or after a request with the same chance.
    """
    trial = next(t for t in made.planned if t.point == POINT and made.folder.is_done(t))
    files = made.folder.start_files(start_key(to_json(trial.settings)))
    low, high = (_right_and_tokens(file) for file in files)
    chance = float(np.clip((tokens - low[1]) / (high[1] - low[1]), 0.0, 1.0))
    right, used = ((1 - chance) * a + chance * b for a, b in zip(low, high, strict=True))
    return right, used


def _right_and_tokens(file: Any) -> tuple[float, float]:
    records = [r for r in read_records(file) if r["correct"] is not None]
    right = float(np.mean([bool(r["correct"]) for r in records]))
    return right, float(np.mean([r["visual_tokens"] / r["full_tokens"] for r in records]))


def says(made: Material | None) -> list[str]:
    """What deciding brings over chance, at the same tokens."""
    places = {name: (right, tokens) for name, right, tokens in rows_of(made)}
    ours, chance = places["ours"], places["random, as many tokens"]
    return [
        f"With {share(ours[1])} of the tokens ours is right on {share(ours[0])}, asking by chance "
        f"with as many on {share(chance[0])}: the decision is worth "
        f"{100 * (ours[0] - chance[0]):.1f} points. Vanilla is right on "
        f"{share(places['vanilla'][0])}."
    ]


def printed_plane() -> Table:
    """The paper's numbers for the same ways."""
    return printed("visionthink-table2", "Table 2", METHODS)
