"""What settings alone say of a training to come: tools, chat, ladder, theta, signs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agents import advantage_estimator
from agents.grpo.advantages import guarded
from benchmarks.doctor.findings import Finding
from vt_env import (
    GROUP_SHAPERS,
    EpisodeConfig,
    Message,
    Outcome,
    PromptTemplate,
    RewardConfig,
)
from vt_env.images.ladder import LadderCheck
from vt_env.shapers import BoundShaper

if TYPE_CHECKING:
    from agents import ChatEncoder

LEAST = 1e-9
"""Advantages that differ by less are the same."""


def tools_offered(template: PromptTemplate, rules: EpisodeConfig) -> Finding:
    """Whether the policy may ask at all, and is told so."""
    tools, name = rules.offered, "tools"
    if not tools:
        return Finding(
            name, "problem", "No tool is on, so there is nothing to decide.", "Set --env.tools."
        )
    if rules.max_turns < 2:
        return Finding(
            name,
            "problem",
            "Episodes have one turn: a request cannot be followed by an answer.",
            "Set --env.max_turns 2.",
        )

    def said(offered: Sequence[Any]) -> tuple[str, str]:
        return template.system_text(offered), template.question_text("?", offered)

    silent = [t.name for t in tools if said(tools) == said([o for o in tools if o is not t])]
    listed = ", ".join(tool.name for tool in tools)
    if silent:
        return Finding(
            name,
            "warning",
            f"The prompt says nothing of {', '.join(silent)} (on: {listed}); it will be used only "
            "by a model that knows it already.",
            "Choose an --env.prompt that holds {tools}, such as agent.",
        )
    return Finding(name, "ok", f"The prompt offers {listed}.")


def chat_template(encoder: ChatEncoder, system: str) -> Finding:
    """Whether the model's own chat template shows the policy the system turn.

    Args:
        encoder: The model's.
        system: The system message of an episode; empty for none.
    """
    from jinja2 import TemplateError

    name, advice = "chat template", "Choose an --env.prompt that says it in the user turn."
    if not system.strip():
        return Finding(name, "ok", "The prompt has no system turn.")
    try:
        ids = encoder.opening([Message("system", (system,)), Message("user", ("Hello.",))])
    except TemplateError as error:
        told = " ".join(str(error).split())
        return Finding(name, "problem", f"It takes no system turn ({told}).", advice)
    shown = str(encoder.tokenizer.decode(ids))
    if "".join(system.split()) not in "".join(shown.split()):
        return Finding(name, "problem", "It leaves the system turn out.", advice)
    return Finding(name, "ok", "The system turn is shown.")


def ladder(found: LadderCheck, config: EpisodeConfig) -> Finding:
    """Whether there is a higher resolution to ask for."""
    name = "ladder"
    if found.share is None:
        return Finding(name, "ok", "No image's size is known before it is fetched.")
    if not found.poor:
        return Finding(name, "ok", found.describe(config))
    return Finding(
        name,
        "problem" if not found.climbable else "warning",
        found.describe(config),
        "Set --env.bounds full_view, a smaller --env.min_pixels, or --world.canvas.",
    )


def theta(shaper: str, params: Mapping[str, Any], group: int) -> Finding | None:
    """Whether a shaper's theta tells groups of this size apart.

    Args:
        shaper: Its name.
        params: Its parameters.
        group: Episodes of a group.

    Returns:
        None for a shaper without a theta.
    """
    known = inspect.signature(GROUP_SHAPERS.find(shaper)).parameters
    if "theta" not in known:
        return None
    bound = float(params.get("theta", known["theta"].default))
    epsilon = float(params.get("epsilon", known["epsilon"].default)) if "epsilon" in known else 0.0
    shares = sorted(
        {direct / (right + epsilon) for right in range(2, group + 1) for direct in range(1, right)}
    )
    below = [share for share in shares if share < bound]
    name, setting = "theta", "--grpo.shaper_params.theta"
    if not below:
        larger = f"--grpo.num_generations {int(1 / bound) + 1} or more, or " if bound > 0 else ""
        return Finding(
            name,
            "warning",
            f"It is {bound:g}, and the smallest share of direct answers above none that {group} "
            f"episodes can have is {shares[0]:.3g}: it is never below theta, so that any other "
            "theta up to there would do the same.",
            f"Set {larger}a larger {setting}.",
        )
    if len(below) == len(shares):
        return Finding(
            name,
            "problem",
            f"It is {bound:g}, and the largest share of direct answers short of all is "
            f"{shares[-1]:.3g}: direct answers pay wherever a request was right, so that all will "
            "ask.",
            f"Set a smaller {setting}; the paper's is 0.2.",
        )
    return Finding(
        name,
        "ok",
        f"{len(below)} of the {len(shares)} shares that {group} episodes can have are below "
        f"{bound:g}.",
    )


@dataclass(frozen=True)
class Pay:
    """What makes rewards and advantages.

    Attributes:
        rewards: Weights of the terms.
        costs: What a direct answer and one after a request cost, as positive numbers of reward.
        shaper: Adds what needs the group.
        estimator: Name of what makes advantages.
        scale_rewards: As `GRPOSettings` has it.
        reward_weights: The same.
        group: Episodes of a group, at least 2.
    """

    rewards: RewardConfig
    costs: tuple[float, float]
    shaper: BoundShaper
    estimator: str
    scale_rewards: Any
    reward_weights: Mapping[str, float]
    group: int


def compositions(group: int, need: bool | None) -> Iterator[list[Outcome]]:
    """Every group of well-formed episodes: so many right and wrong, direct and after a request.

    Args:
        group: Episodes of a group.
        need: Label of its sample.
    """
    kinds = [
        Outcome(correct, requested, True, need)
        for correct in (True, False)
        for requested in (False, True)
    ]
    for a in range(group + 1):
        for b in range(group + 1 - a):
            for c in range(group + 1 - a - b):
                counts = (a, b, c, group - a - b - c)
                yield [kind for kind, n in zip(kinds, counts, strict=True) for _ in range(n)]


def signs(pay: Pay, needs: Sequence[bool | None]) -> Finding:
    """Whether penalties make right answers worse than wrong ones, or bad ones.

    Looks at all compositions of groups that hold a right answer and a wrong one. What a right
    answer loses to other right ones, where all are right, is what a penalty is for.

    Args:
        pay: What pays.
        needs: Labels that samples have.
    """
    groups = [
        outcomes
        for need in needs
        for outcomes in compositions(pay.group, need)
        if len({o.correct for o in outcomes}) == 2
    ]
    right = np.array([[bool(o.correct) for o in outcomes] for outcomes in groups])
    rewards, shaped, plain = advantages(pay, groups)
    worst_right = np.where(right, rewards, np.inf).min(axis=1)
    best_wrong = np.where(right, -np.inf, rewards).max(axis=1)
    below = int((worst_right < best_wrong - LEAST).sum())
    if below:
        return Finding(
            "signs",
            "problem",
            f"In {below} of {len(groups)} mixed groups of {pay.group} a right answer earns less "
            "than a wrong one.",
            "Lower --rewards.price or --grpo.shaper_params.penalty.",
        )
    reversed_ = int((right & (shaped < -LEAST) & (plain >= -LEAST)).any(axis=1).sum())
    if reversed_:
        return Finding(
            "signs",
            "warning",
            f"In {reversed_} of {len(groups)} mixed groups of {pay.group} penalties make the "
            "advantage of a right answer negative.",
            "Set --grpo.shaper_params.sign_guard true (of the shaper's penalty), or lower "
            "--rewards.price or --grpo.shaper_params.penalty.",
        )
    return Finding(
        "signs",
        "ok",
        f"In none of {len(groups)} mixed groups of {pay.group} a penalty makes the advantage of a "
        "right answer negative.",
    )


def advantages(
    pay: Pay, groups: Sequence[Sequence[Outcome]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rewards, advantages, and advantages without any penalty, each (groups, episodes).

    Args:
        pay: What pays.
        groups: Outcomes of whole groups, all well-formed.
    """
    right = np.array([[float(bool(o.correct)) for o in outcomes] for outcomes in groups])
    asked = np.array([[o.requested for o in outcomes] for outcomes in groups])
    terms = {
        "accuracy": pay.rewards.accuracy * right,
        "format": np.full_like(right, pay.rewards.format),
        "token_cost": -np.where(asked, pay.costs[1], pay.costs[0]),
        "shaping": np.array([pay.shaper(outcomes) for outcomes in groups]),
    }
    estimate = advantage_estimator(pay.estimator)

    def of(*names: str) -> np.ndarray:
        mine = {name: terms[name] for name in names}
        rewards = np.sum(list(mine.values()), axis=0)
        found: np.ndarray = estimate(
            rewards, pay.scale_rewards, terms=mine, reward_weights=pay.reward_weights
        )
        return found

    plain = of("accuracy", "format")
    shaped = of(*terms)
    if pay.shaper.sign_guard:
        flat = [outcome for outcomes in groups for outcome in outcomes]
        unshaped = of("accuracy", "format", "token_cost")
        shaped = guarded(shaped.reshape(-1), unshaped.reshape(-1), flat).reshape(shaped.shape)
    return np.sum(list(terms.values()), axis=0), shaped, plain
