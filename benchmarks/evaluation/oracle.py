"""The oracle: the same model with its decision taken by the known need; pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from agents import Trajectory


def oracle_episodes(
    low: Sequence[Trajectory], high: Sequence[Trajectory]
) -> tuple[list[Trajectory], str]:
    """Episodes of the same model with the decision taken by `needs_high_res`.

    Samples in the margin all take the decision that pays more on average over the margin.

    Args:
        low: The model's episodes with every request forced off.
        high: The same samples in the same order, with every request forced on.

    Returns:
        The chosen episodes, and the margin's decision: ``"answer"`` or ``"request"``.
    """
    margin = [i for i, t in enumerate(low) if t.outcome.needs_high_res is None]
    gain = sum(high[i].reward - low[i].reward for i in margin)
    decision = "request" if gain > 0 else "answer"
    chosen = []
    for direct, asked in zip(low, high, strict=True):
        if direct.sample_id != asked.sample_id:
            raise ValueError("low and high must hold the same samples in the same order.")
        need = direct.outcome.needs_high_res
        chosen.append(asked if (decision == "request" if need is None else need) else direct)
    return chosen, decision


def regret(reward: float | None, best: float | None) -> float | None:
    """What the oracle's mean return has over a policy's, in units of reward; None if not known."""
    return None if reward is None or best is None else round(best - reward, 6)
