"""Given samples, played in several ways at once, so that what the ways share is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agents.backends.base import GenerationBackend, Sampling
from agents.rollouts.collect import Decision, collect
from agents.rollouts.stopwatch import Stopwatch
from agents.rollouts.trajectory import Trajectory
from judges import JudgeLike, JudgeQueue
from vt_env import Episode, EpisodeFactory

Way = Literal["answer", "request", "vanilla"]
"""How samples are played: a decision forced on the first turn; or ``vanilla``, one pass over the
full-resolution image: that is the first and only view, and it is answered."""


@dataclass(frozen=True)
class Pass:
    """One way of playing samples.

    Attributes:
        sampling: How tokens are drawn.
        decision: Forced on the first turn of every episode, or ``vanilla``; None leaves it to the
            policy.
    """

    sampling: Sampling
    decision: Way | None = None

    @property
    def forced(self) -> Decision | None:
        """What the first turn is made to decide; a vanilla pass answers."""
        return "answer" if self.decision == "vanilla" else self.decision


def play_passes(
    backend: GenerationBackend,
    factory: EpisodeFactory,
    judge: JudgeLike | JudgeQueue,
    indices: Sequence[int],
    passes: Sequence[Pass],
    stopwatch: Stopwatch | None = None,
) -> list[list[Trajectory]]:
    """Plays samples once each in every way.

    Each view of an image is made once a sample. Ways that draw alike go to the engine together, and
    the others right after: an engine with caches of images and prefixes reads once what they share.

    Args:
        backend: The engine that writes the policy's turns.
        factory: Makes the episodes.
        judge: Scores the answers.
        indices: Which samples.
        passes: The ways.
        stopwatch: As `collect` has it.

    Returns:
        For each way one trajectory a sample, in order, without its images.
    """
    groups = [_group(factory, index, passes) for index in indices]
    played: dict[int, Trajectory] = {}
    for sampling in dict.fromkeys(one.sampling for one in passes):
        ways = [number for number, one in enumerate(passes) if one.sampling == sampling]
        episodes = [group[number] for group in groups for number in ways]
        forced = {id(group[number]): passes[number].forced for group in groups for number in ways}

        def force(episode: Episode, forced: dict[int, Decision | None] = forced) -> Decision | None:
            return forced[id(episode)]

        found = collect(backend, episodes, judge, sampling, force, stopwatch)
        for episode, trajectory in zip(episodes, found, strict=True):
            played[id(episode)] = replace(trajectory, images=())
    return [
        [
            replace(played[id(group[number])], index=index)
            for index, group in zip(indices, groups, strict=True)
        ]
        for number in range(len(passes))
    ]


def _group(factory: EpisodeFactory, index: int, passes: Sequence[Pass]) -> list[Episode]:
    """An episode a way on one sample, which share each view of its image."""
    sample, full = factory.shared(index), factory.at_full()
    return [(full if one.decision == "vanilla" else factory).on(sample) for one in passes]
