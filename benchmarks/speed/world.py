"""How fast the embedded world draws samples, by family, on one core.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.speed.world

A figure is the best of some rounds: what a quiet machine would do. The process keeps to one core
where the system lets it; without the variable, threads of NumPy's would wait for each other there.
"""

from __future__ import annotations

import argparse
import os
import time

from vt_env import TASKS, World

BOUND = 300.0
"""Samples a second at 224 pixels, of the mixed suite."""
CANVASES = (168, 224, 448)


def per_second(world: World, count: int, rounds: int = 3) -> float:
    """Samples a second with question, answer and image, each of which is drawn once."""
    best = 0.0
    for number in range(rounds):
        start = time.perf_counter()
        for index in range(number * count, (number + 1) * count):  # none is drawn a second time
            world[index].image.load()
        best = max(best, count / (time.perf_counter() - start))
    return best


def main() -> None:
    """Prints a line a family and canvas; exits with 1 when the bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=200, help="Samples a round.")
    count = parser.parse_args().samples
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    per_second(World(suite="mixed"), 20, rounds=1)  # fonts are read once
    print("samples a second  " + "".join(f"{canvas:>6} px" for canvas in CANVASES))
    for family in TASKS:
        rates = (per_second(World(families=(family,), canvas=c), count) for c in CANVASES)
        print(f"{family:<18}" + "".join(f"{rate:9.0f}" for rate in rates), flush=True)
    mixed = {c: per_second(World(suite="mixed", canvas=c), count) for c in CANVASES}
    print(f"{'mixed':<18}" + "".join(f"{rate:9.0f}" for rate in mixed.values()))
    print(f"mixed at 224 px: {mixed[224]:.0f} a second   >= {BOUND:g}")
    if mixed[224] < BOUND:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
