"""`Episode`: the pure state machine that the env, the vector env and the rollouts all drive.

It holds a sample, what was shown and said, and what it cost; it calls no judge and no model. When
an answer is to be judged, `step` returns the case and the driver hands the verdict to `settle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from judges import JudgeCase, Verdict
from vt_env.config import Ending, EpisodeConfig
from vt_env.data.options import asked
from vt_env.images.regions import Region, crop_region
from vt_env.images.views import ImageLimits, Size, crop_size, resample, shown_size, tokens_of, view
from vt_env.protocol import Action, Answer, Crop, Malformed, Request, parse, parse_untagged
from vt_env.rewards import Outcome, RewardConfig, token_cost
from vt_env.samples import Sample
from vt_env.templates import PromptTemplate

__all__ = ["Ending", "Episode", "EpisodeConfig", "Message", "Observation", "Transition"]


@dataclass(frozen=True)
class Message:
    """One turn of the conversation; `content` mixes text and images in order."""

    role: str
    content: tuple[str | Image.Image, ...]


@dataclass(frozen=True)
class Observation:
    """What the policy gets to see before a turn.

    Attributes:
        image: The image last shown, mode RGB.
        question: The question, with its options where it has some.
        turn: Turns taken so far.
        visual_tokens: Visual tokens delivered so far.
        feedback: What the tool said after the last turn; empty at the start.
    """

    image: Image.Image
    question: str
    turn: int
    visual_tokens: int
    feedback: str


@dataclass(frozen=True)
class Transition:
    """What a turn led to.

    Attributes:
        reward_terms: Named terms of this turn's reward, without the judge's.
        done: True when the policy has no further turn.
        case: The answer to be judged, or None; its verdict goes to `Episode.settle`.
    """

    reward_terms: dict[str, float]
    done: bool
    case: JudgeCase | None = None


@dataclass
class _Spent:
    tokens: int = 0
    paid: int = 0


@dataclass
class Episode:
    """One question, from the first view to the verdict.

    Args:
        sample: The image and the question.
        config: The rules.
        rewards: Weights of the reward terms.
        template: What is said around the images.

    Attributes:
        question: What the policy is asked: the sample's question, with its lettered options
            where it does not list them itself. The judge is given the two apart.
        turn_tokens: The token ids that the policy sampled, turn by turn; none of a turn that was
            forced, or came as text.

    Raises:
        ImageError: If the sample's image cannot be read.
    """

    sample: Sample
    config: EpisodeConfig
    rewards: RewardConfig
    template: PromptTemplate
    messages: list[Message] = field(default_factory=list, init=False)
    turn: int = field(default=0, init=False)
    level: int = field(default=0, init=False)
    crops: int = field(default=0, init=False)
    well_formed: bool = field(default=True, init=False)
    ending: Ending | None = field(default=None, init=False)
    verdict: Verdict | None = field(default=None, init=False)
    answer: str | None = field(default=None, init=False)
    problems: list[str] = field(default_factory=list, init=False)
    turn_tokens: list[tuple[int, ...]] = field(default_factory=list, init=False)
    reward_terms: dict[str, float] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.question = asked(self.sample.question, self.sample.choices)
        self._original = self.sample.image.size()
        self.full_tokens = self._level_tokens(len(self.config.resolutions) - 1)
        self._spent = _Spent()
        self._feedback = ""
        self._region = Region(0.0, 0.0, *map(float, self._original))
        self._shown = self._show_level(0)
        if self.template.system:
            self.messages.append(Message("system", (self.template.system,)))
        text = self.template.question_text(self.question)
        self.messages.append(Message("user", (self._shown, text)))

    @property
    def _limits(self) -> ImageLimits:
        return self.config.limits

    @property
    def visual_tokens(self) -> int:
        """Visual tokens delivered so far."""
        return self._spent.tokens

    @property
    def requested(self) -> bool:
        """Whether a higher resolution was delivered, of all of the image or of a part."""
        return self.level > 0 or self.crops > 0

    @property
    def done(self) -> bool:
        """True when the policy has no further turn."""
        return self.ending is not None

    @property
    def observation(self) -> Observation:
        """What the policy sees now."""
        return Observation(
            self._shown, self.question, self.turn, self.visual_tokens, self._feedback
        )

    @property
    def outcome(self) -> Outcome:
        """What the episode came to, for group shaping.

        An ending without an answer is wrong; only an abstaining judge leaves it undecided.
        """
        correct = self.verdict.correct if self.verdict else False
        return Outcome(correct, self.requested, self.well_formed, self.sample.needs_high_res)

    @property
    def turns(self) -> tuple[str, ...]:
        """What the policy wrote, a text a turn."""
        return tuple(str(m.content[0]) for m in self.messages if m.role == "assistant")

    def step(self, text: str, cut_off: bool = False, tokens: Sequence[int] = ()) -> Transition:
        """Takes one turn.

        Args:
            text: What the policy wrote.
            cut_off: True when generation hit its limit before the turn was over.
            tokens: The ids that the policy sampled, where it is one that samples.

        Returns:
            The turn's reward terms, and the case to be judged if there is one.

        Raises:
            RuntimeError: If the episode is over.
        """
        if self.done:
            raise RuntimeError("The episode is over; start a new one.")
        self.turn += 1
        self.messages.append(Message("assistant", (text,)))
        self.turn_tokens.append(tuple(tokens))
        if len(text) > self.config.max_action_chars:
            return self._end(Ending.TOO_LONG, "too_long")
        if cut_off:
            return self._end(Ending.CUT_OFF, "cut_off")
        action = parse(text, self.template.opens_thought)
        if isinstance(action, Malformed) and not action.is_call:
            return self._untagged(text, action.reason)
        return self._act(action)

    def _untagged(self, text: str, reason: str) -> Transition:
        """A turn that neither answers nor calls: by option its words are judged all the same."""
        words = None
        if self.config.untagged_answer == "judge":
            words = parse_untagged(text, self.template.opens_thought)
        return self._answer(words) if words else self._end(Ending.MALFORMED, reason)

    def _act(self, action: Action) -> Transition:
        if isinstance(action, Answer):
            return self._answer(action)
        if isinstance(action, Request):
            return self._request(action)
        if isinstance(action, Crop):
            return self._crop(action)
        return self._invalid(action.reason, action.detail)

    def stop(self, ending: Ending) -> Transition:
        """Ends the episode for a reason that lies outside the policy's words.

        Raises:
            RuntimeError: If the episode is over.
        """
        if self.done:
            raise RuntimeError("The episode is over; start a new one.")
        return self._end(ending, ending.value)

    def settle(self, verdict: Verdict) -> dict[str, float]:
        """Takes the judge's verdict on the answer; returns the reward terms that it adds.

        An abstention adds no accuracy: it is not a 0.
        """
        self.verdict = verdict
        if verdict.score is None:
            self.ending = Ending.ABSTAINED
            return self._pay_own()
        paid = self._pay({"accuracy": self.rewards.accuracy * verdict.score})
        return {**paid, **self._pay_own()}

    def _answer(self, action: Answer) -> Transition:
        self._note(action.problem)
        self.ending, self.answer = Ending.ANSWERED, action.text
        sample = self.sample
        case = JudgeCase(
            sample.question,
            sample.answers,
            action.text,
            sample.kind,
            sample.choices,
            sample.tolerance,
        )
        return Transition(self._pay(self._final_terms()), True, case)

    def _request(self, action: Request) -> Transition:
        if "resize" not in self.config.tools:
            return self._invalid("resize_not_offered", "There is no resize tool here.")
        target = self._target(action.scale)
        if target is None:
            return self._invalid("no_higher_resolution", "There is no higher resolution.")
        if self.turn >= self.config.max_turns:
            return self._end(Ending.TURN_LIMIT, "turn_limit")
        self._note(action.problem)
        self.level = target
        self._shown = self._show_level(target)
        return self._deliver()

    def _target(self, scale: float | None) -> int | None:
        """The level that a request means; None when it would show nothing new.

        Levels of an image so small that the processor enlarges it can have one and the same size:
        asking for such a level would buy the same pixels again.
        """
        scales = self.config.resolutions
        if scale is not None and scale <= scales[self.level] + 1e-9:
            return None
        for level in range(self.level + 1, len(scales)):
            enough = scale is None or scales[level] >= scale - 1e-9
            if enough and self._level_tokens(level) > self._level_tokens(self.level):
                return level
        return None

    def _level_tokens(self, level: int) -> int:
        return tokens_of(self._view_size(level), self._limits)

    def _crop(self, action: Crop) -> Transition:
        if "crop" not in self.config.tools:
            return self._invalid("crop_not_offered", "There is no crop tool here.")
        region = crop_region(self._region, self._shown.size, action.box, self._original)
        if isinstance(region, str):
            return self._invalid("bad_box", region)
        if self.turn >= self.config.max_turns:
            return self._end(Ending.TURN_LIMIT, "turn_limit")
        self._note(action.problem)
        self.crops += 1
        self._region = region
        part = self.sample.image.load().crop(region.box)
        size = crop_size(part.size, self._limits)
        self._spend(size)
        self._shown = resample(part, size)
        return self._deliver()

    def _deliver(self) -> Transition:
        """Puts the image that was asked for into the conversation."""
        self._feedback = self.template.tool_response
        content = ("<tool_response>", self._shown, f"</tool_response>\n{self._feedback}")
        self.messages.append(Message("user", content))
        return Transition(self._pay(self._turn_terms()), False)

    def _invalid(self, reason: str, detail: str) -> Transition:
        """An invalid call: feedback while turns are left, by option the end."""
        if self.config.invalid_call == "end":
            return self._end(Ending.MALFORMED, reason)
        if self.turn >= self.config.max_turns:
            return self._end(Ending.TURN_LIMIT, reason)
        self._note(reason)
        self._feedback = self.template.error_text(detail)
        self.messages.append(Message("user", (f"<tool_response>{self._feedback}</tool_response>",)))
        return Transition(self._pay(self._turn_terms()), False)

    def _end(self, ending: Ending, problem: str) -> Transition:
        self._note(problem)
        self.ending = ending
        paid = self._pay(self._final_terms())
        return Transition({**paid, **self._pay_own()}, True)

    def _note(self, problem: str | None) -> None:
        if problem is not None:
            self.problems.append(problem)
            self.well_formed = False

    def _view_size(self, level: int) -> Size:
        return shown_size(self._original, self.config.resolutions[level], self._limits)

    def _show_level(self, level: int) -> Image.Image:
        """Shows all of the image at a level of the ladder."""
        size = self._view_size(level)
        self._spend(size)
        self._region = Region(0.0, 0.0, *map(float, self._original))
        return view(self.sample.image, size)

    def _spend(self, size: Size) -> None:
        self._spent.tokens += tokens_of(size, self._limits)

    def _turn_terms(self) -> dict[str, float]:
        """Prices the images delivered since the last turn."""
        before, self._spent.paid = self._spent.paid, self._spent.tokens
        if before == self._spent.tokens:
            return {}
        new = self._spent.tokens - before
        return {"token_cost": -token_cost(new, self.full_tokens, self.rewards, before)}

    def _final_terms(self) -> dict[str, float]:
        return {**self._turn_terms(), "format": self.rewards.format * self.well_formed}

    def _pay_own(self) -> dict[str, float]:
        """Terms of one's own, once the episode is over and all that is known of it is known."""
        return self._pay({name: term(self) for name, term in self.rewards.own_terms.items()})

    def _pay(self, terms: dict[str, float]) -> dict[str, float]:
        for name, value in terms.items():
            self.reward_terms[name] = self.reward_terms.get(name, 0.0) + value
        return terms
