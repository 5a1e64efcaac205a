"""A router by confidence: the model before RL answers, and asks where it is not sure.

The threshold is chosen on validation samples, so that the router has as many tokens there as the
trained policy has there. What is reported is of other samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.policies.threshold import NOTHING, answer_length
from benchmarks.evaluation.play import Player, batches, first_indices
from benchmarks.paper.engine import BATCH, playing, weights_of
from benchmarks.paper.families import POINT
from benchmarks.paper.material import Material, kept
from vt_env.settings.tree import flatten

if TYPE_CHECKING:
    from agents import Trajectory

KINDS = {"mean": "mean log-prob", "least": "least log-prob"}
"""Of the tokens of the answer, at temperature 0: what is called confidence, and its name."""


@dataclass(frozen=True)
class Routed:
    """A sample, answered at once and after a request.

    Attributes:
        mean: Mean log-prob of the answer's tokens when it is given at once, in nats.
        least: The least of them.
        low: Whether that answer is right.
        high: Whether the one after a request is.
        low_tokens: Visual tokens of the first, in full passes.
        high_tokens: Those of the second.
    """

    mean: float
    least: float
    low: bool
    high: bool
    low_tokens: float
    high_tokens: float


@dataclass(frozen=True)
class Chosen:
    """A router with the threshold that was chosen for it.

    Attributes:
        name: What its confidence is.
        threshold: It asks where its confidence is less, in nats.
        right: Accuracy on the samples that are reported.
        tokens: Its visual tokens there, in full passes.
        samples: How many those are.
        validation: How many it was chosen on.
        wanted: Tokens of the trained policy on those, which its own were to equal.
    """

    name: str
    threshold: float
    right: float
    tokens: float
    samples: int
    validation: int
    wanted: float


def answer_logprobs(t: Trajectory, decode: Callable[[Sequence[int]], str]) -> list[float]:
    """Log-probs of the answer's tokens, up to the tag that closes it; of all that it wrote if none.

    Args:
        t: An episode that was made to answer at once, so that what it wrote begins with the answer.
        decode: Ids as text.
    """
    wrote = [(i, p) for i, p, own in zip(t.ids, t.logprobs, t.mask, strict=True) if own]
    count = answer_length([token for token, _ in wrote], decode)
    return [logprob for _, logprob in wrote[:count]]


def routed(low: Trajectory, high: Trajectory, decode: Callable[[Sequence[int]], str]) -> Routed:
    """A sample as both episodes have it, both judged."""
    logprobs = answer_logprobs(low, decode) or [NOTHING]
    return Routed(
        mean=float(np.mean(logprobs)),
        least=min(logprobs),
        low=bool(low.outcome.correct),
        high=bool(high.outcome.correct),
        low_tokens=low.visual_tokens / low.full_tokens,
        high_tokens=high.visual_tokens / high.full_tokens,
    )


def at(samples: Sequence[Routed], kind: str, threshold: float) -> tuple[float, float]:
    """Accuracy, and tokens in full passes, of the router that asks under a threshold."""
    asks = [getattr(sample, kind) < threshold for sample in samples]
    pairs = list(zip(samples, asks, strict=True))
    right = np.mean([s.high if asked else s.low for s, asked in pairs])
    tokens = np.mean([s.high_tokens if asked else s.low_tokens for s, asked in pairs])
    return float(right), float(tokens)


def thresholds(samples: Sequence[Routed], kind: str) -> list[float]:
    """Every threshold that makes a difference, rising: the first never asks, the last always."""
    known = sorted({getattr(sample, kind) for sample in samples})
    return [*known, math.inf]


def threshold_for(samples: Sequence[Routed], kind: str, tokens: float) -> float:
    """The threshold with which tokens come nearest to what is wanted."""
    return min(thresholds(samples, kind), key=lambda one: abs(at(samples, kind, one)[1] - tokens))


def curve(samples: Sequence[Routed], kind: str) -> list[tuple[float, float]]:
    """Accuracy and tokens at every threshold, from never asking to always."""
    return [at(samples, kind, threshold) for threshold in thresholds(samples, kind)]


def reported(measured: Mapping[str, Any], which: str = "reported") -> list[Routed]:
    """Samples that were measured: ``reported``, or those of the ``validation``."""
    return [Routed(**values) for values in measured.get(which, ())]


def chosen(measured: Mapping[str, Any]) -> list[Chosen]:
    """A router of each kind, its threshold chosen on the validation samples; none if none are."""
    samples, validation = reported(measured), reported(measured, "validation")
    if not samples or not validation:
        return []
    wanted = float(np.mean(measured["ours"]))
    found = []
    for kind, name in KINDS.items():
        threshold = threshold_for(validation, kind, wanted)
        right, tokens = at(samples, kind, threshold)
        size = len(validation)
        found.append(Chosen(name, threshold, right, tokens, len(samples), size, wanted))
    return found


def measure(made: Material, file: Path) -> dict[str, Any]:
    """Plays the model before RL both ways, and the trained ones on the validation samples.

    Returns:
        ``validation`` and ``reported`` (samples as `Routed` has them), and ``ours``: tokens of each
        trained model on the former, in full passes. Empty if there are no validation samples.
    """
    done = made.done(POINT)
    settings = done[0].settings
    about = {"trials": [trial.id for trial in done], "settings": flatten(settings)}

    def play() -> Mapping[str, Any]:
        env = settings.validation_env()
        if env is None:
            return {}
        wanted, found = settings.evaluation.samples, {}
        with playing(settings, settings.eval_env()) as player:
            found["reported"] = _both(player, wanted)
        with playing(settings, env) as player:
            found["validation"] = _both(player, wanted)
            ours = []
            for trial in done:
                player.backend.load_weights(weights_of(made.model(trial)))
                ours.append(_tokens(player, wanted))
        return {name: [asdict(s) for s in samples] for name, samples in found.items()} | {
            "ours": ours
        }

    return kept(file, about, play)


def _both(player: Player, wanted: int) -> list[Routed]:
    decode, found = player.backend.encoder.decode, []
    indices = first_indices(len(player.env.dataset), wanted)
    for batch in batches(indices, BATCH, what="both ways"):
        low, high = player.ways(batch, [(0.0, "answer"), (0.0, "request")])
        pairs = zip(low, high, strict=True)
        known = [(a, b) for a, b in pairs if None not in (a.outcome.correct, b.outcome.correct)]
        found += [routed(a, b, decode) for a, b in known]
    return found


def _tokens(player: Player, wanted: int) -> float:
    indices = first_indices(len(player.env.dataset), wanted)
    played = [t for batch in batches(indices, BATCH, what="ours") for t in player.once(batch, 0.0)]
    return float(np.mean([t.visual_tokens / t.full_tokens for t in played]))
