"""A judge of one's own: anything with a name that turns cases into verdicts.

    python examples/custom_judge.py

This one gives partial credit for the share of right letters, and abstains on empty answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import vt_env
from judges import Judge, JudgeCase, Verdict
from vt_env import Answer, to_text


class SimilarityJudge(Judge):
    """Scores an answer by how similar it is to the closest reference."""

    name = "similarity"

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """One verdict a case, in order; a judge never raises because of what a case says."""
        return [self._verdict(case) for case in cases]

    def _verdict(self, case: JudgeCase) -> Verdict:
        if not case.prediction.strip("?. "):
            return Verdict(None, "no_content", self.name)
        given = case.prediction.lower()[:1000]
        score = max(SequenceMatcher(None, given, ref.lower()).ratio() for ref in case.references)
        return Verdict(score, judge=self.name)


def main() -> dict[str, float | None]:
    """Judges three answers to one question; returns their scores."""
    env = vt_env.make("VisionThink-v0", judge=SimilarityJudge(), families=("textures",))
    samples = env.unwrapped.dataset
    index = next(i for i in range(len(samples)) if samples[i].answers == ("horizontal",))
    scores: dict[str, float | None] = {}
    for text in ("horizontal", "horizontally", "?"):
        env.reset(options={"index": index})
        *_, info = env.step(to_text(Answer(text, "clear")))
        scores[text] = info["verdict"].score
        print(f"{text:<14} {info['ending']:<10} {info['reward_terms']}")
    return scores


if __name__ == "__main__":
    main()
