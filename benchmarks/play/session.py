"""`Game`: a person's moves, made into turns of the very episodes that an agent plays.

A move is an answer or a call of a tool. It is written in the protocol and goes through the
environment's `step`, so rules, judge, rewards and price are the agent's. What an agent would be
refused (an empty answer, a call that shows nothing) is told here and spends no turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from agents import Trajectory
from agents.rollouts import trajectory_of
from benchmarks.play.folder import GameFolder
from benchmarks.play.moves import Move, MoveError, call_of, call_text, moves
from vt_env import Answer, Episode, RewardConfig, Sample, VisionThinkEnv, parse, to_text
from vt_env.images import view
from vt_env.rewards import token_cost
from vt_env.tools import Refusal


@dataclass(frozen=True)
class Look:
    """What the player sees before a turn.

    Attributes:
        number: The sample's place in the game, from 0.
        turn: Turns taken.
        question: The question, with its options.
        image: The image last shown, mode RGB.
        file: Name of the image's file in the game's folder.
        feedback: What the tool said after the last turn; empty at first.
        moves: The tools that can be called now; without one it is to be answered.
        visual_tokens: Visual tokens shown so far.
        full_tokens: Visual tokens of one pass at full resolution.
        price: What the tokens shown so far cost, in units of reward.
    """

    number: int
    turn: int
    question: str
    image: Image.Image
    file: str
    feedback: str
    moves: tuple[Move, ...]
    visual_tokens: int
    full_tokens: int
    price: float


@dataclass(frozen=True)
class Told:
    """What the player is told of a sample that is over.

    Attributes:
        number: The sample's place in the game, from 0.
        question: The question, with its options.
        image: The whole image at full resolution, mode RGB.
        answer: What was answered; None: nothing.
        expected: The accepted answers.
        correct: Whether it was right; None: the judge abstained.
        why_none: Why the judge abstained, or how the episode ended without an answer; else None.
        need: Whether the sharper image was needed; None: undecided or not known.
        need_known_by: How the need is known; empty where the sample does not say.
        requested: Whether more was shown.
        visual_tokens: Visual tokens shown.
        full_tokens: Visual tokens of one pass at full resolution.
        reward: The return.
        reward_terms: Its named terms.
    """

    number: int
    question: str
    image: Image.Image
    answer: str | None
    expected: str
    correct: bool | None
    why_none: str | None
    need: bool | None
    need_known_by: str
    requested: bool
    visual_tokens: int
    full_tokens: int
    reward: float
    reward_terms: dict[str, float]


class Game:
    """Samples, played one after the other by a person.

    Args:
        env: What is played.
        indices: Which samples, in order; at least one.
        folder: Where every episode is written as soon as it is over.

    Attributes:
        total: How many samples there are.
        rules: What is paid for what, in a sentence.
        look: What is seen now; None between samples and at the end.
        told: What came of the sample before; None while one is played.
        episodes: The episodes that are over.

    Raises:
        ImageError: If the first image cannot be read.
    """

    def __init__(self, env: VisionThinkEnv, indices: Sequence[int], folder: GameFolder) -> None:
        self._env, self._indices, self._folder = env, list(indices), folder
        self.total = len(self._indices)
        self.rules = rules(env.factory.rewards)
        self.episodes: list[Trajectory] = []
        self.told: Told | None = None
        self.look: Look | None = None
        self._files: list[str] = []
        self._closed = False
        self.go_on()

    @property
    def played(self) -> list[int]:
        """Which samples are over, in order."""
        return self._indices[: len(self.episodes)]

    @property
    def over(self) -> bool:
        """Whether there is no further move."""
        return self._closed or (self.look is None and self.told is None)

    def close(self) -> None:
        """Ends the game; an episode that is not over counts for nothing."""
        self._closed, self.look, self.told = True, None, None

    def go_on(self) -> None:
        """Opens the next sample, or ends the game after the last one.

        Raises:
            MoveError: If a sample is played now.
            ImageError: If the next image cannot be read.
        """
        if self.look is not None:
            raise MoveError("This sample is not over yet.")
        self.told, self._files = None, []
        if not self._closed and len(self.episodes) < self.total:
            self._env.reset(options={"index": self._indices[len(self.episodes)]})
            self._see()

    def answer(self, text: str) -> None:
        """Answers.

        Raises:
            MoveError: If that is no answer, or there is nothing to answer now.
            JudgeError: If the judge cannot work.
        """
        episode, said = self._episode(), text.strip()
        if not said:
            raise MoveError("Write an answer first.")
        turn = to_text(Answer(said))
        read = parse(turn, episode.template.opens_thought, episode.config.offered)
        if read != Answer(said) or not read.well_formed:
            raise MoveError("An answer cannot hold tags of the protocol, such as </answer>.")
        if len(turn) > episode.config.max_action_chars:
            raise MoveError(
                f"An answer has at most {episode.config.max_action_chars} characters, "
                "those of its tags included."
            )
        self._step(turn)

    def ask(self, tool: str, box: Sequence[float] | None = None) -> None:
        """Calls a tool.

        Args:
            tool: Its name, one of the moves.
            box: Left, top, right, bottom in pixels of the image last shown, where it takes a box.

        Raises:
            MoveError: If there is no such move now, or it would show nothing.
            ImageError: If the image cannot be read.
        """
        episode = self._episode()
        offered = {one.name: one for one in episode.config.offered}
        if self.look is None or tool not in [move.tool for move in self.look.moves]:
            raise MoveError("This is not to be had now: answer.")
        call = call_of(offered[tool], box)
        target = offered[tool].aim(call, episode.scene)
        if isinstance(target, Refusal):
            raise MoveError(target.detail)
        self._step(call_text(offered[tool], call))

    def _episode(self) -> Episode:
        if self.look is None or self._env.episode is None:
            raise MoveError("There is nothing to answer now.")
        return self._env.episode

    def _step(self, turn: str) -> None:
        self._env.step(turn)
        episode = self._env.episode
        assert episode is not None
        if not episode.done:
            self._see()
            return
        record = episode.record(len(self.episodes), self._files)
        self._folder.keep_episode(record)
        self.told = told(episode, len(self.episodes))
        self.episodes.append(trajectory_of(episode))
        self.look = None

    def _see(self) -> None:
        episode = self._env.episode
        assert episode is not None
        number, seen = len(self.episodes), episode.observation
        self._files.append(self._folder.keep_image(number, seen.turn, seen.image))
        tokens, full = episode.visual_tokens, episode.full_tokens
        self.look = Look(
            number=number,
            turn=seen.turn,
            question=seen.question,
            image=seen.image,
            file=self._files[-1],
            feedback=seen.feedback,
            moves=moves(episode),
            visual_tokens=tokens,
            full_tokens=full,
            price=token_cost(tokens, full, episode.rewards),
        )


def rules(rewards: RewardConfig) -> str:
    """What is paid for what, in a sentence."""
    of = {
        "share": "a full view's worth of tokens",
        "tokens": "a token",
        "flops": "the computation of a full view",
    }[rewards.cost]
    return (
        f"A right answer earns {rewards.accuracy:g}, the format {rewards.format:g} (it is kept for "
        f"you); {of} costs {rewards.price:g}."
    )


def told(episode: Episode, number: int) -> Told:
    """What the player is told of an episode that is over."""
    sample, outcome, verdict = episode.sample, episode.outcome, episode.verdict
    ended = None if episode.answer is not None else str(episode.ending)
    return Told(
        number=number,
        question=episode.question,
        image=view(sample.image, episode.scene.level_size(-1)),
        answer=episode.answer,
        expected=expected(sample),
        correct=outcome.correct,
        why_none=verdict.abstained if verdict else ended,
        need=outcome.needs_high_res,
        need_known_by=": ".join(
            str(sample.meta[key]) for key in ("proof", "why") if sample.meta.get(key)
        ),
        requested=outcome.requested,
        visual_tokens=episode.visual_tokens,
        full_tokens=episode.full_tokens,
        reward=sum(episode.reward_terms.values()),
        reward_terms=dict(episode.reward_terms),
    )


def expected(sample: Sample) -> str:
    """The accepted answers; letters of options with the options."""
    letters = [chr(ord("A") + number) for number in range(len(sample.choices or ()))]
    options = dict(zip(letters, sample.choices or (), strict=True))
    return " or ".join(f"{a} ({options[a]})" if a in options else a for a in sample.answers)
