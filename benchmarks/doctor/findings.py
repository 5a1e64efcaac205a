"""What the doctor says: findings, each with its evidence and with a setting to try."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["ok", "warning", "problem"]
ORDER: tuple[Severity, ...] = ("problem", "warning", "ok")
"""The worst first."""


@dataclass(frozen=True)
class Finding:
    """Something that was looked at.

    Attributes:
        name: What it is.
        severity: Whether it is well.
        evidence: The numbers, in a sentence.
        advice: What to try, with settings by their options; empty where all is well.
    """

    name: str
    severity: Severity
    evidence: str
    advice: str = ""

    def record(self) -> dict[str, Any]:
        """The finding as JSON has it."""
        return asdict(self)

    def sentence(self) -> str:
        """The finding in a line."""
        return f"{self.severity}: {self.name}: {self.evidence} {self.advice}".rstrip()


def worst(findings: Iterable[Finding]) -> Severity:
    """The worst severity; ``"ok"`` of no findings."""
    found = {finding.severity for finding in findings}
    return next((severity for severity in ORDER if severity in found), "ok")
