"""Whose advantage a turn has: the episode's, or one of its own."""

from benchmarks.sweeps.catalogue.definitions import Point, Sweep

CREDIT = Sweep(
    "credit",
    "Does a policy learn the decision faster when each turn has an advantage of its own?",
    tuple(Point(credit, {"grpo.credit": credit}) for credit in ("trajectory", "turn", "dtpo")),
)
