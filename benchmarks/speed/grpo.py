"""Where the time of a GRPO iteration goes: with trees, with padded rows, and in TRL's trainer.

    python -m benchmarks.speed.grpo                  # the default task, three rounds
    python -m benchmarks.speed.grpo --rounds 5

One round is an iteration of ours, an update on the same rollouts with padded rows, and a step of
TRL 1.16's GRPOTrainer on the same samples, in a process of its own that waits meanwhile (see
`benchmarks.speed.trl_grpo`; extra ``bench``). Prints the best and the median seconds of each phase
over the rounds, after one that warms up: the rollouts, the learner's phases (see
`agents.grpo.learner.TIMING`), the hand-over of weights; and how many times as long as ours an
iteration of the same round took: the median, least and most. That both train on the same task is
shown by mean reward, request rate and what the weights moved by; that they move is asserted.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks.speed.trl_grpo import TrlSteps
from benchmarks.speed.trl_setup import DIFFERENT, MISSING, SAME, installed
from benchmarks.training.grpo import build_config, flat_metrics, ray_session
from benchmarks.training.run import check_data
from benchmarks.training.settings import TrainSettings
from vt_env.settings.tree import build

PACKINGS = ("tree", "padded")
TRL = "TRL"
ROLLOUT = ("generate", "judge_wait")
LEARNER = ("packing", "old_logprobs", "forward", "reference", "backward", "gradients", "step")
TRL_BATCH = 96
"""Completions that go through TRL's model at once; `--trl-batch` tries others."""
Phases = Mapping[str, float]


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """How long some work took, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def over(rounds: Sequence[Phases], figure: Callable[[list[float]], float]) -> dict[str, float]:
    """A figure of each phase's seconds over the rounds; a phase that one lacks took none in it."""
    names = dict.fromkeys(name for phases in rounds for name in phases)
    return {name: figure([phases.get(name, 0.0) for phases in rounds]) for name in names}


def best(rounds: Sequence[Phases]) -> dict[str, float]:
    """Least seconds of each phase."""
    return over(rounds, min)


@dataclass
class Measured:
    """What was measured.

    Attributes:
        rounds: Seconds of each phase, a mapping a round, by what was timed: a packing, or TRL.
        task: A line on each iteration that was played, the one that warmed up included.
        threads: Of torch, in our process and in TRL's.
    """

    rounds: dict[str, list[Phases]] = field(default_factory=dict)
    task: list[str] = field(default_factory=list)
    threads: tuple[int, ...] = ()


class _Ours:
    """The algorithm, which trains with trees, and a learner with padded rows beside it."""

    def __init__(self, settings: TrainSettings) -> None:
        from ray.rllib.core import DEFAULT_MODULE_ID

        config = build_config(settings, check_data(settings).train).training(packing="tree")
        padded = config.copy(copy_frozen=False).training(packing="padded")
        self.algorithm = config.build_algo()
        spaces = self.algorithm.env_runner.get_spaces()[DEFAULT_MODULE_ID]
        self._padded = padded.build_learner(spaces={DEFAULT_MODULE_ID: spaces})
        self._played: list[Any] = []
        self._play, self.algorithm._play = self.algorithm._play, self._remember
        self._before = self._weights()

    def _remember(self) -> Any:
        found = self._play()
        self._played = found.kept
        return found

    def _weights(self) -> Any:
        import torch

        (weights,) = self.algorithm.learner_group.get_weights().values()
        return torch.cat([torch.as_tensor(w).flatten() for w in weights.values()])

    def iteration(self) -> tuple[Phases, str]:
        """Seconds of an iteration as it is trained, and a line on what was played."""
        whole, result = seconds(self.algorithm.train)
        metrics = flat_metrics(result)
        phases = {k.removeprefix("timing/"): v for k, v in metrics.items() if "timing/" in k}
        phases = {k.removeprefix("learner/"): v for k, v in phases.items()}
        weights = self._weights()
        moved, self._before = float((weights - self._before).norm()), weights
        telling = metrics["frac_reward_zero_std"] < 1
        assert moved > 0 or not telling, "an iteration of ours moved no weight"
        images = sum(len(trajectory.images) for trajectory in self._played)
        asked, reward = metrics["resize_call_ratio"], metrics["reward"]
        line = told("ours", len(self._played), asked, reward, images, moved)
        return {**phases, "iteration": whole}, line

    def padded(self, tree: Phases) -> Phases:
        """Seconds of an iteration with padded rows, on the rollouts of the last one."""
        from ray.rllib.core import DEFAULT_MODULE_ID
        from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

        from agents.grpo import TIMING
        from agents.grpo.packing.batching import as_groups

        config = self.algorithm.config
        update = functools.partial(
            self._padded.update,
            episodes=as_groups(self._played, config.num_generations),
            num_epochs=config.num_iterations,
            timesteps={NUM_ENV_STEPS_SAMPLED_LIFETIME: self.algorithm._position},
        )
        whole, results = seconds(update)
        phases = {k: float(v) for k, v in results[DEFAULT_MODULE_ID][TIMING].items()}
        rest = {name: tree[name] for name in ("rollout", *ROLLOUT, "sync") if name in tree}
        iteration = tree["iteration"] - tree["learner"] + whole
        return {**rest, **phases, "learner": whole, "iteration": iteration}


def told(name: str, episodes: int, asked: float, reward: float, images: int, moved: float) -> str:
    """A line on what was played and learned from."""
    return (
        f"{name:<5} {episodes} episodes, mean reward {reward:.3f}, {asked:.0%} asked, "
        f"{images} images in the loss, weights moved by {moved:.4f}"
    )


def measure(
    settings: TrainSettings,
    rounds: int,
    trl_batch: int | None = None,
    tell: Callable[[str], object] = print,
) -> Measured:
    """Ours and TRL take turns; the first turn of each warms up.

    Args:
        settings: Of ours, from which TRL's are made.
        rounds: Turns of each that count.
        trl_batch: Completions that go through TRL's model at once; None: TRL is not measured.
        tell: Is told of each turn when it is done.

    Raises:
        TrlError: If TRL fails, or does not train on what ours does.
    """
    found, settings = Measured(), settings.resolved()
    with ExitStack() as opened:
        opened.enter_context(ray_session(settings))
        trl = None
        if trl_batch:  # started before our engine binds this process to cores
            trl = opened.enter_context(TrlSteps(settings, rounds + 1, trl_batch))
            found.threads = (trl.ready(),)
        ours = _Ours(settings)
        opened.callback(ours.algorithm.stop)
        for number in range(rounds + 1):
            tree, line = ours.iteration()
            found.task.append(line)
            tell(line)
            turns = {"tree": tree, "padded": ours.padded(tree)}
            if trl:
                step = trl.step()
                turns[TRL] = step.seconds
                parts = (step.episodes, step.requested, step.reward, step.images, step.moved)
                found.task.append(told(TRL, *parts))
                tell(found.task[-1])
            if number:
                for name, phases in turns.items():
                    found.rounds.setdefault(name, []).append(phases)
        found.threads = (_threads(), *found.threads)
    return found


def _threads() -> int:
    import torch

    return int(torch.get_num_threads())


def table(rounds: Mapping[str, Sequence[Phases]]) -> list[str]:
    """Lines with the best seconds of each phase and the median, and how these compare.

    Args:
        rounds: Seconds of each phase, a mapping a round, by what was timed.
    """
    least = {name: best(phases) for name, phases in rounds.items()}
    middle = {name: over(phases, statistics.median) for name, phases in rounds.items()}
    lines = [f"{'seconds: best (median)':<24}" + "".join(f"{name:>18}" for name in rounds)]
    for phase in ("rollout", *ROLLOUT, "learner", *LEARNER, "sync", "iteration"):
        if not any(phase in phases for phases in least.values()):
            continue
        indent = "  " if phase in (*ROLLOUT, *LEARNER) else ""
        cells = (
            f"{least[name][phase]:9.3f} ({middle[name][phase]:.3f})"
            if phase in least[name]
            else "–"
            for name in rounds
        )
        lines.append(f"{indent + phase:<24}" + "".join(f"{cell:>18}" for cell in cells))
    told = (f"{median:9.2f} ({low:.2f}-{high:.2f})" for median, low, high in ratios(rounds))
    return [*lines, f"{'times the tree, by round':<24}" + "".join(f"{ratio:>18}" for ratio in told)]


def ratios(rounds: Mapping[str, Sequence[Phases]]) -> Iterator[tuple[float, float, float]]:
    """How many times as long each took as the trees in the same round: median, least, most.

    What is timed right after another has the same machine, which best of all rounds need not have.
    """
    for phases in rounds.values():
        pairs = zip(phases, rounds["tree"], strict=True)
        times = [one["iteration"] / tree["iteration"] for one, tree in pairs]
        yield statistics.median(times), min(times), max(times)


def main() -> None:
    """Prints a line a phase."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=24, help="Prompts an iteration.")
    parser.add_argument("--trl-batch", type=int, default=TRL_BATCH, help="0: ours alone.")
    options = parser.parse_args()
    settings = build(TrainSettings, {"grpo.num_prompts": options.prompts})
    batch = options.trl_batch if installed() else None
    tell = functools.partial(print, flush=True)
    found = measure(settings, max(1, options.rounds), batch, tell)
    print("\n".join(["", *table(found.rounds), ""]))
    print("torch's threads: " + ", ".join(map(str, found.threads)))
    if batch:
        print(f"{SAME}\n{DIFFERENT}\n{batch} completions go through TRL's model at once.")
    elif not installed():
        print(MISSING)


if __name__ == "__main__":
    main()
