"""A reward of one's own: weights for the terms of an episode, and a shaper for the group.

    python examples/custom_reward.py

Per-episode terms are set by `rewards`; what needs the whole group of a question's rollouts is a
pure function over their outcomes, registered under a name that trainers take.
"""

from __future__ import annotations

from collections.abc import Sequence

import vt_env
from vt_env import GROUP_SHAPERS, Answer, Outcome, Request, group_shaper, to_text


@GROUP_SHAPERS.register("scarce")
def shape_scarce(
    outcomes: Sequence[Outcome], allowed: float = 0.5, penalty: float = 0.2
) -> list[float]:
    """Takes `penalty` from every request when more than `allowed` of the group asked."""
    asked = sum(outcome.requested for outcome in outcomes)
    pays = asked > allowed * len(outcomes)
    return [-penalty if pays and outcome.requested else 0.0 for outcome in outcomes]


def main() -> list[float]:
    """Plays a group of four on one sample; returns their shaped returns."""
    rewards = {"accuracy": 2.0, "format": 0.25, "price": 0.001, "cost": "tokens"}
    env = vt_env.make("VisionThink-v0", rewards=rewards)
    returns, outcomes = [], []
    for asks in (True, True, True, False):
        env.reset(options={"index": 0})
        total = float(env.step(to_text(Request(thought="unclear")))[1]) if asks else 0.0
        _, reward, _, _, info = env.step(to_text(Answer("red", "clear")))
        returns.append(total + float(reward))
        outcomes.append(info["outcome"])
    addends = group_shaper("scarce", allowed=0.5)(outcomes)
    shaped = [value + addend for value, addend in zip(returns, addends, strict=True)]
    for value, addend, outcome in zip(returns, addends, outcomes, strict=True):
        print(f"return {value:+.3f}  shaping {addend:+.2f}  {outcome}")
    return shaped


if __name__ == "__main__":
    main()
