"""The sweeps that are shipped, by name."""

from __future__ import annotations

from benchmarks.sweeps.catalogue.collapse import COLLAPSE, COLLAPSE_REMEDIES
from benchmarks.sweeps.catalogue.credit import CREDIT
from benchmarks.sweeps.catalogue.definitions import Sweep
from benchmarks.sweeps.catalogue.group_size import GROUP_SIZE
from benchmarks.sweeps.catalogue.judge_noise import JUDGE_NOISE
from benchmarks.sweeps.catalogue.ladder import LADDER
from benchmarks.sweeps.catalogue.penalty import PENALTY
from benchmarks.sweeps.catalogue.price import PRICE
from benchmarks.sweeps.catalogue.prompts import PROMPTS
from benchmarks.sweeps.catalogue.supervised import SUPERVISED
from benchmarks.sweeps.catalogue.theta import THETA
from benchmarks.sweeps.catalogue.view import VIEW

SWEEPS: dict[str, Sweep] = {
    sweep.name: sweep
    for sweep in (
        PENALTY, THETA, PRICE, GROUP_SIZE, CREDIT, PROMPTS, COLLAPSE, COLLAPSE_REMEDIES,
        JUDGE_NOISE, VIEW, LADDER, SUPERVISED,
    )
}  # fmt: skip
"""Every shipped sweep by its name."""
