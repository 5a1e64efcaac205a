"""Where the time of a GRPO iteration goes, for trees and for padded rows.

    python -m benchmarks.speed.grpo                  # the default task, three rounds
    python -m benchmarks.speed.grpo --rounds 5

Both packings learn from the very same rollouts, in turn, each with a learner of its own. Prints the
best seconds of each phase over the rounds, after one that warms up: the rollouts, the learner's
phases (see `agents.grpo.learner.TIMING`) and the hand-over of weights. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

from benchmarks.training.run import build_config, check_data, ray_session
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

PACKINGS = ("tree", "padded")
LEARNER = ("packing", "old_logprobs", "forward", "reference", "backward")


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long some work took, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def best(rounds: list[Mapping[str, float]]) -> dict[str, float]:
    """Least seconds of each phase; one that a round lacks took none in it."""
    names = dict.fromkeys(name for phases in rounds for name in phases)
    return {name: min(phases.get(name, 0.0) for phases in rounds) for name in names}


def measure(settings: TrainSettings, rounds: int) -> dict[str, dict[str, float]]:
    """Best seconds of each phase, packing by packing."""
    from agents.grpo.learner import TIMING
    from agents.grpo.packing.batching import as_groups

    found: dict[str, list[Mapping[str, float]]] = {name: [] for name in PACKINGS}
    with ray_session(settings):
        config = build_config(settings, check_data(settings).train)
        algorithm = config.build_algo()
        spaces = algorithm.env_runner.get_spaces()[DEFAULT_MODULE_ID]
        learners = {}
        for name in PACKINGS:
            own = config.copy(copy_frozen=False).training(packing=name)
            learners[name] = own.build_learner(spaces={DEFAULT_MODULE_ID: spaces})
        algorithm._sync()
        for number in range(rounds + 1):
            rollout, played = seconds(algorithm._play)
            groups = as_groups(played, config.num_generations)
            sync, _ = seconds(algorithm._sync)
            update = {
                "episodes": groups,
                "num_epochs": config.num_iterations,
                "timesteps": {NUM_ENV_STEPS_SAMPLED_LIFETIME: number},
            }
            for name, learner in learners.items():
                whole, results = seconds(functools.partial(learner.update, **update))
                phases = {k: float(v) for k, v in results[DEFAULT_MODULE_ID][TIMING].items()}
                if number:  # the first round warms up
                    found[name].append(
                        {"rollout": rollout, "sync": sync, "learner": whole, **phases}
                    )
        algorithm.stop()
    return {name: best(phases) for name, phases in found.items()}


def main() -> None:
    """Prints a line a phase."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = measure(build(TrainSettings, {}), max(1, options.rounds))
    tree, padded = (found[name] for name in PACKINGS)
    print(f"{'seconds':<16} {'tree':>8} {'padded':>8} {'ratio':>6}")
    for phase in ("rollout", "learner", *(f for f in LEARNER if f in tree), "sync"):
        ratio = padded[phase] / tree[phase] if tree[phase] else 1.0
        indent = "  " if phase in LEARNER else ""
        print(f"{indent + phase:<16} {tree[phase]:8.3f} {padded[phase]:8.3f} {ratio:6.2f}")


if __name__ == "__main__":
    main()
