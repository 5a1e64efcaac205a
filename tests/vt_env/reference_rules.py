"""The group rules of the published code, said again for the tests: its numbers, in its order.

Read off dvlab-research/VisionThink. A rollout's score is computed in double precision; the group's
part in single precision, on what is left of the score when the format is taken off again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vt_env.rewards import Outcome


@dataclass(frozen=True)
class Switches:
    """The settings of the published code, under its own names; defaults of its script."""

    tool_call_penalty: float = 0.1
    direct_answer_penalty: float = 0.1
    soft_tool_call_penalty_ratio: float = 0.2
    supervise_tool_label: bool = False
    strict_tool_call_penalty: bool = False
    use_tool_reward_weight: float = 0.0


ACCURACY, FORMAT = 1.0, 0.5


def score(outcome: Outcome, switches: Switches) -> tuple[float, float]:
    """One rollout's score, and the part of it that is not accuracy."""
    called, penalty = outcome.requested, switches.tool_call_penalty
    accuracy = ACCURACY * bool(outcome.correct)
    other = FORMAT * outcome.well_formed + (switches.use_tool_reward_weight if called else 0.0)
    if not switches.supervise_tool_label:
        return (1 - penalty if called else 1.0) * accuracy + other, other
    contradicts = bool(outcome.needs_high_res) != called
    if switches.strict_tool_call_penalty:
        return accuracy - (penalty if contradicts else 0.0) + other, other
    return (1 - penalty if contradicts else 1.0) * accuracy + other, other


def rewards(group: list[Outcome], switches: Switches) -> list[float]:
    """Rewards of a group; an abstention, which there drops the group, is passed over."""
    scores = [score(outcome, switches) for outcome in group]
    total = np.array([s for s, _ in scores], np.float32)
    other = np.array([o for _, o in scores], np.float32)
    if switches.soft_tool_call_penalty_ratio <= 0:
        return [float(value) for value in total]
    left = total - other
    direct = left == np.float32(ACCURACY)
    ratio = np.float32(direct.sum()) / (np.float32((left > 0).sum()) + np.float32(1e-4))
    if 0 < ratio < np.float32(switches.soft_tool_call_penalty_ratio):
        left[direct] = np.float32(ACCURACY - switches.direct_answer_penalty)
    return [float(value) for value in left + other]
