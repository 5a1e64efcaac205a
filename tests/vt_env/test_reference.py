"""Case by case against what the published code does; where we differ, the page says so.

The behaviour stated here was read off the published repository (dvlab-research/VisionThink), as its
script for the efficient model runs it: penalty 0.1 each, theta 0.2, accuracy 1, format 0.5.
"""

import itertools
from pathlib import Path

import pytest

from tests.vt_env.helpers import ListDataset, memory_sample
from vt_env.env import VisionThinkEnv
from vt_env.rewards import Outcome, group_shaper

PAGE = Path(__file__).parents[2] / "docs" / "environment.md"
ACCURACY, THETA, PENALTY = 1.0, 0.2, 0.1


def reference_accuracies(
    group: list[tuple[bool, bool]], theta: float = THETA, penalty: float = PENALTY
) -> list[float]:
    """Accuracy rewards of a group of (correct, requested) under the published rule."""
    right = [requested for correct, requested in group if correct]
    direct_share = right.count(False) / len(right) if right else 0.0
    scarce = 0 < direct_share < theta
    factor = {True: 1 - penalty, False: 1 - penalty if scarce else 1.0}  # asked, direct
    return [ACCURACY * factor[requested] if correct else 0.0 for correct, requested in group]


def our_accuracies(group: list[tuple[bool, bool]], **settings: float) -> list[float]:
    outcomes = [Outcome(correct, requested, True) for correct, requested in group]
    addends = group_shaper("released", **settings)(outcomes)
    return [
        ACCURACY * outcome.correct + addend
        for outcome, addend in zip(outcomes, addends, strict=True)
        if outcome.correct is not None
    ]


KINDS = list(itertools.product((True, False), (True, False)))


@pytest.mark.parametrize("size", range(6))
def test_the_released_rule_on_every_group_of_up_to_five(size: int) -> None:
    for group in itertools.product(KINDS, repeat=size):
        assert our_accuracies(list(group)) == pytest.approx(reference_accuracies(list(group)))


@pytest.mark.parametrize("theta", [0.0, 0.15, 0.2, 0.25, 0.3, 1.0])
@pytest.mark.parametrize("penalty", [0.0, 0.1, 0.5])
def test_the_released_rule_on_every_count_in_a_group_of_sixteen(
    theta: float, penalty: float
) -> None:
    settings = {"theta": theta, "penalty": penalty}
    for direct, asked in itertools.product(range(17), range(17)):
        if direct + asked <= 16:
            wrong = [(False, False), (False, True)] * 8
            group = [(True, False)] * direct + [(True, True)] * asked
            group += wrong[: 16 - len(group)]
            expected = reference_accuracies(group, **settings)
            assert our_accuracies(group, **settings) == pytest.approx(expected)


def test_an_abstention_is_no_zero_and_leaves_the_group_in_training() -> None:
    """There, one failed judgement drops all the answers of the group."""
    decided = [Outcome(True, False, True), *[Outcome(True, True, True)] * 9]
    abstained = Outcome(None, True, True)
    addends = group_shaper("released")([*decided, abstained])
    assert addends[:-1] == group_shaper("released")(decided)
    assert addends[-1] == 0.0


def test_at_theta_itself_nobody_direct_pays() -> None:
    """There, 0.0001 in the denominator puts r = theta below theta."""
    group = [(True, False)] + [(True, True)] * 4
    assert our_accuracies(group) == pytest.approx([1.0] + [0.9] * 4)
    assert THETA > 1 / (5 + 1e-4)


THINK = "<think>a</think>"
ASK = '<tool_call>{"name": "resize_image", "arguments": {"action": "resize"}}</tool_call>'
BODY = ASK.removeprefix("<tool_call>").removesuffix("</tool_call>")
REPLY = f"{THINK}<answer>b</answer>"
CALL = f"{THINK}{ASK}"
AGREED: dict[str, tuple[tuple[str, ...], bool]] = {
    "a direct answer": ((REPLY,), True),
    "a request, then an answer": ((CALL, REPLY), True),
    "words between the tags": ((f"{THINK} so\n<answer>b</answer>",), True),
    "words between the tags of a call": ((f"{THINK} so\n{ASK}", REPLY), True),
    "several lines": (("<think>a\na</think>\n<answer>b\nb</answer>",), True),
    "JSON over several lines": ((CALL.replace(", ", ",\n"), REPLY), True),
    "space around the first turn": ((f"\n {REPLY}\n",), True),
    "space around a call": ((f"\n {CALL}\n", REPLY), True),
    "a boxed answer": ((f"{THINK}<answer>\\boxed{{3}}</answer>",), True),
    "an empty thought": (("<think></think><answer>b</answer>",), True),
    "no thought": (("<answer>b</answer>",), False),
    "no thought before a call": ((ASK, REPLY), False),
    "no thought in the last turn": ((CALL, "<answer>b</answer>"), False),
    "nothing but words": (("It is b.",), False),
    "nothing": (("",), False),
    "answer before thought": ((f"<answer>b</answer>{THINK}",), False),
    "call before thought": ((f"{ASK}{THINK}", REPLY), False),
    "words before the thought": ((f"Well. {REPLY}",), False),
    "words after the answer": ((f"{REPLY} Done.",), False),
    "words after a call": ((f"{CALL} please", REPLY), False),
    "the answer inside of the thought": (("<think>a<answer>b</answer></think>",), False),
    "two thoughts": ((f"{THINK}{REPLY}",), False),
    "two answers": ((f"{REPLY}<answer>c</answer>",), False),
    "an open thought": (("<think>a<answer>b</answer>",), False),
    "an open answer": ((f"{THINK}<answer>b",), False),
    "an answer and a call": ((f"{CALL}<answer>b</answer>", REPLY), False),
    "a call and nothing else": ((f"{CALL}</tool_call>", "nothing"), False),
    "a call in the last turn": ((CALL, CALL), False),
    "upper-case tags": (("<THINK>a</THINK><ANSWER>b</ANSWER>",), False),
}
DIFFERENT: dict[str, tuple[tuple[str, ...], bool]] = {
    "an empty answer": ((f"{THINK}<answer></answer>",), False),
    "white space around the last turn": ((CALL, f" {REPLY} "), True),
    "JSON that is not valid": ((f"{THINK}<tool_call>{{resize}}</tool_call>", REPLY), False),
    "a tool of another name": ((CALL.replace("resize_image", "zoom"), REPLY), False),
    "two calls closed once": ((f"{THINK}<tool_call>{BODY}{ASK}", REPLY), False),
}
"""What our format check says; the published one says the opposite."""


def keeps_format(turns: tuple[str, ...]) -> bool:
    env = VisionThinkEnv(ListDataset((memory_sample(),)), max_turns=2)
    env.reset(seed=0)
    info = {}
    for turn in turns:
        *_, done, _, info = env.step(turn)
        if done:
            break
    assert info["ending"] is not None
    assert info["reward_terms"]["format"] == 0.5 * info["well_formed"]
    return bool(info["well_formed"])


@pytest.mark.parametrize("name", AGREED)
def test_the_format_check_agrees(name: str) -> None:
    turns, expected = AGREED[name]
    assert keeps_format(turns) is expected


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_format_check_differs_where_the_page_says_so(name: str) -> None:
    turns, ours = DIFFERENT[name]
    assert keeps_format(turns) is ours
    assert name in PAGE.read_text(encoding="utf-8")


def test_a_call_that_shows_nothing_is_no_request() -> None:
    """There, the tags of a call make it one, and a right answer then pays."""
    env = VisionThinkEnv(ListDataset((memory_sample(),)))
    env.reset(seed=0)
    env.step(f"{THINK}<tool_call>{{resize}}</tool_call>")
    *_, info = env.step(f"{THINK}<answer>Eileen Collins</answer>")
    assert info["outcome"] == Outcome(True, False, False, True)
    assert group_shaper("released")([info["outcome"]]) == [0.0]


def test_the_judge_sees_the_last_turns_answer_alone() -> None:
    """There, the turns are joined, and an answer is looked for in all of them."""
    env = VisionThinkEnv(ListDataset((memory_sample(),)))
    env.reset(seed=0)
    env.step(f"<think>Eileen Collins</think>{ASK}")
    *_, info = env.step(f"{THINK}<answer>nobody</answer>")
    assert (info["answer"], info["outcome"].correct) == ("nobody", False)
