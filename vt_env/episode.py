"""`Episode`: the pure state machine that the env, the vector env and the rollouts all drive.

It holds a sample, what was shown and said, and what it cost; it calls no judge and no model. When
an answer is to be judged, `step` returns the case and the driver hands the verdict to `settle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from PIL import Image

from judges import EpisodeRecord, JudgeCase, TurnRecord, Verdict
from vt_env.config import Ending, EpisodeConfig
from vt_env.data.options import asked
from vt_env.images.regions import Region
from vt_env.images.views import ImageLimits, Size, shown_size, tokens_of, view
from vt_env.protocol import Action, Answer, Malformed, parse, parse_untagged
from vt_env.rewards import Outcome, RewardConfig, token_cost
from vt_env.samples import Sample
from vt_env.templates import PromptTemplate
from vt_env.tools import Call, Refusal, Scene, Target, Tool, tool_named

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
        turn_records: The turns taken, with what each earned.
        region: What of the original the image last shown covers.
        requested: Whether a tool delivered another image: a higher resolution of all of it, a
            part of it, or what else a tool shows.
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
    requested: bool = field(default=False, init=False)
    well_formed: bool = field(default=True, init=False)
    ending: Ending | None = field(default=None, init=False)
    verdict: Verdict | None = field(default=None, init=False)
    answer: str | None = field(default=None, init=False)
    problems: list[str] = field(default_factory=list, init=False)
    turn_tokens: list[tuple[int, ...]] = field(default_factory=list, init=False)
    reward_terms: dict[str, float] = field(default_factory=dict, init=False)
    turn_records: list[TurnRecord] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.question = asked(self.sample.question, self.sample.choices)
        self._original = self.sample.image.size()
        self.full_tokens = tokens_of(self._view_size(-1), self._limits)
        self._spent = _Spent()
        self._refusals = 0
        self._feedback = ""
        target = Target(Region(0.0, 0.0, *map(float, self._original)), self._view_size(0), 0)
        image = view(self.sample.image, target.size)
        self._show(image, target, tokens_of(target.size, self._limits))
        tools = self.config.offered
        if system := self.template.system_text(tools):
            self.messages.append(Message("system", (system,)))
        text = self.template.question_text(self.question, tools)
        self.messages.append(Message("user", (self._shown, text)))

    def _view_size(self, level: int) -> Size:
        return shown_size(self._original, self.config.resolutions[level], self._limits)

    @property
    def _limits(self) -> ImageLimits:
        return self.config.limits

    @property
    def visual_tokens(self) -> int:
        """Visual tokens delivered so far."""
        return self._spent.tokens

    @property
    def refused(self) -> bool:
        """Whether the policy asked for another image and got none, in any of its turns."""
        return self._refusals > 0 and not self.requested

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
        label, worth = self.sample.needs_high_res, self.sample.tool_benefit
        images = sum(turn.tool is not None for turn in self.turn_records)
        return Outcome(correct, self.requested, self.well_formed, label, worth, images)

    @property
    def turns(self) -> tuple[str, ...]:
        """What the policy wrote, a text a turn."""
        return tuple(turn.action for turn in self.turn_records)

    @property
    def forced_request(self) -> str | None:
        """A turn that asks to see more with a tool in force; None where no tool can be told how.

        It is the template's own, or that with a call of the first tool that knows one to make.
        """
        template, offered = self.template, self.config.offered
        told = parse(template.forced_request, template.opens_thought, offered)
        if isinstance(told, Call) and told.tool in [tool.name for tool in offered]:
            return template.forced_request
        calls = [(tool, tool.forced(self.scene)) for tool in offered]
        for tool, call in calls:
            if call is not None:
                return template.with_call(tool, tool.arguments(call))
        return None

    def record(self, number: int, images: Sequence[str] = ()) -> EpisodeRecord:
        """The episode as it is written to a file.

        Args:
            number: Its number in the file, from 0.
            images: Files of the images seen before each turn; none where they are not kept.
        """
        sample, verdict, turns = self.sample, self.verdict, self.turn_records
        files = [*images, *[None] * (len(turns) - len(images))]
        return EpisodeRecord(
            episode=number,
            sample_id=sample.sample_id,
            family=sample.family,
            question=sample.question,
            references=sample.answers,
            kind=sample.kind,
            choices=sample.choices,
            tolerance=sample.tolerance,
            prediction=self.answer,
            score=verdict.score if verdict else None,
            abstained=verdict.abstained if verdict else None,
            correct=self.outcome.correct if self.done else None,
            needs_high_res=sample.needs_high_res,
            requested=self.requested,
            well_formed=self.well_formed,
            problems=tuple(self.problems),
            ending=str(self.ending) if self.ending else None,
            reward=sum(self.reward_terms.values()),
            reward_terms=dict(self.reward_terms),
            visual_tokens=self.visual_tokens,
            full_tokens=self.full_tokens,
            turns=tuple(replace(t, image=f) for t, f in zip(turns, files, strict=True)),
        )

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
        self.turn_records.append(TurnRecord(text, self._feedback, {}))
        if len(text) > self.config.max_action_chars:
            return self._end(Ending.TOO_LONG, "too_long")
        if cut_off:
            return self._end(Ending.CUT_OFF, "cut_off")
        action = parse(text, self.template.opens_thought, self.config.offered)
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
        if isinstance(action, Call):
            return self._call(action)
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
        paid = self.pay({"accuracy": self.rewards.accuracy * verdict.score})
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
        return Transition(self.pay(self._final_terms()), True, case)

    def _call(self, call: Call) -> Transition:
        offered = {tool.name: tool for tool in self.config.offered}
        tool = offered.get(call.tool)
        if tool is None:
            tool = tool_named(call.tool)
            return self._invalid(
                f"{tool.name}_not_offered", f"There is no {tool.name} tool here.", refusal=True
            )
        target = tool.aim(call, self.scene)
        if isinstance(target, Refusal):
            return self._invalid(target.problem, target.detail, refusal=True)
        if self.turn >= self.config.max_turns:
            return self._end(Ending.TURN_LIMIT, "turn_limit")
        self._note(call.problem)
        self._show(tool.run(target, self.scene), target, tool.price(target, self._limits))
        self.requested = True
        self.turn_records[-1] = replace(self.turn_records[-1], tool=tool.name)
        return self._deliver(tool)

    @property
    def scene(self) -> Scene:
        """What a tool may know now."""
        return Scene(
            source=self.sample.image,
            original=self._original,
            resolutions=self.config.resolutions,
            limits=self._limits,
            level=self.level,
            region=self.region,
            size=self._shown.size,
        )

    def _show(self, image: Image.Image, target: Target, tokens: int) -> None:
        self._shown, self.region = image, target.region
        self._spent.tokens += tokens
        if target.level is not None:
            self.level = target.level

    def _deliver(self, tool: Tool) -> Transition:
        """Puts the image that was asked for into the conversation."""
        self._feedback = self.template.response_text(tool)
        content = ("<tool_response>", self._shown, f"</tool_response>\n{self._feedback}")
        self.messages.append(Message("user", content))
        return Transition(self.pay(self._turn_terms()), False)

    def _invalid(self, reason: str, detail: str, refusal: bool = False) -> Transition:
        """An invalid call: feedback while turns are left, by option the end."""
        self._refusals += refusal
        if self.config.invalid_call == "end":
            return self._end(Ending.MALFORMED, reason)
        if self.turn >= self.config.max_turns:
            return self._end(Ending.TURN_LIMIT, reason)
        self._note(reason)
        self._feedback = self.template.error_text(detail)
        self.messages.append(Message("user", (f"<tool_response>{self._feedback}</tool_response>",)))
        return Transition(self.pay(self._turn_terms()), False)

    def _end(self, ending: Ending, problem: str) -> Transition:
        self._note(problem)
        self.ending = ending
        paid = self.pay(self._final_terms())
        return Transition({**paid, **self._pay_own()}, True)

    def _note(self, problem: str | None) -> None:
        if problem is not None:
            self.problems.append(problem)
            self.well_formed = False

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
        return self.pay({name: term(self) for name, term in self.rewards.own_terms.items()})

    def pay(self, terms: dict[str, float]) -> dict[str, float]:
        """Adds named terms to the episode's reward and to its last turn's; returns them."""
        for name, value in terms.items():
            self.reward_terms[name] = self.reward_terms.get(name, 0.0) + value
        if self.turn_records:  # an episode may be stopped before its first turn
            last = self.turn_records[-1]
            self.turn_records[-1] = replace(last, reward_terms={**last.reward_terms, **terms})
        return terms
