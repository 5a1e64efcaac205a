"""The tokens of a trajectory as pieces of text, with what training made of each; pure functions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents.rollouts.trajectory import Trajectory

HELD = 4
"""Tokens that a character can be spread over in a byte-level vocabulary."""
BROKEN = "\ufffd"
"""What is decoded where a character is not whole."""


@dataclass(frozen=True)
class Piece:
    """A sampled token, or a run of tokens that were given.

    Attributes:
        text: What it says; empty of an image, and of a token whose character a later one ends.
        sampled: Whether the policy sampled it: the loss mask.
        logprob: Its log-probability under the sampler, in nats; None where it was given.
        advantage: What its gradient is weighed by; None where it was given, and where the judge
            abstained.
        image_tokens: Visual tokens, where it is an image; else 0.
    """

    text: str
    sampled: bool = False
    logprob: float | None = None
    advantage: float | None = None
    image_tokens: int = 0


def pieces(
    trajectory: Trajectory, decode: Callable[[Sequence[int]], str], image_pad: int
) -> list[Piece]:
    """Cuts a trajectory into pieces, in order: each sampled token is one.

    Args:
        trajectory: With advantages, or without.
        decode: The text of token ids, special tokens kept.
        image_pad: Id of the image placeholder.
    """
    advantages = itertools.chain.from_iterable(
        itertools.repeat(None if trajectory.advantage is None else value, count)
        for value, count in trajectory.credits
    )
    rows = zip(trajectory.ids, trajectory.mask, trajectory.logprobs, strict=True)
    counts = iter(trajectory.image_tokens)
    found: list[Piece] = []
    for sampled, run in itertools.groupby(rows, key=lambda row: bool(row[1])):
        ids, _, logprobs = zip(*run, strict=True)
        if sampled:
            texts = _one_by_one(ids, decode)
            told = zip(texts, logprobs, advantages, strict=False)  # advantages go on
            found += [Piece(text, True, logprob, advantage) for text, logprob, advantage in told]
        else:
            found += _given(ids, decode, image_pad, counts)
    return found


def _given(
    ids: Sequence[int],
    decode: Callable[[Sequence[int]], str],
    image_pad: int,
    counts: Iterator[int],
) -> Iterator[Piece]:
    """Texts and images that were given, in order."""
    for is_image, run in itertools.groupby(ids, key=lambda token: token == image_pad):
        tokens = list(run)
        left = len(tokens) if is_image else 0
        while left > 0:  # images that follow each other have their pads in one run
            count = min(left, next(counts, left))
            yield Piece("", image_tokens=count)
            left -= count
        if not is_image:
            yield Piece(decode(tokens))


def _one_by_one(ids: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[str]:
    """The text of each token; a character of several tokens is the last one's."""
    texts: list[str] = []
    held: list[int] = []
    for number, token in enumerate(ids):
        held.append(token)
        text = decode(held)
        if text.endswith(BROKEN) and len(held) < HELD and number + 1 < len(ids):
            texts.append("")
        else:
            texts.append(text)
            held = []
    return texts


def columns(found: Sequence[Piece]) -> dict[str, list[Any]]:
    """Pieces as columns, which is short in JSON; log-probs and advantages of five digits."""
    return {
        "text": [piece.text for piece in found],
        "loss_mask": [int(piece.sampled) for piece in found],
        "logprob": [_short(piece.logprob) for piece in found],
        "advantage": [_short(piece.advantage) for piece in found],
        "image_tokens": [piece.image_tokens for piece in found],
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
