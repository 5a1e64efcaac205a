"""How long the parser takes over a megabyte of hostile text.

    python -m benchmarks.speed.parser

Prints the slowest of many patterns that are known to make parsers quadratic, in milliseconds.
"""

from __future__ import annotations

import itertools
import time

from vt_env import Request, parse, to_text

MEGABYTE = 2**20
BOUND = 50.0
"""Milliseconds that a megabyte may take."""
PATTERNS = {
    "open_tags": "<think>",
    "closing_tags": "</answer>",
    "closing_both": "</think></answer>",
    "half_tags": "<tool_cal<answe<thin",
    "half_closing_tags": "</tool_cal</answe</thin",
    "angles": "<",
    "slashes": "</",
    "answers": "<answer>x</answer>",
    "calls": to_text(Request()),
    "tags_in_turn": "<think><answer><tool_call>",
    "braces": "{[",
    "quotes": '"\\',
    "objects": '{"a":',
    "digits": "9",
    "spaces": " ",
    "wide_spaces": "\u2003\n",
    "surrogates": "\ud800",
    "plain": "a",
}
PLACES = {
    "alone": "{}",
    "thought": "<think>{}</think><answer>x</answer>",
    "answer": "<think>x</think><answer>{}</answer>",
    "call": "<think>x</think><tool_call>{}</tool_call>",
    "before": "{}<think>x</think><answer>x</answer>",
    "between": "<think>x</think>{}<answer>x</answer>",
    "after": "<think>x</think><answer>x</answer>{}",
    "unclosed": "<think>x</think><answer>{}",
}


def hostile(pattern: str, place: str, length: int) -> str:
    """A named pattern repeated to `length` characters, at a named place of a turn."""
    unit = PATTERNS[pattern]
    text = (unit * (length // len(unit) + 1))[:length]
    before, _, after = PLACES[place].partition("{}")
    return before + text + after


def seconds_to_parse(text: str) -> float:
    """Time that one reading takes."""
    start = time.perf_counter()
    parse(text)
    return time.perf_counter() - start


def slowest(rounds: int = 3) -> tuple[float, str, str]:
    """Milliseconds of the slowest megabyte (the best of some rounds), its pattern and place."""
    found = []
    for pattern, place in itertools.product(PATTERNS, PLACES):
        text = hostile(pattern, place, MEGABYTE)
        best = min(seconds_to_parse(text) for _ in range(rounds))
        found.append((best * 1e3, pattern, place))
    return max(found)


def main() -> None:
    """Prints the slowest; exits with 1 when it takes longer than the bound."""
    milliseconds, pattern, place = slowest()
    count = len(PATTERNS) * len(PLACES)
    print(
        f"1 MB of hostile text, the slowest of {count} ({pattern}, {place}): "
        f"{milliseconds:.1f} ms   <= {BOUND:g} ms"
    )
    if milliseconds > BOUND:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
