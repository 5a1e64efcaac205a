"""`Agent`: what is shown goes in, what is said comes out; the one contract of all that plays.

An agent sees what the environment shows and nothing of a sample's label. It gets its observations
in batches, so that one that computes in batches can.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from vt_env import Episode, VisionThinkError

View = Mapping[str, Any]
"""What an agent sees before a turn: all keys of the environment's observation, and

- ``episode``: number of the episode in the batch that `Agent.reset` began, from 0;
- ``messages``: the conversation so far, a tuple of `vt_env.Message`, all images in it;
- ``choices``: the options of the question, a tuple of texts, or None;
- ``tools``: the tools that may be called, a tuple of `vt_env.tools.Tool`;
- ``sample``: the `vt_env.Sample`, for an agent whose `sees_sample` is True alone.
"""


class AgentError(VisionThinkError):
    """An agent cannot be made, failed, or gave something else than a text a view."""


class Turn(str):
    """A turn of an agent that knows more of it than its text; any `str` is a turn too.

    Attributes:
        cut_off: Whether generation hit its limit before the turn was over.
        no_room: Whether the conversation did not fit the model's context, so that nothing was said.
        prompt_tokens: Tokens that were read for it; 0 where nobody counted.
        completion_tokens: Tokens that were written.
    """

    cut_off: bool
    no_room: bool
    prompt_tokens: int
    completion_tokens: int

    def __new__(
        cls,
        text: str,
        *,
        cut_off: bool = False,
        no_room: bool = False,
        prompt_tokens: int = 0,
        completion_tokens: int = 0,
    ) -> Turn:
        """A turn with what is known of it."""
        turn = super().__new__(cls, text)
        turn.cut_off, turn.no_room = cut_off, no_room
        turn.prompt_tokens, turn.completion_tokens = prompt_tokens, completion_tokens
        return turn


class Agent(ABC):
    """Takes the turns of episodes, many at once.

    Attributes:
        sees_sample: Whether its views hold the sample with its label, as an oracle's do.
        has_baselines: Whether it makes sense to play it with its first decision forced.
    """

    sees_sample: ClassVar[bool] = False
    has_baselines: ClassVar[bool] = True

    @abstractmethod
    def act(self, views: Sequence[View]) -> Sequence[str]:
        """Takes a turn of each episode that is under way.

        Args:
            views: One an episode, see `View`; at least one.

        Returns:
            What is said in each, in the order of the views: a text, or a `Turn`.
        """

    def reset(self, seeds: Sequence[int]) -> None:  # noqa: B027 - may be left as it is
        """Begins as many episodes as there are seeds; those before are over.

        Args:
            seeds: The seed of each episode's randomness, at least 0; the same sample has the same
                seed whatever is played beside it.
        """

    def close(self) -> None:  # noqa: B027 - may be left as it is
        """Frees what the agent holds; it is not used afterwards."""

    def told(self) -> dict[str, float]:
        """What the agent has to say of itself at the end, such as ``tokens`` and ``dollars``."""
        return {}


class OneByOne(Agent):
    """An agent of anything that can be called with one view and returns what is said.

    Args:
        act: Is given one view at a time, in order.
    """

    def __init__(self, act: Callable[[View], str]) -> None:
        self._act = act

    def act(self, views: Sequence[View]) -> list[str]:
        """Asks for one view after the other."""
        return [self._act(view) for view in views]


def view_of(episode: Episode, number: int = 0, sees_sample: bool = False) -> dict[str, Any]:
    """What an agent sees of an episode now; see `View`.

    Args:
        episode: One that is not over.
        number: Its number in the batch.
        sees_sample: Whether the sample is among it.
    """
    from vt_env.env import observe

    seen = {
        **observe(episode),
        "episode": number,
        "messages": tuple(episode.messages),
        "choices": episode.sample.choices,
        "tools": episode.config.offered,
    }
    return seen | ({"sample": episode.sample} if sees_sample else {})


def as_agent(name: str, made: object) -> Agent:
    """What was made, as an agent.

    Args:
        name: What it is called, for errors.
        made: An `Agent`; anything with its `act`; or anything that can be called with one view.

    Raises:
        AgentError: If it is none of these.
    """
    if isinstance(made, Agent):
        return made
    if callable(getattr(made, "act", None)):
        return _Lifted(made)
    if callable(made):
        return OneByOne(made)
    raise AgentError(
        f"The agent {name!r} is a {type(made).__name__}, which neither has act(views) nor can be "
        "called with one view."
    )


class _Lifted(Agent):
    """Something with an `act` of its own, and maybe `reset`, `close` and `told`."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def act(self, views: Sequence[View]) -> Sequence[str]:
        turns: Sequence[str] = self._made.act(views)
        return turns

    def reset(self, seeds: Sequence[int]) -> None:
        if hasattr(self._made, "reset"):
            self._made.reset(seeds)

    def close(self) -> None:
        if hasattr(self._made, "close"):
            self._made.close()

    def told(self) -> dict[str, float]:
        return dict(self._made.told()) if hasattr(self._made, "told") else {}
