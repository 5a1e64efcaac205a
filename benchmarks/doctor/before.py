"""What a few episodes say of a training to come; pure functions.

Each prompt is played with its decision forced both ways, and a few times as the policy decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from agents import Trajectory
from agents.rollouts.filters import has_spread
from agents.rollouts.metrics import episode_metrics
from benchmarks.doctor.during import BALANCED, PER_TERM
from benchmarks.doctor.findings import Finding
from vt_env.shapers import BoundShaper


@dataclass(frozen=True)
class Episodes:
    """What was played, by prompt.

    Attributes:
        low: Each prompt with every request forced off.
        high: The same prompts in the same order, with a request forced.
        free: Each prompt's episodes at the temperature of training, at least two.
    """

    low: Sequence[Trajectory]
    high: Sequence[Trajectory]
    free: Sequence[Sequence[Trajectory]]

    def costs(self) -> tuple[float, float]:
        """What a direct answer and one after a request cost on average, in units of reward."""
        low, high = (
            -float(np.mean([t.reward_terms.get("token_cost", 0.0) for t in played]))
            for played in (self.low, self.high)
        )
        return low, high

    def needs(self) -> list[bool | None]:
        """Labels that samples have."""
        found = {t.outcome.needs_high_res for t in self.low}
        return [need for need in (True, False, None) if need in found]


def requests(played: Episodes, group: int) -> Finding:
    """Whether the policy asks now and then, and now and then does not, before any training.

    Args:
        played: The episodes.
        group: Episodes of a group in training.
    """
    found = episode_metrics([t for mine in played.free for t in mine])
    rate = found["resize_call_ratio"] or 0.0
    with_both = 1.0 - (1.0 - rate) ** group - rate**group
    by_need = [
        f"{label} {found[name]:.0%}"
        for label, name in (("need", "request_rate_need"), ("no need", "request_rate_no_need"))
        if found[name] is not None
    ]
    also = f" ({', '.join(by_need)})" if by_need else ""
    evidence = (
        f"The policy asks in {rate:.1%} of episodes{also}; at that rate {with_both:.0%} of groups "
        f"of {group} hold both decisions."
    )
    if with_both >= 0.8:
        return Finding("requests", "ok", evidence)
    never = "Choose an --env.prompt that explains the tool (agent)" if rate < 0.5 else "Price them"
    return Finding(
        "requests",
        "problem" if rate < 0.02 else "warning",
        evidence,
        f"{never}, force the first decision of a share of each group ({BALANCED} 0.5), or raise "
        "--grpo.num_generations.",
    )


def protocol(played: Episodes) -> Finding:
    """Whether the policy keeps the format before any training."""
    found = episode_metrics([t for mine in played.free for t in mine])
    kept = found["well_formed"] or 0.0
    cut, malformed = (found[f"endings/{name}"] or 0.0 for name in ("cut_off", "malformed"))
    spoilt = f"{cut:.0%} are cut off, {malformed:.0%} malformed"
    evidence = f"{kept:.0%} of episodes keep the format ({spoilt})."
    if kept >= 0.8:
        return Finding("protocol", "ok", evidence)
    longer = "Raise --engine.max_new_tokens. " if cut > 0.05 else ""
    return Finding(
        "protocol",
        "problem" if kept < 0.2 and malformed + cut > 0.8 else "warning",
        evidence,
        f"{longer}Judge answers without tags (--env.untagged_answer judge, or --rewards.preset "
        "paper), or choose another --env.prompt.",
    )


def spread(played: Episodes, shaper: BoundShaper) -> Finding:
    """Whether the episodes of a prompt differ in what they earn, shaped as in training."""
    flat = 0
    for mine in played.free:
        addends = shaper([t.outcome for t in mine])
        shaped = [
            replace(t, reward_terms={**t.reward_terms, "shaping": addend})
            for t, addend in zip(mine, addends, strict=True)
        ]
        flat += not has_spread(shaped)
    share, size = flat / len(played.free), len(played.free[0])
    evidence = f"{share:.0%} of {len(played.free)} prompts earn the same in all of {size} episodes."
    if share <= 0.6:
        return Finding("spread", "ok", evidence)
    return Finding(
        "spread",
        "problem" if share > 0.95 else "warning",
        evidence,
        "Raise --grpo.num_generations or --grpo.temperature, train on other samples, or force "
        f"both decisions into each group ({BALANCED} 0.5).",
    )


def gains(played: Episodes, shaper: BoundShaper, group: int) -> np.ndarray:
    """What asking pays by prompt, in units of reward, NaN where a verdict is missing.

    Shaping is that of a group of which half answers at once and half asks.

    Args:
        played: The episodes.
        shaper: Adds what needs the group.
        group: Episodes of a group in training.
    """
    half, found = max(1, group // 2), []
    for low, high in zip(played.low, played.high, strict=True):
        addends = shaper([low.outcome] * half + [high.outcome] * half)
        known = low.outcome.correct is not None and high.outcome.correct is not None
        gain = high.reward + addends[-1] - low.reward - addends[0]
        found.append(gain if known else np.nan)
    return np.array(found)


def what_asking_pays(
    played: Episodes, shaper: BoundShaper, group: int, per_term: bool = False
) -> Finding:
    """Whether there is something to learn about asking, and whether requests live that long.

    Before a policy can tell samples apart its requests hang on how many samples pay them. With
    half of them requests stayed; with 20% they nearly died; with 5% they died
    (docs/training.md, "When training collapses").

    Args:
        played: The episodes.
        shaper: Adds what needs the group.
        group: Episodes of a group in training.
        per_term: Whether advantages normalise each reward term on its own, which keeps a price
            quiet where nothing else differs: requests then stayed with 5%.
    """
    pays = gains(played, shaper, group)
    known = pays[np.isfinite(pays)]
    name = "what asking pays"
    if not len(known):
        return Finding(name, "problem", "No answer could be judged.", "Look at --judge.name.")
    share, mean = float((known > 0).mean()), float(known.mean())
    labels = np.array([str(t.outcome.needs_high_res) for t in played.low])
    by_need = [
        f"{float(np.nanmean(pays[labels == key])):+.3f} on {label}"
        for key, label in (("True", "need"), ("False", "no need"))
        if np.isfinite(pays[labels == key]).any()
    ]
    evidence = (
        f"Asking pays on {share:.0%} of prompts; on average {mean:+.3f}"
        f"{''.join(f', {text}' for text in by_need)}."
    )
    if share == 0:
        return Finding(
            name, "problem", evidence, "Nothing is won by asking: train on other samples, or lower "
            "--rewards.price."
        )  # fmt: skip
    if not (known < 0).any():
        return Finding(
            name,
            "warning",
            f"{evidence} Nothing holds requests back.",
            "All will ask: give requests a price (--rewards.price, or --grpo.shaper paper).",
        )
    if per_term or (share >= 0.3 and mean > 0):
        return Finding(name, "ok", evidence)
    return Finding(
        name,
        "problem" if share < 0.1 else "warning",
        evidence,
        f"Requests {'will' if share < 0.1 else 'may'} die before need is told apart: "
        f"normalise each reward term on its own ({PER_TERM}), lower --rewards.price or the "
        "shaper's penalty, or train on more samples that need it.",
    )
