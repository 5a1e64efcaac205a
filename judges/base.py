"""What a judge is: cases in, verdicts out, batch first, in order.

A judge sees text only: the question, the accepted references and the predicted answer. It never
sees the image (VisionThink, arXiv 2507.13348, section 3.2), so a verdict is about the words.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from judges.errors import JudgeError, UnknownNameError
from judges.registry import Registry, check_parameters

AnswerKind = Literal["text", "number", "integer", "choice", "yes_no", "list"]
ANSWER_KINDS: tuple[AnswerKind, ...] = get_args(AnswerKind)


@dataclass(frozen=True)
class JudgeCase:
    """One answer to be judged.

    Attributes:
        question: The question as the policy saw it.
        references: Accepted answers, at least one; matching any of them is right.
        prediction: The policy's answer, without tags. Untrusted text of any length.
        kind: What sort of answer is expected; None lets the judge find out from the references.
        choices: The options of a multiple-choice question in order (A, B, …), else None.
        tolerance: Absolute tolerance for numbers. None: integers are exact, other numbers are
            right when they agree to the reference's own decimals.
    """

    question: str
    references: tuple[str, ...]
    prediction: str
    kind: AnswerKind | None = None
    choices: tuple[str, ...] | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if not self.references:
            raise JudgeError("A JudgeCase needs at least one reference answer.")
        if self.kind is not None and self.kind not in ANSWER_KINDS:
            raise UnknownNameError("answer kind", str(self.kind), ANSWER_KINDS)
        if self.tolerance is not None and not 0 <= self.tolerance < math.inf:
            raise JudgeError(f"tolerance must be at least 0 and finite, got {self.tolerance!r}.")


@dataclass(frozen=True)
class Usage:
    """What a verdict cost.

    Attributes:
        prompt_tokens: Tokens read by the judging model.
        completion_tokens: Tokens written by the judging model.
        calls: Requests sent, retries included.
        retries: Requests sent because an earlier one for the case failed.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    calls: int = 0
    retries: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.calls + other.calls,
            self.retries + other.retries,
        )


@dataclass(frozen=True)
class Verdict:
    """A judge's decision on one case.

    Exactly one of `score` and `abstained` is set: an abstention is not a 0.

    Attributes:
        score: In [0, 1]; 1 is right. None when the judge abstained.
        abstained: Why there is no score, as a short name such as ``"timeout"``; else None.
        judge: Name of the judge that decided.
        cached: True when the verdict came from a cache.
        usage: What the verdict cost; zero for judges that call nothing.
    """

    score: float | None
    abstained: str | None = None
    judge: str = ""
    cached: bool = False
    usage: Usage = Usage()

    def __post_init__(self) -> None:
        if (self.score is None) == (self.abstained is None):
            raise JudgeError("A Verdict has either a score or a reason for abstaining, not both.")
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise JudgeError(f"A Verdict's score lies in [0, 1], got {self.score!r}.")

    @property
    def correct(self) -> bool | None:
        """True from a score of 0.5 up, False below, None when the judge abstained."""
        return None if self.score is None else self.score >= 0.5


Tell = Callable[[Mapping[int, Verdict]], None]
"""Told verdicts as they come, each by its case's place in the batch, and each once."""


@runtime_checkable
class JudgeLike(Protocol):
    """What is enough to judge: a name, and verdicts on cases; see `Judge` for what is promised."""

    @property
    def name(self) -> str:
        """Short stable name, recorded in each verdict."""
        ...

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """Judges a batch; returns verdicts in the order of `cases`."""
        ...


class Judge(ABC):
    """Anything that turns cases into verdicts; `name` and `judge` are its own, the rest defaults.

    `judge` returns one verdict a case, in the order of the cases, and does not raise because of
    what a case says. A verdict depends on its own case alone, never on its neighbours.

    What has a name and `judge` alone (`JudgeLike`) is taken wherever a judge is; `as_judge` gives
    it the rest.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Short stable name, recorded in each verdict."""

    @abstractmethod
    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """Judges a batch; returns verdicts in the order of `cases`."""

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:  # noqa: ARG002
        """Judges a batch; a judge that can tells verdicts as they come, in the caller's thread.

        Call `judges.base.judge_each`, which tells the rest at the end.
        """
        return self.judge(cases)

    @property
    def fingerprint(self) -> str:
        """What the verdicts depend on beside the case, as the key of a cache; else the name."""
        return self.name

    def check(self) -> None:  # noqa: B027 (a default, not a duty)
        """Finds out whether the judge can work at all, before a run starts on it.

        Raises:
            JudgeError: Saying what is wrong and what to do.
        """

    def close(self) -> None:  # noqa: B027
        """Frees what the judge holds."""


class _Completed(Judge):
    """Somebody's judge that is no `Judge`: what it has is asked, what it lacks is the default."""

    def __init__(self, judge: JudgeLike) -> None:
        self._judge: Any = judge

    @property
    def name(self) -> str:
        return str(self._judge.name)

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        verdicts: list[Verdict] = self._judge.judge(cases)
        return verdicts

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
        stream = getattr(self._judge, "judge_each", None)
        verdicts: list[Verdict] = self.judge(cases) if stream is None else stream(cases, tell)
        return verdicts

    @property
    def fingerprint(self) -> str:
        return str(getattr(self._judge, "fingerprint", self.name))

    def check(self) -> None:
        getattr(self._judge, "check", super().check)()

    def close(self) -> None:
        getattr(self._judge, "close", super().close)()


def as_judge(judge: JudgeLike) -> Judge:
    """The judge itself, or a whole one around what has a name and `judge` alone."""
    return judge if isinstance(judge, Judge) else _Completed(judge)


def judge_each(judge: JudgeLike, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
    """Judges a batch, and tells each verdict as soon as there is one.

    Verdicts that the judge's own `judge_each` does not tell are told together at the end.

    Args:
        judge: The judge.
        cases: The batch.
        tell: Told every verdict. What it was told is kept when the batch breaks off.

    Returns:
        One verdict a case, in the order of `cases`.

    Raises:
        JudgeError: If the judge does not give one verdict a case.
    """
    told = set[int]()

    def hear(found: Mapping[int, Verdict]) -> None:
        told.update(found)
        tell(found)

    verdicts = as_judge(judge).judge_each(cases, hear)
    if len(verdicts) != len(cases):
        raise JudgeError(
            f"The judge {judge.name} gave {len(verdicts)} verdicts on {len(cases)} "
            "cases; it must give one a case."
        )
    rest = {place: verdict for place, verdict in enumerate(verdicts) if place not in told}
    if rest:
        tell(rest)
    return verdicts


JUDGES = Registry[Callable[..., JudgeLike]]("judge")
"""What makes judges, by name: classes and functions whose arguments are the judge's settings."""


def make_judge(judge: str | JudgeLike | Mapping[str, Any], /, **kwargs: Any) -> Judge:
    """Returns a judge: the one given, or one that is made with `kwargs`.

    A name is one in `JUDGES`, or ``module:attribute``. A mapping holds a ``name`` and the keyword
    arguments, as settings files do.

    Raises:
        UnknownNameError: If no judge has this name; suggests the closest.
        ParameterError: If the judge has no such setting (suggests the closest), or lacks one.
        PluginError: If the module of ``module:attribute`` cannot be imported.
        JudgeError: If `judge` is neither a name nor a judge, or what is made is none.
    """
    if isinstance(judge, Mapping):
        settings = {**judge, **kwargs}
        name = settings.pop("name", None)
        if not isinstance(name, str):
            raise JudgeError("A judge given as a mapping needs a 'name'.")
        return make_judge(name, **settings)
    if isinstance(judge, str):
        factory = JUDGES.find(judge)
        check_parameters(f"judge {judge!r}", factory, kwargs)
        made = factory(**kwargs)
        if not isinstance(made, JudgeLike):
            raise JudgeError(f"{judge!r} made a {type(made).__name__}, which is no judge.")
        return as_judge(made)
    if not isinstance(judge, JudgeLike):
        raise JudgeError(f"Expected a judge or the name of one, got {type(judge).__name__}.")
    if kwargs:
        raise JudgeError("Keyword arguments go with a judge's name, not with a judge object.")
    return as_judge(judge)


def check_judge(judge: JudgeLike) -> None:
    """Lets a judge find out whether it can work at all, before a run starts on it.

    Raises:
        JudgeError: Saying what is wrong and what to do.
    """
    as_judge(judge).check()
