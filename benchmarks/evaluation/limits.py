"""What a measurement says of its own limits: the share of episodes that they ended or spoilt.

An accuracy of 0 of a model whose turns were all cut off says nothing of the model. So `train`,
`eval`, `quality` and `label` all count what limits did, and say loudly which setting to change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents import Trajectory
from benchmarks.report.terminal import console
from vt_env import Ending, PlayDefaults

MOST = 0.05
"""A larger share of episodes is told."""
TRAINED = "trained"
"""How the names of what a trained model played begin."""
KINDS = ("cut_off", "context_limit", "malformed", "refused")
_ENDINGS = {
    "cut_off": Ending.CUT_OFF,
    "context_limit": Ending.CONTEXT_LIMIT,
    "malformed": Ending.MALFORMED,
}
Shares = dict[str, float]
"""Share of the episodes by kind."""


def touched(trajectory: Trajectory) -> list[str]:
    """Which of `KINDS` an episode is."""
    kinds = [kind for kind, ending in _ENDINGS.items() if trajectory.ending == ending]
    return [*kinds, "refused"] if trajectory.refused else kinds


def counts_of(episodes: Sequence[Trajectory]) -> dict[str, int]:
    """How many episodes are of each of `KINDS`."""
    found = [kind for trajectory in episodes for kind in touched(trajectory)]
    return {kind: found.count(kind) for kind in KINDS}


def shares_of(episodes: Sequence[Trajectory]) -> Shares:
    """Share of at least one episode by kind."""
    return {kind: count / len(episodes) for kind, count in counts_of(episodes).items()}


def limits_record(played: Mapping[str, Shares], used: PlayDefaults) -> dict[str, Any]:
    """What a summary keeps: shares by what was played, and the lines that were said.

    Args:
        played: Shares by the name of what was played, such as ``"policy"``.
        used: What it was played with.
    """
    rounded = {
        name: {kind: round(share, 6) for kind, share in shares.items()}
        for name, shares in played.items()
    }
    return {"shares": rounded, "warnings": limit_lines(played, used)}


def limit_lines(played: Mapping[str, Shares], used: PlayDefaults) -> list[str]:
    """A line for each of `KINDS` that more than `MOST` of the episodes are, with what to change.

    Args:
        played: Shares by the name of what was played.
        used: What it was played with.
    """
    lines = []
    for kind in KINDS:
        found = {name: shares[kind] for name, shares in played.items() if shares[kind] > MOST}
        if found:
            listed = ", ".join(f"{share:.1%} ({name})" for name, share in found.items())
            line = f"LIMITS: {listed} of episodes {_advice(kind, used)}"
            if kind == "malformed" and any(name.startswith(TRAINED) for name in found):
                line += " Turns that training makes rare drift out of format: raise --grpo.beta."
            lines.append(line)
    return lines


def show_limits(lines: Sequence[str]) -> None:
    """Prints the lines, loudly."""
    for line in lines:
        console.print(line, style="bold red", markup=False, soft_wrap=True)


def _advice(kind: str, used: PlayDefaults) -> str:
    if kind == "cut_off":
        return (
            "were cut off in the midst of a turn (cut_off): raise --engine.max_new_tokens "
            f"(now {used.max_new_tokens})."
        )
    if kind == "context_limit":
        return (
            "did not fit the context (context_limit): raise --engine.max_model_len (now "
            f"{used.max_model_len}), or lower --engine.max_new_tokens (now "
            f"{used.max_new_tokens}) or --env.max_pixels."
        )
    if kind == "malformed":
        return (
            "had a turn that is neither an answer nor a call (malformed): choose a --env.prompt "
            f"that this model follows (now {used.prompt})."
        )
    return (
        "asked for an image that could not be shown (refused): show larger images (--canvas of the "
        "world), lower --env.min_pixels, or set --env.bounds full_view (now "
        f"{used.bounds}); `visionthink data check` says how many samples can be asked for."
    )
