"""Judges made of judges: a cheap one first, and a vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from judges.base import Judge, JudgeCase, JudgeLike, Tell, Usage, Verdict, judge_each, make_judge
from judges.cache import CachedJudge, ReplayJudge
from judges.errors import JudgeError
from judges.llm.judge import LLMJudge
from judges.parameters import as_count, as_flag
from judges.rules.judge import RuleJudge


class CascadeJudge(Judge):
    """Asks one judge after another, each only about what those before it abstained on.

    The first verdict with a score stands. A case on which all abstain keeps the last reason; the
    cost of every judge asked is added up.

    Args:
        judges: At least one judge, or what `make_judge` takes.

    Raises:
        JudgeError: If there is none.
    """

    def __init__(self, judges: Sequence[JudgeLike | str | Mapping[str, Any]]) -> None:
        if not judges:
            raise JudgeError("A cascade needs at least one judge.")
        self._judges = [make_judge(judge) for judge in judges]

    @property
    def name(self) -> str:
        """The judges' names in order, such as ``"rule>llm:qwen"``."""
        return ">".join(judge.name for judge in self._judges)

    @property
    def fingerprint(self) -> str:
        """The judges' fingerprints in order."""
        return " > ".join(judge.fingerprint for judge in self._judges)

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """Judges a batch; returns verdicts in the order of `cases`."""
        return self.judge_each(cases, lambda _: None)

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
        """Judges a batch, and tells each verdict as it comes; see `judges.base.judge_each`."""
        verdicts: dict[int, Verdict] = {}
        places = list(range(len(cases)))
        for number, judge in enumerate(self._judges, start=1):
            last = number == len(self._judges)

            def hear(
                found: Mapping[int, Verdict], asked: list[int] = places, final: bool = last
            ) -> None:
                news = {asked[index]: verdict for index, verdict in found.items()}
                for place, verdict in news.items():
                    spent = verdicts[place].usage if place in verdicts else Usage()
                    verdicts[place] = news[place] = replace(verdict, usage=spent + verdict.usage)
                settled = {p: v for p, v in news.items() if final or v.score is not None}
                if settled:
                    tell(settled)

            judge_each(judge, [cases[place] for place in places], hear)
            places = [place for place in places if verdicts[place].score is None]
            if not places:
                break
        return [verdicts[place] for place in range(len(cases))]

    def check(self) -> None:
        """Lets every judge find out whether it can work; raises what the first of them raises."""
        for judge in self._judges:
            judge.check()

    def close(self) -> None:
        """Closes the judges that can be closed."""
        close_all(self._judges)


class MajorityJudge(Judge):
    """Scores what most of its judges say. Those that abstain do not vote.

    The verdict is 1.0 or 0.0; a tie abstains as ``"tie"``, and so do fewer votes than `min_votes`
    as ``"too_few_votes"``.

    Args:
        judges: At least two judges, or what `make_judge` takes. Judges at temperature 0 repeat
            themselves: take different models or prompts.
        min_votes: Fewest votes that decide; None asks for more than half of the judges.

    Raises:
        JudgeError: If there are too few judges for a vote.
    """

    def __init__(
        self, judges: Sequence[JudgeLike | str | Mapping[str, Any]], min_votes: int | None = None
    ) -> None:
        self._judges = [make_judge(judge) for judge in judges]
        most = len(judges) // 2 + 1
        self._min_votes = most if min_votes is None else as_count("min_votes", min_votes, 1)
        if len(judges) < 2 or self._min_votes > len(judges):
            raise JudgeError("A vote needs two judges or more, and 1 <= min_votes <= judges.")

    @property
    def name(self) -> str:
        """``"majority(…)"`` with the judges' names."""
        return f"majority({','.join(judge.name for judge in self._judges)})"

    @property
    def fingerprint(self) -> str:
        """The judges' fingerprints and the number of votes needed."""
        prints = ", ".join(judge.fingerprint for judge in self._judges)
        return f"majority {self._min_votes} of ({prints})"

    def judge(self, cases: Sequence[JudgeCase]) -> list[Verdict]:
        """Judges a batch; returns verdicts in the order of `cases`."""
        return self.judge_each(cases, lambda _: None)

    def judge_each(self, cases: Sequence[JudgeCase], tell: Tell) -> list[Verdict]:
        """Judges a batch, and tells each verdict as the last vote on its case comes."""
        ballots = [judge_each(judge, cases, lambda _: None) for judge in self._judges[:-1]]
        verdicts: dict[int, Verdict] = {}

        def hear(found: Mapping[int, Verdict]) -> None:
            news = {
                place: self._count([*(votes[place] for votes in ballots), vote])
                for place, vote in found.items()
            }
            verdicts.update(news)
            tell(news)

        judge_each(self._judges[-1], cases, hear)
        return [verdicts[place] for place in range(len(cases))]

    def check(self) -> None:
        """Lets every judge find out whether it can work; raises what the first of them raises."""
        for judge in self._judges:
            judge.check()

    def close(self) -> None:
        """Closes the judges that can be closed."""
        close_all(self._judges)

    def _count(self, votes: Sequence[Verdict]) -> Verdict:
        """Turns the votes on one case into a verdict."""
        usage = sum((vote.usage for vote in votes), Usage())
        cast = [vote.correct for vote in votes if vote.correct is not None]
        cached = all(vote.cached for vote in votes)
        if len(cast) < self._min_votes:
            return Verdict(None, "too_few_votes", self.name, cached, usage)
        right = sum(cast)
        if 2 * right == len(cast):
            return Verdict(None, "tie", self.name, cached, usage)
        return Verdict(float(2 * right > len(cast)), None, self.name, cached, usage)


def close_all(judges: Sequence[Judge]) -> None:
    """Closes every judge."""
    for judge in judges:
        judge.close()


def llm_judge(model: str, cache: str | Path | None = None, **kwargs: Any) -> Judge:
    """Builds a judge that asks a model.

    Args:
        model: The judging model's name at its endpoint.
        cache: File that keeps the verdicts; None keeps none.
        **kwargs: Further arguments of `LLMJudge`, such as ``base_url``.
    """
    judge = LLMJudge(model, **kwargs)
    return judge if cache is None else CachedJudge(judge, cache)


def rule_then_llm(model: str, cache: str | Path | None = None, **kwargs: Any) -> CascadeJudge:
    """Builds the usual judge for training: rules first, a model where they are undecided.

    Args:
        model: The judging model's name at its endpoint.
        cache: File that keeps the model's verdicts; None keeps none.
        **kwargs: Further arguments of `LLMJudge`, such as ``base_url``.
    """
    return CascadeJudge([RuleJudge(abstain_when_undecided=True), llm_judge(model, cache, **kwargs)])


def replay_judge(
    path: str | Path, fingerprint: str | None = None, rules_first: bool | str = False
) -> Judge:
    """Builds a judge that gives the verdicts of a cache again, offline.

    Args:
        path: The cache's file; must exist.
        fingerprint: Whose verdicts; None when the cache holds those of one judge only.
        rules_first: Decide by rule what rules can decide, as `rule_then_llm` did in the run that
            filled the cache; its cache holds the model's verdicts alone.
    """
    judge = ReplayJudge(path, fingerprint)
    if not as_flag("rules_first", rules_first):
        return judge
    return CascadeJudge([RuleJudge(abstain_when_undecided=True), judge])
