"""The best that can be said of a question without looking: what *chance* means here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from benchmarks.report.terminal import progress_bar
from vt_env import Sample


class BlindGuesses:
    """The most frequent answer to each question, of those offered where some are."""

    def __init__(self, samples: Iterable[Sample], total: int) -> None:
        """Counts answers.

        Args:
            samples: What to learn from; not what is guessed about afterwards. Only samples that
                need high resolution count: elsewhere answers may be distributed otherwise.
            total: How many samples these are, for the bar.
        """
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        with progress_bar() as bar:
            for sample in bar.track(samples, total=total, description="blind guesses"):
                if sample.needs_high_res:
                    self._counts[_stem(sample)][_text(sample)] += 1

    def __call__(self, sample: Sample) -> str | None:
        """The guess for a sample; None where its question was never met."""
        counts = self._counts.get(_stem(sample))
        if sample.choices:
            return max(sample.choices, key=lambda option: counts[option] if counts else 0)
        return counts.most_common(1)[0][0] if counts else None

    def right(self, sample: Sample) -> bool:
        """Whether the guess for a sample is its answer."""
        return self(sample) == _text(sample)


def _stem(sample: Sample) -> str:
    """The question without its options, as it is put where none are offered."""
    if not sample.choices:
        return sample.question
    return sample.question.partition(":")[0] + "?"


def _text(sample: Sample) -> str:
    """The answer, as the option that its letter stands for where options are offered."""
    answer = sample.answers[0]
    return sample.choices[ord(answer) - ord("A")] if sample.choices else answer
