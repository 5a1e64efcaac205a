"""`Trajectory`: one finished episode as the trainer needs it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

from agents.errors import AlignmentError
from judges import EpisodeRecord
from vt_env import Ending, Outcome


@dataclass(frozen=True)
class Trajectory:
    """One finished episode.

    Behaves as an RLlib episode of a single step, so that it is never sliced.

    Attributes:
        ids: Token ids of the whole conversation, image pads expanded.
        mask: 1 where the policy sampled the token, else 0; same length.
        logprobs: Log-probability of each sampled token under the engine, 0.0 elsewhere, in nats.
        images: The images in order, mode RGB: the very objects that the episode showed, which the
            episodes of a group share.
        image_tokens: Visual tokens of each image.
        reward_terms: Named terms; their sum is the return.
        outcome: What the episode came to, for group shaping.
        ending: How the episode ended.
        sample_id: Which sample was played.
        family: Family of the sample.
        answer: The policy's answer, or None.
        visual_tokens: Visual tokens delivered.
        full_tokens: Visual tokens of one pass at full resolution.
        record: The episode as it is written to a file.
        abstained: Why the judge gave no score, or None.
        problems: Names of the faults, in order.
        refused: Whether the policy asked for another image and got none, in any of its turns.
        forced: What the episode was made to decide first; None: it was the policy's choice.
        index: Place of the sample in its dataset; None where it is not known.
        turns: Sampled tokens of each turn, a turn that was forced whole included (0); nothing where
            nobody counted.
        advantage: Group-relative advantage; None until it is computed, and for episodes that the
            judge abstained on.
        turn_advantages: Advantage of each turn; None: `advantage` is that of all.
    """

    ids: tuple[int, ...]
    mask: tuple[int, ...]
    logprobs: tuple[float, ...]
    images: tuple[Image.Image, ...]
    image_tokens: tuple[int, ...]
    reward_terms: dict[str, float]
    outcome: Outcome
    ending: Ending
    sample_id: str
    family: str
    answer: str | None
    visual_tokens: int
    full_tokens: int
    record: EpisodeRecord
    abstained: str | None = None
    problems: tuple[str, ...] = ()
    refused: bool = False
    forced: Literal["answer", "request"] | None = None
    index: int | None = None
    turns: tuple[int, ...] = ()
    advantage: float | None = field(default=None)
    turn_advantages: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.mask) == len(self.logprobs):
            raise AlignmentError(
                f"{len(self.ids)} ids, {len(self.mask)} mask entries and "
                f"{len(self.logprobs)} log-probs in one trajectory."
            )
        if self.turns and sum(self.turns) != sum(self.mask):
            raise AlignmentError(
                f"{sum(self.mask)} sampled tokens in turns of {list(self.turns)} tokens."
            )

    @property
    def tokens_by_turn(self) -> tuple[int, ...]:
        """Sampled tokens of each turn; where nobody counted, each run of them is a turn."""
        return self.turns or tuple(
            len(list(run)) for sampled, run in itertools.groupby(self.mask) if sampled
        )

    @property
    def credits(self) -> list[tuple[float, int]]:
        """Advantages, each with the sampled tokens that have it, in order; 0 where unknown."""
        if self.turn_advantages is None:
            return [(self.advantage or 0.0, sum(self.mask))]
        return list(zip(self.turn_advantages, self.tokens_by_turn, strict=True))

    @property
    def reward(self) -> float:
        """The return: sum of all reward terms."""
        return sum(self.reward_terms.values())

    def __len__(self) -> int:
        return 1

    def env_steps(self) -> int:
        """RLlib's count of environment steps: a trajectory counts as one."""
        return 1

    def agent_steps(self) -> int:
        """RLlib's count of agent steps: a trajectory counts as one."""
        return 1
