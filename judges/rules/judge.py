"""`RuleJudge`: decides by rules alone, with no network and no model.

The rules read one final answer out of a prediction and compare it with each reference. What they
cannot read they call undecided: that is a 0 for a judge on its own, and an abstention for a
cascade, which then asks a model (see `judges.combine`). A decided no is final, so it is said only
where both sides were read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache

from judges.base import AnswerKind, Judge, JudgeCase, Verdict
from judges.errors import JudgeError
from judges.parameters import as_count, as_flag, as_number
from judges.rules.choices import letter_of, options_in, pick
from judges.rules.clean import clean, text_key
from judges.rules.dates import moments_match
from judges.rules.final_answer import final_answer
from judges.rules.latex import last_boxed
from judges.rules.lists import (
    any_order,
    brackets_agree,
    is_ordered,
    match_items,
    may_be_list,
    split_items,
    without_equals,
)
from judges.rules.numeric.comparison import quantities_match
from judges.rules.numeric.numbers import parse_reference
from judges.rules.numeric.pairs import is_pair, match_pairs
from judges.rules.numeric.sentences import contradicts_direction, read_number
from judges.rules.question import is_written
from judges.rules.restated import shorter_readings
from judges.rules.similarity import same_text, similar_texts
from judges.rules.symbolic import MathChecker, is_formula, looks_symbolic
from judges.rules.symbolic_guards import comparable
from judges.rules.yes_no import match_yes_no

UNDECIDED = "rule_undecided"
MAX_JSON_CHARS = 4096
"""Longer texts are not looked at as JSON."""
_VERSION = 3  # to be raised with every change of a verdict, so that caches do not give the old one

_DIGITS = re.compile(r"\d+(?:\.\d+)*", re.ASCII)
_FACTORIAL = re.compile(r"\d!\$?$", re.ASCII)
_ASSIGNED = re.compile(r"^([^\W\d]\w*(?:\([^()]*\))?)\s*=\s*(.+)$")
_GROUPING = re.compile(r"[\s().-]+")
_LONG_NUMBER = 7  # digits from which groups of digits are a matter of taste
_VERSION_MARK = re.compile(
    r"^(?:version|release|build|firmware|ver\.?|v\.?|no\.?|number|#)\s?(?=\d)", re.IGNORECASE
)


class RuleJudge(Judge):
    r"""Scores 1.0 for a prediction that says what a reference says, else 0.0.

    Args:
        anls_threshold: Smallest similarity (1 minus the normalised edit distance, in (0, 1]) at
            which longer texts count as equal when they differ by slips of reading alone; 1 asks
            for equality. Texts below five words are always compared exactly, and so are digits,
            names, codes and addresses. (`judges.rules.similarity`)
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
        said = case.prediction.strip()
        if said and said in case.references:
            return True
        record = _json_object(said)
        if record is not None and "answer" not in record:
            # Of a record only what it calls the answer is one: {"score": 1} is not 1.
            return any(_json_object(reference) == record for reference in case.references)
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
        decided = self._match_kind(case, kind, answer, wanted)
        if decided is None:
            for shorter in shorter_readings(answer, case.question):
                if self._match_kind(case, kind, shorter, wanted):
                    return True
        return decided

    def _match_kind(
        self, case: JudgeCase, kind: AnswerKind, answer: str, wanted: str
    ) -> bool | None:
        """Compares one reading of an answer with one reference of a kind."""
        if kind != "choice" and is_pair(wanted, case.question):
            return match_pairs(answer, wanted, case.question)
        if kind == "choice":
            return _match_choice(case, answer, wanted)
        if kind == "yes_no":
            return match_yes_no(answer, wanted, case.question)
        if kind in ("number", "integer"):
            decided = _match_number(case, kind, answer, wanted)
            if decided is not None and not is_formula(answer):
                return decided
        elif kind == "list":
            decided = self._match_list(case, answer, wanted)
        else:
            decided = self._match_text(case, answer, wanted)
        if decided is None and self._math is not None and looks_symbolic(answer, wanted):
            return self._math.equal(answer, wanted) if comparable(answer, wanted) else None
        return decided

    def _match_text(self, case: JudgeCase, answer: str, wanted: str) -> bool | None:
        """Compares dates, times, lists without brackets and texts."""
        if answer == wanted:
            return True
        if ("!" in wanted and _FACTORIAL.search(wanted)) or not brackets_agree(
            answer, wanted, case.question
        ):
            return None  # signs that are no punctuation: 5! is not 5, (0, 9) is not [0, 9)
        if same_text(answer, wanted) or _same_long_number(answer, wanted):
            return True
        moment = moments_match(answer, wanted)
        if moment is not None:
            return moment
        alike = similar_texts(answer, wanted, self._threshold)
        if not alike and may_be_list(wanted) and len(split_items(wanted)) > 1:
            alike = self._match_list(case, answer, wanted) is True
        return True if alike else None

    def _match_list(self, case: JudgeCase, answer: str, wanted: str) -> bool | None:
        """Compares lists item by item, in order where the question or the items ask for one."""
        if not brackets_agree(answer, wanted, case.question):
            return None
        worded = case.kind == "list"
        expected, given = split_items(wanted, worded), split_items(answer, worded)
        if len(expected) != len(given):
            return None if len(given) < 2 or len(expected) < 2 else False

        ordered = is_ordered(case.question, wanted)
        numeric = _all_numbers(expected)

        def same(left: str, right: str) -> bool | None:
            return self._same_item(case, left, right)

        if not ordered and not numeric:
            given, expected = without_equals(given, expected)
        outcome = match_items(given, expected, ordered, same)
        if outcome and not ordered and numeric and not any_order(case.question):
            return True if match_items(given, expected, True, same) else None
        return outcome

    def _same_item(self, case: JudgeCase, answer: str, wanted: str) -> bool | None:
        """Compares two items of a list; None for texts that may be paraphrases."""
        if "=" in wanted and "=" in answer:
            ours, theirs = _ASSIGNED.match(answer), _ASSIGNED.match(wanted)
            if ours and theirs:
                if ours[1] != theirs[1]:
                    return False
                answer, wanted = ours[2], theirs[2]
        expected = parse_reference(wanted)
        if expected is not None:
            given = parse_reference(answer)
            if given is None:
                return None
            return quantities_match(given, expected, case.tolerance, case.question)
        if same_text(answer, wanted) or moments_match(answer, wanted):
            return True
        return True if similar_texts(answer, wanted, self._threshold) else None


def _json_object(text: str) -> dict[str, object] | None:
    """The JSON object that a text is as a whole; None where it is none."""
    if not text.startswith("{") or not text.endswith("}") or len(text) > MAX_JSON_CHARS:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found else None


@lru_cache(maxsize=4096)
def _prepare(reference: str) -> str:
    """Cleans a reference as a prediction is cleaned."""
    wanted = final_answer(reference) or clean(reference)
    return f"{wanted}!" if "!" in reference and _FACTORIAL.search(reference.strip()) else wanted


def _all_numbers(items: Sequence[str]) -> bool:
    return all(parse_reference(item) is not None for item in items)


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
    if (wanted.startswith("[") and wanted.endswith("]")) or ";" in wanted:
        return "list"
    return "text"


def _match_choice(case: JudgeCase, answer: str, wanted: str) -> bool | None:
    """Compares by letter and text; a letter and a text that disagree are wrong."""
    choices = case.choices or options_in(case.question)
    expected = pick(wanted, choices, case.question)
    if not expected or answer.casefold() == wanted.casefold():
        return True if answer.casefold() == wanted.casefold() else None
    given = pick(answer, choices, case.question)
    if not given:
        return None
    if given <= expected and _same_options(expected, choices):
        return True
    return False if given.isdisjoint(expected) else None


def _same_options(indices: frozenset[int], choices: tuple[str, ...] | None) -> bool:
    """True when the options meant are one, or are equal in text."""
    return len(indices) == 1 or (
        choices is not None and len({text_key(choices[index]) for index in indices}) == 1
    )


def _match_number(case: JudgeCase, kind: AnswerKind, answer: str, wanted: str) -> bool | None:
    """Compares numbers; undecided when the answer holds none, several, or a doubt."""
    question = case.question
    if is_written(question):
        answer = _VERSION_MARK.sub("", answer)
    expected = parse_reference(wanted)
    if expected is None:
        return True if same_text(answer, wanted) else None
    given = read_number(
        answer, question, counted=kind == "integer" or "how many" in question.lower()
    )
    if given is None:
        return None
    decided = quantities_match(given, expected, case.tolerance, question)
    if not decided:
        return (
            None
            if decided is False and contradicts_direction(answer, question, expected)
            else decided
        )
    if is_written(question) and not _written_alike(answer, wanted):
        return None  # version 3.10 is not 3.1
    return True


def _same_long_number(answer: str, wanted: str) -> bool:
    """True for one telephone number or ISBN in two groupings."""
    if not (answer[-1:].isdigit() and answer[-1:] == wanted[-1:]):
        return False
    ours, theirs = (_GROUPING.sub("", text) for text in (answer, wanted))
    return ours == theirs and len(ours) >= _LONG_NUMBER and ours.isdigit()


def _written_alike(answer: str, wanted: str) -> bool:
    """True when the digits of the reference stand in the answer as they are written there."""
    digits = _DIGITS.findall(wanted.replace(",", ""))
    return not digits or digits[-1] in _DIGITS.findall(answer.replace(",", ""))
