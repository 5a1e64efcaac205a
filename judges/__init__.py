"""How an answer is scored. Knows no environment and no torch."""

from judges.abstention import AbstentionLimit, kept_in_group
from judges.audit import Agreement, agreement, audit
from judges.base import (
    ANSWER_KINDS,
    JUDGES,
    AnswerKind,
    Judge,
    JudgeCase,
    JudgeLike,
    Usage,
    Verdict,
    as_judge,
    check_judge,
    make_judge,
    register_judge,
)
from judges.cache import CachedJudge, ReplayJudge
from judges.combine import CascadeJudge, MajorityJudge, llm_judge, replay_judge, rule_then_llm
from judges.errors import (
    AbstentionLimitError,
    CacheMissError,
    EndpointError,
    JudgeError,
    ServeError,
    UnknownNameError,
    VisionThinkError,
)
from judges.llm.judge import LLMJudge
from judges.queue import JudgeQueue
from judges.records import EpisodeRecord, TurnRecord, read_cases
from judges.rules.judge import RuleJudge
from judges.store import VerdictStore

for _name, _factory in (
    ("rule", RuleJudge),
    ("llm", llm_judge),
    ("rule_then_llm", rule_then_llm),
    ("majority", MajorityJudge),
    ("replay", replay_judge),
):
    if _name not in JUDGES:
        register_judge(_name, _factory)

__all__ = [
    "ANSWER_KINDS",
    "JUDGES",
    "AbstentionLimit",
    "AbstentionLimitError",
    "Agreement",
    "AnswerKind",
    "CacheMissError",
    "CachedJudge",
    "CascadeJudge",
    "EndpointError",
    "EpisodeRecord",
    "Judge",
    "JudgeCase",
    "JudgeError",
    "JudgeLike",
    "JudgeQueue",
    "LLMJudge",
    "MajorityJudge",
    "ReplayJudge",
    "RuleJudge",
    "ServeError",
    "TurnRecord",
    "UnknownNameError",
    "Usage",
    "Verdict",
    "VerdictStore",
    "VisionThinkError",
    "agreement",
    "as_judge",
    "audit",
    "check_judge",
    "kept_in_group",
    "make_judge",
    "read_cases",
    "register_judge",
    "rule_then_llm",
]
