"""How an answer is scored. Knows no environment and no torch."""

from judges.abstention import AbstentionLimit, kept_in_group
from judges.audit import Agreement, agreement, audit, format_agreement
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
)
from judges.cache import CachedJudge, ReplayJudge
from judges.combine import (
    CascadeJudge,
    MajorityJudge,
    close_all,
    llm_judge,
    replay_judge,
    rule_then_llm,
)
from judges.errors import (
    AbstentionLimitError,
    CacheMissError,
    ConfigError,
    EndpointError,
    JudgeError,
    ParameterError,
    PluginError,
    RegistryError,
    ServeError,
    UnknownNameError,
    VisionThinkError,
)
from judges.faces import lazy_face
from judges.flipped import FlippedJudge
from judges.llm.bounds import ReplyBounds, ReplyError
from judges.llm.judge import LLMJudge
from judges.plugins import load_plugins, plugin_names
from judges.queue import JudgeQueue
from judges.records import EpisodeRecord, TurnRecord, read_cases
from judges.registry import Registry, check_parameters, is_reference, short_name
from judges.rules.judge import RuleJudge
from judges.store import VerdictStore

for _name, _factory in (
    ("rule", RuleJudge),
    ("llm", llm_judge),
    ("rule_then_llm", rule_then_llm),
    ("majority", MajorityJudge),
    ("flipped", FlippedJudge),
    ("replay", replay_judge),
):
    JUDGES.register(_name, _factory)

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
    "ConfigError",
    "EndpointError",
    "EpisodeRecord",
    "FlippedJudge",
    "Judge",
    "JudgeCase",
    "JudgeError",
    "JudgeLike",
    "JudgeQueue",
    "LLMJudge",
    "MajorityJudge",
    "ParameterError",
    "PluginError",
    "Registry",
    "RegistryError",
    "ReplayJudge",
    "ReplyBounds",
    "ReplyError",
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
    "check_parameters",
    "close_all",
    "format_agreement",
    "is_reference",
    "kept_in_group",
    "lazy_face",
    "load_plugins",
    "make_judge",
    "plugin_names",
    "read_cases",
    "rule_then_llm",
    "short_name",
]
