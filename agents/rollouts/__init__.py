"""Episodes played by an engine, and what is recorded of them."""

from agents.rollouts.collect import (
    JUDGED,
    Decision,
    Force,
    collect,
    most_images,
    retrace,
    trajectory_of,
)
from agents.rollouts.fixed import Pass, Way, play_passes
from agents.rollouts.metrics import judge_metrics, rollout_metrics
from agents.rollouts.pieces import Piece, columns, pieces
from agents.rollouts.prompt_order import prompt_indices
from agents.rollouts.stopwatch import Stopwatch
from agents.rollouts.trajectory import Trajectory

__all__ = [
    "JUDGED",
    "Decision",
    "Force",
    "Pass",
    "Piece",
    "Stopwatch",
    "Trajectory",
    "Way",
    "collect",
    "columns",
    "judge_metrics",
    "most_images",
    "pieces",
    "play_passes",
    "prompt_indices",
    "retrace",
    "rollout_metrics",
    "trajectory_of",
]
