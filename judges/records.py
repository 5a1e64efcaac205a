"""Finished episodes as lines of JSON: the one schema of every file called episodes.jsonl.

Whoever plays (`vt_env.wrappers.RecordTrajectories`, ``visionthink train``, ``visionthink eval``)
writes `EpisodeRecord`s; `read_cases` reads the answers in them, so that they can be judged again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from judges.base import JudgeCase
from judges.errors import JudgeError, UnknownNameError


@dataclass(frozen=True)
class TurnRecord:
    """One turn of an episode.

    Attributes:
        action: What the policy wrote.
        feedback: What the tool had said before it; empty in the first turn.
        reward_terms: Named terms of the turn's reward.
        tool: Name of the tool that the turn called, where it showed something; else None.
        image: File of the image seen before it, beside the records; None where images are not kept.
    """

    action: str
    feedback: str
    reward_terms: Mapping[str, float] = field(default_factory=dict)
    tool: str | None = None
    image: str | None = None


@dataclass(frozen=True)
class EpisodeRecord:
    """One episode that is over.

    Attributes:
        episode: Its number in the file, from 0.
        sample_id: Which sample was played.
        family: Family of the sample.
        question: The question, without the letters of its options.
        references: The accepted answers.
        kind: Sort of answer, or None.
        choices: The options, or None.
        tolerance: Absolute tolerance for numbers, or None.
        prediction: The policy's answer; None where there was none to judge.
        score: The judge's, in [0, 1]; None where it abstained or was not asked.
        abstained: Why the judge gave no score, or None.
        correct: Whether the episode came to a right answer; None where the judge abstained,
            or the episode was cut short.
        needs_high_res: Label of the sample; None when undecided or unknown.
        requested: Whether another image was delivered.
        well_formed: Whether every turn kept the format.
        problems: Names of the faults, in order.
        ending: How the episode ended; None where a wrapper's time limit cut it short.
        reward: The return: sum of the terms.
        reward_terms: Named terms of the return.
        visual_tokens: Visual tokens delivered.
        full_tokens: Visual tokens of one pass at full resolution.
        turns: The turns, in order.
    """

    episode: int
    sample_id: str
    family: str
    question: str
    references: tuple[str, ...]
    kind: str | None
    choices: tuple[str, ...] | None
    tolerance: float | None
    prediction: str | None
    score: float | None
    abstained: str | None
    correct: bool | None
    needs_high_res: bool | None
    requested: bool
    well_formed: bool
    problems: tuple[str, ...]
    ending: str | None
    reward: float
    reward_terms: Mapping[str, float]
    visual_tokens: int
    full_tokens: int
    turns: tuple[TurnRecord, ...]

    def to_line(self) -> str:
        """The record as a line of JSON, its rewards rounded to six decimals."""
        return json.dumps(_rounded(asdict(self))) + "\n"


def _rounded(value: Any) -> Any:
    """Rounds what belongs to rewards; scores and tolerances are given as they are."""
    terms = {name: round(term, 6) for name, term in value["reward_terms"].items()}
    turns = [
        {**turn, "reward_terms": {n: round(term, 6) for n, term in turn["reward_terms"].items()}}
        for turn in value["turns"]
    ]
    return {**value, "reward": round(value["reward"], 6), "reward_terms": terms, "turns": turns}


def case_from_record(record: dict[str, Any]) -> JudgeCase:
    """Builds a case from a record.

    Args:
        record: With ``question``, ``references`` (or one ``answer``) and ``prediction``;
            ``kind``, ``choices`` and ``tolerance`` where they are known. Other fields are ignored.

    Raises:
        JudgeError: If a field is missing or of the wrong type.
    """
    references = record.get("references", record.get("answer"))
    if isinstance(references, (str, int, float)) and not isinstance(references, bool):
        references = [references]
    texts = (record.get("question"), record.get("prediction"))
    if not isinstance(references, list) or not all(isinstance(text, str) for text in texts):
        raise JudgeError("A record to be judged needs question, references and prediction.")
    choices = record.get("choices")
    try:
        return JudgeCase(
            question=record["question"],
            references=tuple(str(reference) for reference in references),
            prediction=record["prediction"],
            kind=record.get("kind"),
            choices=tuple(str(choice) for choice in choices) if choices is not None else None,
            tolerance=record.get("tolerance"),
        )
    except (TypeError, UnknownNameError) as error:
        raise JudgeError(f"A record cannot be judged: {error}") from error


def read_cases(path: str | Path) -> list[JudgeCase]:
    """Reads cases from a JSONL file of records, one object a line.

    A record whose prediction is null is of an episode without an answer, which nobody judged; it
    is left out.

    Raises:
        JudgeError: If the file cannot be read, or a line is no record; says which.
    """
    try:
        lines: Iterable[str] = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise JudgeError(f"Cannot read the records {path}: {error}") from error
    cases = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise JudgeError("it is no JSON object.")
            if record.get("prediction", "") is not None:
                cases.append(case_from_record(record))
        except (ValueError, JudgeError) as error:
            raise JudgeError(f"{path}, line {number}: {error}") from error
    return cases
