"""Case by case against what the published code does; where we differ, the page says so.

The behaviour stated here was read off the published repository (dvlab-research/VisionThink), as its
script for the efficient model runs it: penalty 0.1 each, theta 0.2, accuracy 1, format 0.5.
"""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vt_env.helpers import ListDataset, memory_sample
from tests.vt_env.reference_rules import Switches, rewards
from vt_env.env import VisionThinkEnv
from vt_env.rewards import Outcome
from vt_env.shapers import group_shaper

PAGE = Path(__file__).parents[2] / "docs" / "environment.md"
RIGHT_DIRECT, RIGHT_ASKED = Outcome(True, False, True), Outcome(True, True, True)
WRONG_DIRECT, WRONG_ASKED = Outcome(False, False, True), Outcome(False, True, True)
ABSTAINED = Outcome(None, True, True)
KINDS = (RIGHT_DIRECT, RIGHT_ASKED, WRONG_DIRECT, WRONG_ASKED)
THETAS = (0.0, 0.15, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.8, 1.0)


def ours(group: list[Outcome], name: str, **params: Any) -> list[float]:
    """Our rewards of a group: accuracy, format and what the shaper adds."""
    addends = group_shaper(name, **params)(group)
    terms = zip(group, addends, strict=True)
    return [1.0 * bool(o.correct) + 0.5 * o.well_formed + addend for o, addend in terms]


def compositions(size: int, kinds: int) -> list[tuple[int, ...]]:
    """Every way to share `size` out among so many kinds."""
    if kinds == 1:
        return [(size,)]
    return [(n, *rest) for n in range(size + 1) for rest in compositions(size - n, kinds - 1)]


@pytest.mark.parametrize("size", range(1, 17))
def test_the_released_rule_on_every_composition(size: int) -> None:
    switches = Switches()
    for counts in compositions(size, len(KINDS)):
        group = [kind for kind, n in zip(KINDS, counts, strict=True) for _ in range(n)]
        expected = rewards(group, switches)
        found = ours(group, "released")
        assert max(abs(a - b) for a, b in zip(expected, found, strict=True)) < 1e-6, counts


@pytest.mark.parametrize("theta", THETAS)
@pytest.mark.parametrize(("penalty", "direct"), [(0.1, 0.1), (0.3, 0.05), (0.5, 0.0), (0.05, 0.6)])
def test_the_released_rule_under_its_other_settings(
    theta: float, penalty: float, direct: float
) -> None:
    switches = Switches(penalty, direct, theta)
    for right, asked in itertools.product(range(17), range(17)):
        group = [RIGHT_DIRECT] * right + [RIGHT_ASKED] * asked + [WRONG_DIRECT, WRONG_ASKED]
        found = ours(group, "released", theta=theta, penalty=penalty, direct_penalty=direct)
        assert found == pytest.approx(rewards(group, switches))


def test_at_theta_itself_direct_answers_pay_there_and_by_default_here() -> None:
    """One direct answer of five correct ones: 1 / 5.0001 is below 0.2, 1 / 5 is not."""
    for group in ([RIGHT_DIRECT] * n + [RIGHT_ASKED] * 4 * n for n in (1, 2, 3)):
        direct = ours(group, "released")[0]
        assert direct == pytest.approx(rewards(group, Switches())[0]) == pytest.approx(1.4)
        assert ours(group, "released", epsilon=0)[0] == 1.5
        assert group_shaper("paper")(group)[0] == 0.0


outcomes = st.builds(
    Outcome, st.sampled_from([True, False]), st.booleans(), st.booleans(), st.booleans()
)
groups = st.lists(outcomes, min_size=1, max_size=16)
penalties = st.floats(0.01, 0.9)
bonuses = st.sampled_from([0.0, 0.25, 0.5])
"""So that single precision takes the format off without a rest, as the published code needs."""


@given(groups, st.floats(0, 1), penalties, penalties, bonuses)
def test_released_is_their_rule(
    group: list[Outcome], theta: float, penalty: float, direct: float, bonus: float
) -> None:
    switches = Switches(penalty, direct, theta, use_tool_reward_weight=bonus)
    found = ours(
        group, "released", theta=theta, penalty=penalty, direct_penalty=direct, bonus=bonus
    )
    assert found == pytest.approx(rewards(group, switches), abs=1e-6)


@given(groups, st.integers(1, 16), st.integers(0, 16), st.sampled_from([0.0, 1e-4]))
def test_released_is_their_rule_at_theta_to_the_last_bit(
    group: list[Outcome], whole: int, part: int, epsilon: float
) -> None:
    theta = min(1.0, part / (whole + epsilon))
    switches = Switches(soft_tool_call_penalty_ratio=theta)
    assert ours(group, "released", theta=theta) == pytest.approx(rewards(group, switches), abs=1e-6)


@given(groups, penalties, bonuses)
def test_all_penalty_is_their_rule_with_the_ratio_at_0(
    group: list[Outcome], penalty: float, bonus: float
) -> None:
    switches = Switches(penalty, 0.0, 0.0, use_tool_reward_weight=bonus)
    found = ours(group, "all_penalty", penalty=penalty, bonus=bonus)
    assert found == pytest.approx(rewards(group, switches), abs=1e-6)
    assert found == pytest.approx(ours(group, "released", theta=0, penalty=penalty, bonus=bonus))


@pytest.mark.parametrize("strict", [True, False])
@given(group=groups, penalty=penalties, bonus=bonuses)
def test_supervised_is_their_supervise_tool_label(
    strict: bool, group: list[Outcome], penalty: float, bonus: float
) -> None:
    switches = Switches(penalty, 0.0, 0.0, True, strict, bonus)
    found = ours(group, "supervised", penalty=penalty, strict=strict, bonus=bonus)
    assert found == pytest.approx(rewards(group, switches), abs=1e-6)


@given(groups, st.integers(0, 16), st.sampled_from(["released", "all_penalty", "supervised"]))
def test_an_abstention_is_no_zero_and_leaves_the_group_in_training(
    group: list[Outcome], place: int, name: str
) -> None:
    """There, one failed judgement drops all the answers of the group."""
    place = min(place, len(group))
    addends = group_shaper(name)([*group[:place], ABSTAINED, *group[place:]])
    assert addends.pop(place) == 0.0
    assert addends == group_shaper(name)(group)


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
    "a thought that names a tag": ((f"<think>use <answer> tags</think>{REPLY[16:]}",), True),
    "JSON of the wrong shape": ((f"{THINK}<tool_call>[{BODY}]</tool_call>", REPLY), False),
    "other arguments": ((CALL.replace('"resize"}', '"enlarge"}'), REPLY), False),
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


SWAPPED = '{"arguments": {"action": "resize"}, "name": "resize_image"}'
PRETTY = json.dumps(json.loads(BODY), indent=2)


def course(*turns: str, **settings: Any) -> dict[str, Any]:
    """The info at the end of the turns."""
    env = VisionThinkEnv(ListDataset((memory_sample(),)), **settings)
    env.reset(seed=0)
    *_, info = [env.step(turn) for turn in turns][-1]
    assert isinstance(info, dict)
    return info


@pytest.mark.parametrize("body", [SWAPPED, PRETTY, BODY.replace("}}", "} }")])
def test_valid_calls_that_their_expression_misses_are_carried_out(body: str) -> None:
    """There, they get an error turn in place of the image: ``}}`` must end the JSON on one line."""
    assert not re.findall(r"\{.*?\}\}", body)
    info = course(f"{THINK}<tool_call>{body}</tool_call>")
    assert info["requested"]
    assert info["well_formed"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (f"[{BODY}]", "bad_call"),
        ('{"name": "resize_image", "arguments": "resize"}', "bad_call"),
        ('{"name": "resize_image"}', "bad_call"),
        (BODY.replace('"resize"}', '"enlarge"}'), "bad_arguments"),
        ('{"name": "resize_image", "arguments": {}}', "bad_arguments"),
        (BODY.replace('"resize"}', '"resize", "scale": 9}'), "bad_arguments"),
    ],
)
def test_json_of_the_wrong_shape_shows_nothing_and_costs_the_format(
    body: str, problem: str
) -> None:
    info = course(f"{THINK}<tool_call>{body}</tool_call>")
    assert (info["requested"], info["problems"], info["ending"]) == (False, (problem,), None)


def test_an_unclosed_call_gets_feedback() -> None:
    """There, it is a direct answer, and all of the text is judged."""
    turn = f"{THINK}<tool_call>{BODY}"
    info = course(turn, untagged_answer="judge")
    assert (info["problems"], info["ending"], info["answer"]) == (("call_tags",), None, None)
    assert course(turn, REPLY)["ending"] == "answered"
    assert course(turn, turn)["ending"] == "turn_limit"


GENERAL = r"\s*<think>.*?</think>\s*<answer>.*?</answer>\s*"
"""What the general script's format asks of a whole turn."""


@pytest.mark.parametrize(
    ("turn", "there", "here"),
    [
        (REPLY, True, True),
        (f"\n{THINK}\n<answer>b</answer>\n", True, True),
        (f"{THINK} so <answer>b</answer>", False, True),
        (f"{REPLY}<answer>c</answer>", True, False),
        (f"{THINK}{REPLY}", True, False),
        (f"<think>{REPLY}", True, False),
        (f"{THINK}<answer><answer>b</answer></answer>", True, False),
        (f"{REPLY} Done.", False, False),
    ],
)
def test_the_general_scripts_format(turn: str, there: bool, here: bool) -> None:
    """Text between thought and answer costs the format there; duplicate tags do not."""
    assert bool(re.fullmatch(GENERAL, turn, re.DOTALL)) is there
    assert keeps_format((turn,)) is here


@pytest.mark.parametrize(
    ("turn", "judged"),
    [
        ("Eileen Collins", "Eileen Collins"),
        ("It is Eileen Collins.", "It is Eileen Collins."),
        ("<think>a</think>Eileen Collins", "Eileen Collins"),
        ("<think>a</think><answer>Eileen Collins", "Eileen Collins"),
        ("<answer>nobody</answer><answer>Eileen Collins</answer>", "Eileen Collins"),
    ],
)
def test_answers_without_tags_are_judged_as_in_the_published_setting(
    turn: str, judged: str
) -> None:
    """Right ones earn 1.0 there, and with the preset that follows the run."""
    for settings in ({"rewards": "paper"}, {"untagged_answer": "judge"}):
        info = course(turn, **settings)
        assert (info["ending"], info["answer"]) == ("answered", judged)
        assert info["reward_terms"]["accuracy"] == 1.0
        assert info["reward_terms"]["format"] == 0.0
        assert info["problems"][0] in ("untagged_answer", "answer_tags")
    for settings in ({}, {"rewards": "paper", "untagged_answer": "malformed"}):
        info = course(turn, **settings)
        assert (info["ending"], info["answer"]) == ("malformed", None)
        assert "accuracy" not in info["reward_terms"]


@pytest.mark.parametrize(
    "difference",
    [
        "JSON of the wrong shape (a list, no `arguments`) or with other arguments",
        "valid calls whose JSON does not stand on one line and end in `}}`",
        "an unclosed `<tool_call>` is a direct answer",
        "text between thought and answer",
        "duplicate tags",
        "a group whose rewards spread less than 1e-4 is dropped",
        "a thought that names a tag",
        "an answer inside of the thought or in front of it is judged",
        "without any all of the text is judged",
    ],
)
def test_the_page_lists_the_difference_and_what_we_do(difference: str) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if difference in line]
    assert len(rows) == 1
    there, here = rows[0].strip("| ").split(" | ")
    assert there
    assert here


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
