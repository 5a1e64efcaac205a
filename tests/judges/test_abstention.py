"""What missing verdicts do to a group and to a run."""

from __future__ import annotations

import pytest

from judges import AbstentionLimit, AbstentionLimitError, JudgeError, kept_in_group

GOOD, MISSING = None, "timeout"


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([1.0, 0.0, 0.5], (True, True, True)),
        ([1.0, None, 0.0], (True, False, True)),
        ([None, 0.0, None], (False, False, False)),
        ([None, None], (False, False)),
        ([], ()),
    ],
)
def test_an_episode_without_a_verdict_leaves_its_group(
    scores: list[float | None], kept: tuple[bool, ...]
) -> None:
    assert kept_in_group(scores) == kept


def test_how_many_verdicts_a_group_needs_is_a_setting() -> None:
    assert kept_in_group([1.0, None, 0.0], min_verdicts=3) == (False, False, False)
    assert kept_in_group([1.0, None], min_verdicts=1) == (True, False)


def test_too_many_abstentions_stop_a_run() -> None:
    limit = AbstentionLimit(max_share=0.2, window=10)
    limit.check([GOOD] * 8 + [MISSING] * 2)
    assert limit.share == 0.2
    with pytest.raises(AbstentionLimitError, match=r"30% of the last 10 .*timeout 3.*20%"):
        limit.check([MISSING])


def test_a_few_early_abstentions_do_not() -> None:
    limit = AbstentionLimit(max_share=0.2, window=100)
    limit.check([MISSING] * 20)
    limit.check([GOOD] * 80)
    assert limit.share == 0.2


def test_old_verdicts_are_forgotten() -> None:
    limit = AbstentionLimit(max_share=0.5, window=4)
    limit.check([MISSING, MISSING, GOOD, GOOD, GOOD, GOOD])
    assert limit.share == 0.0


def test_limits_out_of_range_are_refused() -> None:
    with pytest.raises(JudgeError):
        AbstentionLimit(max_share=1.5)
    with pytest.raises(JudgeError):
        AbstentionLimit(window=0)
