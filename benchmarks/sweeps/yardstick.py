"""One reward for all points: runs that were trained for different rewards are compared under it.

It is the default one: 1 for a right answer, 0.5 for a kept format, less 0.1 times the visual tokens
in units of a full-resolution pass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vt_env import RewardConfig
from vt_env.rewards import token_cost

Record = Mapping[str, Any]
"""An episode as `judges.EpisodeRecord` has it, of a file or not."""
_REWARDS = RewardConfig()


def read_records(path: Path) -> list[Record]:
    """The episodes of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def returns(records: Sequence[Record]) -> np.ndarray:
    """Returns under the common reward, (episodes,), float64; NaN where the judge abstained."""
    return np.array([_return(record) for record in records], dtype=np.float64)


def _return(record: Record) -> float:
    if record["correct"] is None:
        return float("nan")
    cost = token_cost(record["visual_tokens"], record["full_tokens"], _REWARDS)
    right = _REWARDS.accuracy * float(record["correct"])
    return right + _REWARDS.format * float(record["well_formed"]) - cost


@dataclass(frozen=True)
class StartOracle:
    """What the model before RL comes to when need decides, sample by sample.

    Attributes:
        returns: Under the common reward, (samples,); NaN where the judge abstained.
        requests: Share of samples that it asks about, in [0, 1].
    """

    returns: np.ndarray
    requests: float


def start_oracle(low: Sequence[Record], high: Sequence[Record]) -> StartOracle:
    """The oracle under the common reward; samples in the margin all take what pays more there.

    Args:
        low: Episodes of the model before RL that answer at once.
        high: Those on the same samples in the same order, that ask first.
    """
    direct, asked = returns(low), returns(high)
    need = [record["needs_high_res"] for record in low]
    margin = np.array([known is None for known in need])
    gain = np.nansum((asked - direct)[margin])
    chosen = np.array([gain > 0 if known is None else known for known in need], dtype=bool)
    return StartOracle(np.where(chosen, asked, direct), float(chosen.mean()))
