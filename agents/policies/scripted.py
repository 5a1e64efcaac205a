"""Agents that follow a rule: what a policy is to be better than, and the oracle above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from agents.policies.base import Agent, View
from vt_env import Answer, ConfigError, to_text

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class AlwaysAnswer(Agent):
    """Answers at once, the same whatever is shown.

    Args:
        answer: What it says; of a question with options it takes the first.
    """

    def __init__(self, answer: str = "yes") -> None:
        if not answer.strip():
            raise ConfigError("answer must not be blank.")
        self._answer = answer

    def act(self, views: Sequence[View]) -> list[str]:
        """Answers every view."""
        return [self.answer(view) for view in views]

    def answer(self, view: View) -> str:
        """The answer to a view, in the protocol."""
        return said("A" if view["choices"] else self._answer, view)


class AlwaysRequest(AlwaysAnswer):
    """Asks to see more for as long as there is more, and answers as `AlwaysAnswer` does.

    Args:
        answer: What it says in the end.
    """

    def act(self, views: Sequence[View]) -> list[str]:
        """Asks where that can be done."""
        return [view["request"] or self.answer(view) for view in views]


class RandomAgent(Agent):
    """Asks by chance, and answers by chance.

    Args:
        request: Probability of asking in a turn where that can be done, in [0, 1].
        answers: What it draws from where a question has no options.
    """

    def __init__(self, request: float = 0.5, answers: Sequence[str] = ("yes", "no")) -> None:
        if not 0 <= request <= 1:
            raise ConfigError(f"request is a probability in [0, 1], got {request}.")
        answers = answers.split(",") if isinstance(answers, str) else answers
        if not answers or not all(answer.strip() for answer in answers):
            raise ConfigError("answers must be at least one text, none of them blank.")
        self._request, self._answers = request, tuple(answers)
        self._rngs: list[np.random.Generator] = []

    def reset(self, seeds: Sequence[int]) -> None:
        """Begins with a generator an episode."""
        self._rngs = [np.random.default_rng(seed) for seed in seeds]

    def act(self, views: Sequence[View]) -> list[str]:
        """Draws a turn for every view."""
        return [self._draw(view) for view in views]

    def _draw(self, view: View) -> str:
        rng = self._rngs[view["episode"]]
        asks, choice = rng.random() < self._request, int(rng.integers(2**31))
        if view["request"] and asks:
            return str(view["request"])
        known = LETTERS[: len(view["choices"])] if view["choices"] else self._answers
        return said(known[choice % len(known)], view)


class OracleAgent(Agent):
    """Is always right, and asks where it is known that the sharper image is needed.

    In the margin, and where the need is not known, it answers at once. No model: it reads the
    sample's label, and is what no agent can be better than.
    """

    sees_sample: ClassVar[bool] = True
    has_baselines: ClassVar[bool] = False

    def act(self, views: Sequence[View]) -> list[str]:
        """Asks in the first turn where that is needed, and else answers."""
        return [
            view["request"]
            if view["turn"] == 0 and view["sample"].needs_high_res and view["request"]
            else said(view["sample"].answers[0], view)
            for view in views
        ]


def said(answer: str, view: View) -> str:
    """An answer in the protocol, as a policy writes it whose prompt may open its thought."""
    text = to_text(Answer(answer))
    return text.removeprefix("<think>") if view["template"].opens_thought else text
