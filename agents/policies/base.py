"""`Agent`: what is shown goes in, what is said comes out; the one contract of all that plays.

An agent sees what the environment shows and nothing of a sample's label. It gets its observations
in batches, so that one that computes in batches can.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from vt_env import Episode, VisionThinkError, parse
from vt_env.env import observe
from vt_env.tools import Call, Refusal

if TYPE_CHECKING:
    from agents.rollouts.trajectory import Trajectory

View = Mapping[str, Any]
"""What an agent sees before a turn: all keys of the environment's observation, and

- ``episode``: number of the episode in the batch that `Agent.reset` began, from 0;
- ``messages``: the conversation so far, a tuple of `vt_env.Message`, all images in it;
- ``choices``: the options of the question, a tuple of texts, or None;
- ``tools``: the tools that may be called, a tuple of `vt_env.tools.Tool`;
- ``request``: a turn in the protocol that asks to see more; None where nothing more is to be had;
- ``template``: the words of the protocol, a `vt_env.PromptTemplate`;
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
        opens_thought: Whether its turns begin inside of the thought, as those of models do whose
            chat template writes ``<think>`` for them.
    """

    sees_sample: ClassVar[bool] = False
    has_baselines: ClassVar[bool] = True
    opens_thought: bool = False

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

    @property
    def wants_calibration(self) -> bool:
        """Whether `calibrate` is to be called before the agent is measured."""
        return False

    def calibrate(self, play: Callable[[], list[Trajectory]]) -> None:  # noqa: B027 - as above
        """Sets what is to be chosen on samples of its own, never on those that are reported.

        Args:
            play: Plays the validation samples with this agent as it is now, always the same ones;
                may be called any number of times.
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
    seen = {
        **observe(episode),
        "episode": number,
        "messages": tuple(episode.messages),
        "choices": episode.sample.choices,
        "tools": episode.config.offered,
        "request": _request(episode),
        "template": episode.template,
    }
    return seen | ({"sample": episode.sample} if sees_sample else {})


def _request(episode: Episode) -> str | None:
    """A turn that asks to see more, where it would show something."""
    turn, offered = episode.forced_request, episode.config.offered
    if turn is None or episode.turn + 1 >= episode.config.max_turns:
        return None
    call = parse(turn, episode.template.opens_thought, offered)
    tool = next(tool for tool in offered if isinstance(call, Call) and tool.name == call.tool)
    return None if isinstance(tool.aim(call, episode.scene), Refusal) else turn


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
