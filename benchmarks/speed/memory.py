"""Memory of the driver and of an env runner over a long training: it must not grow.

    python -m benchmarks.speed.memory                       # 300 iterations of 6 x 4 episodes
    python -m benchmarks.speed.memory --iterations 100

Prints resident memory every 25 iterations, and at the end how much the last quarter has above the
second one: what is loaded and cached once is there by then.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from benchmarks.training.grpo import build_config, ray_session
from benchmarks.training.run import check_data
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

EVERY = 25
"""Iterations between lines."""


def resident_mb() -> float:
    """Resident memory of this process, in MB (10^6 bytes)."""
    import psutil

    return float(psutil.Process(os.getpid()).memory_info().rss / 1e6)


def growth(values: Sequence[float]) -> float:
    """Mean of the last quarter over that of the second, less 1.

    Args:
        values: At least four, in order.
    """
    quarter = len(values) // 4
    early, late = values[quarter : 2 * quarter], values[-quarter:]
    return sum(late) / sum(early) - 1.0


def measure(settings: TrainSettings) -> dict[str, list[float]]:
    """Resident memory after each iteration, in MB: of the driver, and of its env runner."""
    found: dict[str, list[float]] = {"driver": [], "runner": []}
    with ray_session(settings):
        algorithm = build_config(settings, check_data(settings).train).build_algo()
        try:
            for iteration in range(1, settings.run.iterations + 1):
                algorithm.train()
                (runner,) = algorithm.env_runner_group.foreach_env_runner(
                    lambda _runner: resident_mb()
                )
                found["driver"].append(resident_mb())
                found["runner"].append(runner)
                if iteration % EVERY == 0:
                    told = ", ".join(f"{name} {mb[-1]:.0f} MB" for name, mb in found.items())
                    print(f"{iteration:>4}  {told}", flush=True)
        finally:
            algorithm.stop()
    return found


def main() -> None:
    """Prints memory as it goes, and its growth."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--iterations", type=int, default=300)
    options = parser.parse_args()
    settings = build(
        TrainSettings,
        {
            "run.iterations": max(4, options.iterations),
            "run.num_env_runners": 1,
            "grpo.num_prompts": 6,
            "grpo.num_generations": 4,
        },
    )
    for name, values in measure(settings.resolved()).items():
        print(f"{name}: {growth(values):+.1%} from the second quarter to the last")


if __name__ == "__main__":
    main()
