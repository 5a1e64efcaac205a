"""The child process of `judges.rules.symbolic`: JSON lines in, JSON lines out.

Run as a script, never imported: it reads ``[reference, prediction]`` and answers
``{"equal": true}`` or ``{"equal": false}``. Its parent bounds the time and kills it when late.
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Answers until standard input ends."""
    from math_verify import parse, verify

    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        reference, prediction = json.loads(line)
        try:
            gold = parse(_as_latex(reference), parsing_timeout=None)
            answer = parse(_as_latex(prediction), parsing_timeout=None)
            equal = bool(gold and answer and verify(gold, answer, timeout_seconds=None))
        except Exception:
            equal = False
        print(json.dumps({"equal": equal}), flush=True)


def _as_latex(text: str) -> str:
    """Marks a bare formula as one, since the parser looks for marked ones first."""
    return text if "$" in text or "\\boxed" in text or "\\(" in text else f"${text}$"


if __name__ == "__main__":
    main()
