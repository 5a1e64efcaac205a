"""Which collapse is under way, from the metrics of a training so far; pure functions.

Where the bounds come from: requests of the default run go from 53% of need and 52% of no need to
97% and 2%, and under other penalties down to 41% of need on the way. With 5% of the samples in need
they fell to none and did not come back; with 20% they fell to 6% of need, and came back. Without a
price they went to 94% of no need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.doctor.findings import Finding

Row = Mapping[str, float]
NEAR, WINDOW = 5, 10
"""Iterations of a mean, and of what has lasted."""
BALANCED, PER_TERM = "--grpo.balanced_exploration", "--grpo.advantage_estimator per_term"
NEED, NO_NEED, RATIO = "request_rate_need", "request_rate_no_need", "resize_call_ratio"
FLAT = "frac_reward_zero_std"


def findings(rows: Sequence[Row]) -> list[Finding]:
    """Every collapse that is under way.

    Args:
        rows: Metrics by iteration, in order, as ``metrics.jsonl`` holds them; the first ones are
            what the last ones are compared with.

    Returns:
        Findings of the severities ``warning`` and ``problem``; none of fewer than `NEAR` rows.
        A ``problem`` has lasted for `WINDOW` iterations.
    """
    if len(rows) < NEAR:
        return []
    found = [check(rows) for check in CHECKS]
    return [finding for finding in found if finding is not None]


def requests_die(rows: Sequence[Row]) -> Finding | None:
    """Hardly any request is left, and samples in need are not asked about."""
    ratio, need = _mean(rows, RATIO), _mean(rows, NEED)
    if ratio is None or ratio >= 0.05 or (need is not None and need >= 0.5):
        return None
    first, accuracy = _mean(rows[:NEAR], RATIO), _mean(rows, "accuracy")
    start = _mean(rows[:NEAR], "accuracy")
    if need is None and (accuracy is None or start is None or accuracy >= start):
        return None  # without labels: that they were of no use is told by the accuracy
    gone = all(row.get(RATIO, 1.0) < 0.05 for row in rows[-WINDOW:]) and len(rows) >= WINDOW
    lost = ratio < 0.005 and (need is None or need < 0.05)
    shown = f"{ratio:.1%} of episodes ask ({_told(first)} at first)"
    of_need = "" if need is None else f", {need:.0%} of those in need"
    return Finding(
        "requests die",
        "problem" if gone and lost else "warning",
        f"{shown}{of_need}; accuracy {_told(accuracy)} ({_told(start)} at first).",
        f"Normalise each reward term on its own ({PER_TERM}), so that a price is not as loud as a "
        "right answer; lower --rewards.price or the shaper's penalty "
        "(--grpo.shaper_params.penalty), or train on more samples that need it.",
    )


def always_asks(rows: Sequence[Row]) -> Finding | None:
    """Nearly everything is asked about, and that does not get less."""
    name = NO_NEED if NO_NEED in rows[-1] else RATIO
    bound = 0.9 if name == NO_NEED else 0.97
    rate = _mean(rows, name)
    if rate is None or rate <= bound or _falls(rows, name):
        return None
    lasted = len(rows) >= WINDOW and all(row.get(name, 0.0) > bound for row in rows[-WINDOW:])
    whom = "samples without need" if name == NO_NEED else "all samples"
    return Finding(
        "always asks",
        "problem" if lasted and name == NO_NEED else "warning",
        f"{rate:.0%} of {whom} are asked about ({_told(_mean(rows[:NEAR], name))} at first).",
        "Give requests a price: raise --rewards.price, or --grpo.shaper paper with a lower "
        "--grpo.shaper_params.theta.",
    )


def needless_requests_rise(rows: Sequence[Row]) -> Finding | None:
    """Samples without need are asked about more often than before, by far."""
    rate, means = _mean(rows, NO_NEED), _means(rows, NO_NEED)
    if rate is None or not means or rate <= 0.3 or rate - min(means) < 0.15:
        return None
    if rate > 0.9:
        return None  # that has a name of its own
    return Finding(
        "needless requests rise",
        "warning",
        f"{rate:.0%} of samples without need are asked about, after {min(means):.0%}.",
        "Raise --rewards.price or --grpo.shaper_params.penalty, or hold the policy nearer to its "
        "start with --grpo.beta.",
    )


def protocol_breaks(rows: Sequence[Row]) -> Finding | None:
    """The format is kept less often than it was."""
    kept, means = _mean(rows, "well_formed"), _means(rows, "well_formed")
    if kept is None or not means or max(means) - kept < 0.1:
        return None
    lasted = len(rows) >= WINDOW and all(row.get("well_formed", 1.0) < 0.5 for row in rows[-5:])
    cut = _mean(rows, "endings/cut_off") or 0.0
    also = f" {cut:.0%} of episodes are cut off: raise --engine.max_new_tokens." * (cut > 0.1)
    return Finding(
        "protocol breaks",
        "problem" if lasted and max(means) >= 0.7 else "warning",
        f"{kept:.0%} of episodes keep the format, after {max(means):.0%}.",
        f"Lower --grpo.lr, raise --grpo.beta, or pay more for the format (--rewards.format).{also}",
    )


def groups_without_signal(rows: Sequence[Row]) -> Finding | None:
    """Nearly all groups have equal rewards, so that there is nothing to learn from."""
    flat = _mean(rows, FLAT)
    if flat is None or flat <= 0.9:
        return None
    all_right = _mean(rows, "groups/solve_all_share")
    none_right = _mean(rows, "groups/solve_none_share")
    solved = all_right is not None and all_right >= 0.8
    lasted = len(rows) >= WINDOW and all(row.get(FLAT, 0.0) > 0.95 for row in rows[-WINDOW:])
    advice = (
        "What is left to learn is little: end the run with --until accuracy=…, or train on harder "
        "samples."
        if solved
        else "Raise --grpo.num_generations or --grpo.temperature, or train on other samples"
        f"{', easier ones' if (none_right or 0.0) > 0.5 else ''}; where decisions are all alike, "
        f"{BALANCED} 0.5."
    )
    return Finding(
        "groups without signal",
        "problem" if lasted and not solved else "warning",
        f"{flat:.0%} of groups have equal rewards (all right {_told(all_right)}, none right "
        f"{_told(none_right)}).",
        advice,
    )


def entropy_gone(rows: Sequence[Row]) -> Finding | None:
    """Every token is settled, though decisions are not as they should be."""
    entropy, first = _mean(rows, "entropy"), _mean(rows[:NEAR], "entropy")
    if entropy is None or first is None or entropy >= max(0.1 * first, 1e-3):
        return None
    need, no_need, accuracy = (_mean(rows, name) for name in (NEED, NO_NEED, "accuracy"))
    if need is not None and no_need is not None:
        met, shown = need >= 0.9 and no_need <= 0.1, f"asks {need:.0%} / {no_need:.0%}"
    else:
        met, shown = (accuracy or 0.0) >= 0.9, f"accuracy {_told(accuracy)}"
    if met:
        return None
    return Finding(
        "entropy gone",
        "warning",
        f"{entropy:.4f} nats a token ({first:.4f} at first), with {shown}.",
        "Raise --grpo.temperature, --grpo.entropy_coef or --grpo.beta, or lower --grpo.lr.",
    )


CHECKS: tuple[Callable[[Sequence[Row]], Finding | None], ...] = (
    requests_die,
    always_asks,
    needless_requests_rise,
    protocol_breaks,
    groups_without_signal,
    entropy_gone,
)


def begun(rows: Sequence[Row]) -> list[Finding]:
    """Findings that begin with the last row: of a severity that none of the `WINDOW` before had."""
    now = findings(rows)
    before = {
        (finding.name, finding.severity)
        for back in range(1, min(WINDOW, len(rows) - 1) + 1)
        for finding in (findings(rows[:-back]) if now else ())
    }
    return [finding for finding in now if (finding.name, finding.severity) not in before]


def _mean(rows: Sequence[Row], name: str) -> float | None:
    """Mean over the last `NEAR` rows that have it; None where none has."""
    values = [row[name] for row in rows[-NEAR:] if name in row]
    return float(np.mean(values)) if values else None


def _means(rows: Sequence[Row], name: str) -> list[float]:
    """Means over `NEAR` rows each that have it, from the first on, without those of the last."""
    values = np.array([row[name] for row in rows if name in row])
    if len(values) < 2 * NEAR:
        return []
    sums = np.convolve(values, np.ones(NEAR), "valid")
    return [float(total) / NEAR for total in sums[:-NEAR]]


def _falls(rows: Sequence[Row], name: str) -> bool:
    """Whether the mean is 2 points below that of the `NEAR` rows before."""
    before, now = _mean(rows[:-NEAR], name), _mean(rows, name)
    return before is not None and now is not None and now < before - 0.02


def _told(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"
