"""How an answer is scored. Knows no environment and no torch."""

from judges.base import (
    ANSWER_KINDS,
    JUDGES,
    AnswerKind,
    Judge,
    JudgeCase,
    Usage,
    Verdict,
    make_judge,
    register_judge,
)
from judges.errors import JudgeError, UnknownNameError, VisionThinkError
from judges.rule import RuleJudge

if "rule" not in JUDGES:
    register_judge("rule", RuleJudge)

__all__ = [
    "ANSWER_KINDS",
    "JUDGES",
    "AnswerKind",
    "Judge",
    "JudgeCase",
    "JudgeError",
    "RuleJudge",
    "UnknownNameError",
    "Usage",
    "Verdict",
    "VisionThinkError",
    "make_judge",
    "register_judge",
]
