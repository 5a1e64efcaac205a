"""A few episodes of the final evaluation as pictures: what the policy saw first, and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents import Trajectory
from benchmarks.exporters.base import Shown
from vt_env import open_env

MOST = 16
"""Episodes that are shown, at most."""


def shown_episodes(
    policy: Sequence[Trajectory], env_id: str, env_settings: Mapping[str, Any], most: int = MOST
) -> list[Shown]:
    """The first episodes of an evaluation, whose images are drawn again.

    Args:
        policy: The episodes, with the places of their samples.
        env_id: Of the environment that they were played in.
        env_settings: Its settings.
        most: How many are shown.

    Raises:
        VisionThinkError: If the data can no longer be read.
    """
    env = open_env(env_id, **env_settings)
    try:
        return [
            Shown(env.factory.episode(t.index).observation.image.convert("RGB"), caption(t))
            for t in policy[:most]
            if t.index is not None
        ]
    finally:
        env.close()


def caption(trajectory: Trajectory) -> str:
    """Question, answer, verdict, and whether the policy asked for more."""
    record = trajectory.record
    verdict = {True: "right", False: "wrong", None: "not judged"}[record.correct]
    answer = "no answer" if record.prediction is None else repr(record.prediction[:80])
    asked = "after asking" if record.requested else "without asking"
    return f"{record.question[:200]} → {answer}, {verdict}, {asked}"
