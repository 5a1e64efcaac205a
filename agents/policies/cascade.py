"""`CascadeAgent`: a small agent first, a larger one where it asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents.policies.base import Agent, AgentError, View


class CascadeAgent(Agent):
    """The first turn is a small agent's; where it asks to see more, a larger one goes on.

    So the larger one is paid for hard questions alone. It reads the whole conversation, the first
    turn as if it were its own.

    Args:
        small: Agent of the first turn, by name as for `agents.policies.make_agent`.
        large: Agent of all further turns.
        small_params: Settings of the small one, by name.
        large_params: Settings of the large one.

    Raises:
        AgentError: If one of the two is missing.
    """

    def __init__(
        self,
        small: str = "",
        large: str = "",
        small_params: Mapping[str, Any] | None = None,
        large_params: Mapping[str, Any] | None = None,
    ) -> None:
        from agents.policies import make_agent

        if not small or not large:
            raise AgentError(
                "A cascade is of two agents: --agent.params.small NAME --agent.params.large NAME."
            )
        self._small = make_agent(small, **(small_params or {}))
        self._large = make_agent(large, **(large_params or {}))
        if self._small.sees_sample or self._large.sees_sample:
            self.close()
            raise AgentError("An agent that knows the labels cannot be part of a cascade.")
        self.opens_thought = self._small.opens_thought
        if self._large.opens_thought != self.opens_thought:
            self.close()
            raise AgentError("The two of a cascade must both open their thoughts, or neither.")
        self._large_turns = 0

    def reset(self, seeds: Sequence[int]) -> None:
        """Begins with both."""
        self._small.reset(seeds)
        self._large.reset(seeds)

    def act(self, views: Sequence[View]) -> list[str]:
        """Shares the views out by their turn."""
        first = [view for view in views if view["turn"] == 0]
        later = [view for view in views if view["turn"] > 0]
        self._large_turns += len(later)
        turns = dict(zip(map(id, first), self._small.act(first), strict=True)) if first else {}
        if later:
            turns |= dict(zip(map(id, later), self._large.act(later), strict=True))
        return [turns[id(view)] for view in views]

    def close(self) -> None:
        """Closes both."""
        self._small.close()
        self._large.close()

    def told(self) -> dict[str, float]:
        """What both have to say, and ``large_turns``: turns of the larger one."""
        parts = {"small": self._small.told(), "large": self._large.told()}
        found = {f"{who}_{name}": n for who, part in parts.items() for name, n in part.items()}
        return {**found, "large_turns": float(self._large_turns)}
