"""`RuleJudge`: decides by rules alone, with no network and no model.

The rules read one final answer out of a prediction and compare it with each reference. What they
cannot read they call undecided: that is a 0 for a judge on its own, and an abstention for a
cascade, which then asks a model (see `judges.combine`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from judges.base import AnswerKind, JudgeCase, Verdict
from judges.errors import JudgeError
from judges.rules.choices import letter_of, options_in, pick
from judges.rules.dates import moments_match
from judges.rules.final_answer import clean, final_answer, last_boxed, strip_marks, text_key
from judges.rules.lists import is_ordered, match_items, split_items
from judges.rules.numbers import (
    Quantity,
    find_quantities,
    parse_quantity,
    parse_reference,
    quantities_match,
)
from judges.rules.similarity import similar_texts
from judges.rules.symbolic import MathChecker, is_formula, looks_symbolic
from judges.settings import as_count, as_flag, as_number

UNDECIDED = "rule_undecided"
_VERSION = 1  # to be raised with every change of a verdict, so that caches do not give the old one

_YES = frozenset({"yes", "y", "true", "yeah", "yep", "correct"})
_NO = frozenset({"no", "n", "false", "nope", "incorrect"})
_YES_NO_WORD = re.compile(r"\b(yes|true|yeah|yep|no|false|nope|not)\b", re.IGNORECASE)
_DOUBT = re.compile(
    r"\b(?:not|no|never|neither|nor|or|either|cannot|can't|isn't|wasn't|aren't|don't|doesn't|"
    r"rather|instead|except|but|wrong|incorrect|less|more|fewer|greater|under|over|below|above|"
    r"between|unless|maybe|perhaps|possibly|unknown|unclear|unsure|at (?:least|most)|up to|twice|"
    r"thrice|doubled?|tripled?|half|squared|cubed|root|sqrt|log|ln|sin|cos|tan|pi)\b|"
    r"[<>≤≥≠?±√π‰|]|\\[a-z]|\d\s?[-+*/^!]\s?\d|\d\+(?!\d)",
    re.IGNORECASE,
)
_SHARE = re.compile(
    r"%|\b(?:percent\w*|per cent|share|proportion|fraction|ratio|rate|probability|portion)\b",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"\b(?:how (?:many|much|old|long|far|tall|big|large|wide|deep|high|heavy)|number of|count|"
    r"year|age|temperature|price|cost)\b",
    re.IGNORECASE,
)


class RuleJudge:
    r"""Scores 1.0 for a prediction that says what a reference says, else 0.0.

    Args:
        anls_threshold: Smallest similarity (1 minus the normalised edit distance, in (0, 1]) at
            which short texts count as equal; 1 asks for equality. Digits, first letters and
            words of up to four letters are always exact.
        abstain_when_undecided: Abstain with `UNDECIDED` in place of 0 when the rules cannot read
            the prediction, so that another judge may decide.
        max_chars: Predictions longer than this, white space collapsed, are undecided unless they
            hold a ``\boxed{}``.
        symbolic: Compare LaTeX and formulas with `math-verify` where it is installed, in a
            process of its own.

    Raises:
        JudgeError: If an argument is out of its range.
    """

    def __init__(
        self,
        anls_threshold: float = 0.85,
        abstain_when_undecided: bool = False,
        max_chars: int = 2000,
        symbolic: bool = True,
    ) -> None:
        self._threshold = as_number("anls_threshold", anls_threshold, 0.0)
        if self._threshold > 1.0:
            raise JudgeError(f"anls_threshold lies in (0, 1], got {anls_threshold!r}.")
        self._max_chars = as_count("max_chars", max_chars, 1)
        self._math = MathChecker() if as_flag("symbolic", symbolic) else None
        undecided = (
            Verdict(None, UNDECIDED, self.name)
            if as_flag("abstain_when_undecided", abstain_when_undecided)
            else Verdict(0.0, None, self.name)
        )
        self._verdicts: dict[bool | None, Verdict] = {
            True: Verdict(1.0, None, self.name),
            False: Verdict(0.0, None, self.name),
            None: undecided,
        }

    @property
    def name(self) -> str:
        """Always ``"rule"``."""
        return "rule"

    @property
    def fingerprint(self) -> str:
        """The rules' version and settings; part of a cache's key."""
        alone = self._verdicts[None].abstained is None
        settings = (self._threshold, alone, self._max_chars, self._math is not None)
        return "|".join(("rule", str(_VERSION), *map(str, settings)))

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """Judges each case on its own; returns verdicts in the order of `cases`."""
        return [self._verdicts[self.decide(case)] for case in cases]

    def decide(self, case: JudgeCase) -> bool | None:
        """Returns whether the prediction is right; None when the rules cannot tell."""
        answer = self._answer(case.prediction)
        if not answer:
            return False if answer is not None else None
        outcome: bool | None = False
        for reference in case.references:
            decided = self._match(case, answer, reference)
            if decided:
                return True
            if decided is None:
                outcome = None
        return outcome

    def close(self) -> None:
        """Stops the process for symbolic mathematics, if one was started."""
        if self._math is not None:
            self._math.close()

    def _answer(self, prediction: str) -> str | None:
        """Reads the final answer; "" for an empty prediction, None for an overlong one."""
        if len(prediction) > self._max_chars:
            prediction = clean(prediction)
            if len(prediction) > self._max_chars:
                boxed = last_boxed(prediction)
                if boxed is None or len(boxed) > self._max_chars:
                    return None
                prediction = boxed
        return final_answer(prediction)

    def _match(self, case: JudgeCase, answer: str, reference: str) -> bool | None:
        """Compares a final answer with one reference, by the kind of answer expected."""
        wanted = _prepare(reference)
        kind = case.kind or _infer_kind(case, wanted)
        if kind == "choice":
            return _match_choice(case, answer, wanted)
        if kind == "yes_no":
            return _match_yes_no(answer, wanted)
        if kind in ("number", "integer"):
            decided = _match_number(case, kind, answer, wanted)
            if not is_formula(answer):
                return decided
        elif kind == "list":
            decided = self._match_list(case, answer, wanted)
        else:
            decided = self._match_text(case, answer, wanted)
        if decided is None and self._math is not None and looks_symbolic(answer, wanted):
            return self._math.equal(case.prediction, reference)
        return decided

    def _match_text(self, case: JudgeCase, answer: str, wanted: str) -> bool | None:
        """Compares dates, times, lists without brackets and short texts."""
        if text_key(answer) == text_key(wanted) and text_key(wanted):
            return True
        if answer == wanted:
            return True
        moment = moments_match(answer, wanted)
        if moment is not None:
            return moment
        if similar_texts(answer, wanted, self._threshold):
            return True
        if len(split_items(wanted)) > 1 and self._match_list(case, answer, wanted):
            return True
        return None

    def _match_list(self, case: JudgeCase, answer: str, wanted: str) -> bool | None:
        """Compares lists item by item, in order only where the question asks for an order."""
        expected, given = split_items(wanted), split_items(answer)
        if len(expected) != len(given):
            return None if len(given) < 2 else False

        def same(left: str, right: str) -> bool:
            return self._same_item(case, left, right)

        return match_items(given, expected, is_ordered(case.question, wanted), same)

    def _same_item(self, case: JudgeCase, answer: str, wanted: str) -> bool:
        """Compares two items of a list."""
        expected = parse_reference(wanted)
        if expected is not None:
            given = parse_quantity(answer)
            return given is not None and bool(quantities_match(given, expected, case.tolerance))
        return (
            text_key(answer) == text_key(wanted)
            or bool(moments_match(answer, wanted))
            or similar_texts(answer, wanted, self._threshold)
        )


@lru_cache(maxsize=65536)
def _prepare(reference: str) -> str:
    """Cleans a reference as a prediction is cleaned."""
    return final_answer(reference) or clean(reference)


def _infer_kind(case: JudgeCase, wanted: str) -> AnswerKind:
    """Finds out what sort of answer a reference is."""
    if case.choices is not None:
        return "choice"
    if parse_reference(wanted) is not None:
        is_code = wanted.isdigit() and len(wanted) > 1 and wanted.startswith("0")
        return "text" if is_code else "number"  # "007" is a code
    if wanted.lower() in ("yes", "no", "true", "false"):
        return "yes_no"
    if letter_of(wanted) is not None and options_in(case.question):
        return "choice"
    if wanted.startswith("[") or ";" in wanted:
        return "list"
    return "text"


def _match_choice(case: JudgeCase, answer: str, wanted: str) -> bool | None:
    """Compares by letter and text; a letter and a text that disagree are wrong."""
    choices = case.choices or options_in(case.question)
    expected = pick(wanted, choices)
    given = pick(answer, choices)
    if expected is None:
        return True if text_key(answer) == text_key(wanted) else None
    return None if given is None else given == expected


def _match_yes_no(answer: str, wanted: str) -> bool | None:
    """Compares a yes or a no; undecided when the answer says both or neither."""
    expected = wanted.lower() in _YES
    if not expected and wanted.lower() not in _NO:
        return True if text_key(answer) == text_key(wanted) else None
    word = strip_marks(answer).lower()
    if word in _YES or word in _NO:
        return (word in _YES) == expected
    said = {found.lower() in _YES for found in _YES_NO_WORD.findall(answer)}
    first = re.match(r"(?:yes|no|true|false)\b(?=\s*[,.;:!-]|$)", answer, re.IGNORECASE)
    if first is None or len(said) != 1:
        return None
    return (first.group().lower() in _YES) == expected


def _match_number(case: JudgeCase, kind: AnswerKind, answer: str, wanted: str) -> bool | None:
    """Compares numbers; undecided when the answer holds none, several, or a doubt."""
    expected = parse_reference(wanted)
    if expected is None:
        return True if text_key(answer) == text_key(wanted) else None
    given = parse_quantity(answer)
    if given is None:
        given = _only_number(answer, case.question)
    if given is None:
        return None
    about_share = _SHARE.search(case.question) is not None
    shares = about_share or (kind == "number" and _COUNT.search(case.question) is None)
    return quantities_match(given, expected, case.tolerance, fraction_for_percent=shares)


def _only_number(answer: str, question: str) -> Quantity | None:
    """Returns the one number of a sentence, numbers of the question aside; None if unclear."""
    if len(answer) > 300 or _DOUBT.search(answer):
        return None
    found = {quantity.value: quantity for quantity in find_quantities(answer)}
    if len(found) > 1:
        for known in find_quantities(clean(question)):
            found.pop(known.value, None)
    return next(iter(found.values())) if len(found) == 1 else None
