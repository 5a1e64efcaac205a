"""`Conversation`: an episode as a chat, which is all that a home needs to drive."""

from __future__ import annotations

from vt_env.env import VisionThinkEnv
from vt_env.episode import Message


class Conversation:
    """One episode: what the policy is told, what it says, and what that earned.

    Args:
        env: Whose dataset, rules, rewards, words and judge hold; it is not stepped itself, so one
            serves any number of conversations.
        index: Which sample.

    Attributes:
        episode: The episode under way.

    Raises:
        ImageError: If the sample's image cannot be read.
    """

    def __init__(self, env: VisionThinkEnv, index: int) -> None:
        self._judge = env.judge
        self.episode = env.new_episode(index)

    @property
    def opening(self) -> tuple[Message, ...]:
        """What is said before the policy's first turn: system message, if any, and question."""
        roles = [message.role for message in self.episode.messages]
        first = roles.index("assistant") if "assistant" in roles else len(roles)
        return tuple(self.episode.messages[:first])

    def reply(self, text: str, *, cut_off: bool = False) -> Message | None:
        """Takes the policy's turn; an answer is judged.

        Args:
            text: What it wrote.
            cut_off: True when generation hit its limit before the turn was over.

        Returns:
            What the policy is told next, an image among it if one was asked for; None at the end.

        Raises:
            RuntimeError: If the episode is over.
            JudgeError: If the judge cannot work.
        """
        transition = self.episode.step(text, cut_off=cut_off)
        if transition.case is not None:
            self.episode.settle(self._judge.judge([transition.case])[0])
        return None if self.episode.done else self.episode.messages[-1]

    @property
    def done(self) -> bool:
        """True when the policy has no further turn."""
        return self.episode.done

    @property
    def reward(self) -> float:
        """The return so far, in units of reward."""
        return float(sum(self.episode.reward_terms.values()))

    @property
    def reward_terms(self) -> dict[str, float]:
        """The return so far by the names of its terms."""
        return dict(self.episode.reward_terms)

    @property
    def metrics(self) -> dict[str, float]:
        """What a home may log of the episode, all numbers.

        Returns:
            ``turns``, ``visual_tokens``, ``share_of_full`` (of one plain full-resolution pass),
            ``requested`` and ``well_formed`` (0 or 1), and at the end ``correct`` and ``abstained``
            (0 or 1; of an abstention there is no ``correct``).
        """
        episode = self.episode
        found = {
            "turns": float(episode.turn),
            "visual_tokens": float(episode.visual_tokens),
            "share_of_full": episode.visual_tokens / episode.full_tokens,
            "requested": float(episode.requested),
            "well_formed": float(episode.well_formed),
        }
        if episode.done:
            correct = episode.outcome.correct
            found["abstained"] = float(correct is None)
            if correct is not None:
                found["correct"] = float(correct)
        return found
