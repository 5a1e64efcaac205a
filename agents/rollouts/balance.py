"""Both decisions in every group, early in a training; pure (balanced exploration, 2605.19852)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from agents.rollouts.collect import Decision, Force
from vt_env import Episode


def forced_share(share: float, steps: int, iteration: int) -> float:
    """The share of each group whose first decision is forced: annealed linearly to none.

    Args:
        share: That of the first iteration, in [0, 1].
        steps: Iterations until nobody is forced, at least 1.
        iteration: Which one, from 0.
    """
    return share * max(0.0, 1.0 - iteration / steps)


def forced_decision(share: float, size: int, position: int, member: int) -> Decision | None:
    """What a member of a group must decide first; None: it is free.

    The first of a group are forced, as many as the share comes to (rounded, halves upwards), to
    request and to answer by turns; which comes first alternates from prompt to prompt, so that an
    odd number favours neither.

    Args:
        share: Share of the group that is forced, in [0, 1].
        size: Members of the group.
        position: The group's position in the prompt stream.
        member: Which member, from 0.
    """
    if member >= math.floor(share * size + 0.5):
        return None
    return "request" if (position + member) % 2 == 0 else "answer"


def balanced_force(groups: Sequence[Sequence[Episode]], start: int, share: float) -> Force:
    """Forces a share of each group; a group in which no request can be forced stays free.

    Args:
        groups: Fresh episodes.
        start: Position of the first group in the prompt stream; the others follow.
        share: As for `forced_decision`.
    """
    decisions = {
        id(episode): forced_decision(share, len(group), position, member)
        for position, group in enumerate(groups, start)
        if group[0].forced_request is not None
        for member, episode in enumerate(group)
    }
    return lambda episode: decisions.get(id(episode))
