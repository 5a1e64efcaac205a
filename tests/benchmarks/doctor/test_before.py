"""What is seen before training: by hand on made-up episodes, and the command from end to end."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agents.models.chat import ChatEncoder, load_tokenizer
from agents.rollouts.trajectory import Trajectory
from benchmarks.doctor import before, rules
from benchmarks.doctor.before import Episodes
from benchmarks.doctor.findings import Finding
from benchmarks.training.checkup import DoctorSettings, findings_table
from tests.agents.helpers import trajectory
from tests.benchmarks.doctor.test_during import settings_named
from tests.benchmarks.runner import invoke
from vt_env import GROUP_SHAPERS, Ending, Outcome, PromptTemplate, group_shaper, load_template
from vt_env.config import EpisodeConfig
from vt_env.images.ladder import LadderCheck
from vt_env.rewards import RewardConfig

NONE = group_shaper("none")
PRICED = (0.025, 0.125)


def episode(
    need: bool | None, asked: bool, correct: bool | None, *, kept: bool = True, **changes: Any
) -> Trajectory:
    cost = PRICED[asked]
    terms = {"accuracy": float(bool(correct)), "format": 0.5 * kept, "token_cost": -cost}
    outcome = Outcome(correct, asked, kept, need)
    return trajectory(**({"outcome": outcome, "reward_terms": terms} | changes))


def episodes(in_need: int, others: int, asks: float = 0.5, lost: float = 1.0) -> Episodes:
    """Prompts of a model that reads all it can: right after asking, and directly where enough.

    Args:
        in_need: Prompts in need.
        others: Prompts without need.
        asks: Share of the four free episodes that ask.
        lost: Share of the prompts in need that are wrong at low resolution.
    """
    needs = [True] * in_need + [False] * others
    right_low = [not need or number >= lost * in_need for number, need in enumerate(needs)]
    low = [episode(n, False, right) for n, right in zip(needs, right_low, strict=True)]
    high = [episode(need, True, True) for need in needs]
    number = round(asks * 4)
    free = [[h] * number + [o] * (4 - number) for o, h in zip(low, high, strict=True)]
    return Episodes(low, high, free)


def test_what_is_well() -> None:
    played = episodes(10, 10)
    found = [
        before.requests(played, 8),
        before.protocol(played),
        before.spread(played, NONE),
        before.what_asking_pays(played, NONE, 8),
    ]
    assert [finding.severity for finding in found] == ["ok"] * 4
    assert np.allclose(played.costs(), PRICED) and played.needs() == [True, False]
    assert "+0.400, +0.900 on need, -0.100 on no need" in found[3].evidence


@pytest.mark.parametrize(
    ("asks", "severity", "advice"),
    [(0.0, "problem", "explains the tool"), (0.5, "ok", ""), (1.0, "warning", "Price them")],
)
def test_requests_before_training(asks: float, severity: str, advice: str) -> None:
    finding = before.requests(episodes(2, 2, asks), 8)
    assert finding.severity == severity and advice in finding.advice


def test_small_groups_seldom_hold_both_decisions() -> None:
    played = episodes(1, 9, asks=0.25)
    assert before.requests(played, 8).severity == "ok"
    finding = before.requests(played, 2)
    assert finding.severity == "warning"
    assert f"{1 - 0.75**2 - 0.25**2:.0%} of groups of 2" in finding.evidence


def test_the_protocol_before_training() -> None:
    plain = episodes(2, 2)
    lost = episode(True, False, False, kept=False, ending=Ending.MALFORMED)
    cut = episode(True, False, False, kept=False, ending=Ending.CUT_OFF)
    for free, severity, advice in (
        ([lost, lost], "problem", "--env.untagged_answer judge"),
        ([cut, cut], "problem", "Raise --engine.max_new_tokens"),
        ([lost, plain.high[0]], "warning", "--rewards.preset"),
    ):
        finding = before.protocol(replace(plain, free=[free]))
        assert finding.severity == severity and advice in finding.advice


def test_spread_before_training() -> None:
    assert before.spread(episodes(5, 5, asks=1.0), NONE).severity == "problem"
    unpriced = [[replace(t, reward_terms={"accuracy": 1.0}) for t in mine]
                for mine in episodes(0, 10).free]  # fmt: skip
    played = replace(episodes(0, 10), free=unpriced)
    assert before.spread(played, NONE).severity == "problem"
    assert before.spread(played, group_shaper("all_penalty")).severity == "ok"


@pytest.mark.parametrize(
    ("in_need", "others", "severity"),
    [(50, 50, "ok"), (20, 80, "warning"), (5, 95, "problem"), (0, 100, "problem")],
)
def test_what_asking_pays_by_the_share_in_need(in_need: int, others: int, severity: str) -> None:
    """Half: requests stayed. 20%: they nearly died. 5%: they died."""
    finding = before.what_asking_pays(episodes(in_need, others), NONE, 8)
    assert finding.severity == severity
    assert (before.PER_TERM in finding.advice) is (severity != "ok" and in_need > 0)
    if in_need:
        quiet = before.what_asking_pays(episodes(in_need, others), NONE, 8, per_term=True)
        assert quiet.severity == "ok"


def test_without_a_price_nothing_holds_requests_back() -> None:
    def free_of_charge(t: Trajectory) -> Trajectory:
        return replace(t, reward_terms={**t.reward_terms, "token_cost": 0.0})

    played = episodes(5, 5)
    played = Episodes(
        [free_of_charge(t) for t in played.low], [free_of_charge(t) for t in played.high], []
    )
    finding = before.what_asking_pays(played, NONE, 8)
    assert finding.severity == "warning" and "Nothing holds requests back" in finding.evidence
    shaped = before.what_asking_pays(played, group_shaper("paper"), 8)
    assert shaped.severity == "ok"
    assert np.allclose(before.gains(played, group_shaper("paper"), 8), [1.1] * 5 + [-0.1] * 5)


def test_gains_without_a_verdict_are_unknown() -> None:
    unknown = [episode(None, asked, None) for asked in (False, True)]
    finding = before.what_asking_pays(Episodes(unknown[:1], unknown[1:], []), NONE, 8)
    assert finding.severity == "problem" and "judged" in finding.evidence


def pay(group: int = 8, shaper: str = "none", price: float = 0.0, **params: Any) -> rules.Pay:
    config = RewardConfig(price=price)
    costs = (0.25 * price, 1.25 * price)
    bound = group_shaper(shaper, **params)
    return rules.Pay(config, costs, bound, "grpo", "group", {}, group)


def test_compositions_are_all_of_them() -> None:
    groups = list(rules.compositions(8, None))
    assert len(groups) == math.comb(11, 3) == 165
    assert len({tuple(sorted((o.correct, o.requested) for o in g)) for g in groups}) == 165
    assert all(len(group) == 8 for group in groups)


def test_signs_by_hand() -> None:
    """15 right directly or after asking and 1 wrong: the mean is 0.9375 - 0.1 asked / 16."""
    group = [Outcome(True, True, True)] + [Outcome(True, False, True)] * 14
    group.append(Outcome(False, False, True))
    _, shaped, plain = rules.advantages(pay(16, "all_penalty"), [group])
    assert shaped[0, 0] < 0 < plain[0, 0]
    _, guarded, _ = rules.advantages(pay(16, "all_penalty", sign_guard=True), [group])
    assert guarded[0, 0] >= 0


@pytest.mark.parametrize(
    ("paid", "severity"),
    [
        (pay(8, price=0.1), "ok"),
        (pay(8, "all_penalty"), "ok"),
        (pay(16, "all_penalty"), "warning"),
        (pay(16, "all_penalty", sign_guard=True), "ok"),
        (pay(8, price=2.0), "problem"),
        (pay(8, "every_request", penalty=1.5), "problem"),
    ],
)
def test_penalties_that_turn_signs(paid: rules.Pay, severity: str) -> None:
    assert rules.signs(paid, [None]).severity == severity


def test_every_shaper_can_be_looked_at() -> None:
    for name in GROUP_SHAPERS:
        paid = pay(4, name)
        assert rules.signs(paid, [True, False, None]).evidence, name


@pytest.mark.parametrize(
    ("group", "bound", "severity"),
    [
        (8, 0.2, "ok"),
        (4, 0.2, "warning"),
        (6, 0.2, "ok"),
        (5, 0.2, "warning"),
        (8, 0.0, "warning"),
        (8, 0.9, "problem"),
    ],
)
def test_theta_and_the_group(group: int, bound: float, severity: str) -> None:
    finding = rules.theta("paper", {"theta": bound}, group)
    assert finding is not None and finding.severity == severity
    if (group, bound) == (4, 0.2):
        assert "0.25" in finding.evidence and "--grpo.num_generations 6" in finding.advice


def test_theta_of_other_shapers() -> None:
    assert rules.theta("none", {}, 8) is None and rules.theta("curiosity", {}, 8) is None
    released = rules.theta("released", {}, 5)
    assert released is not None and released.severity == "ok", "its r = 1/5 is below 0.2"


def silent() -> PromptTemplate:
    return replace(load_template("brief"), system="Answer.", user="{question}")


def test_tools() -> None:
    brief, both = load_template("brief"), EpisodeConfig(tools=("resize", "crop"))
    assert rules.tools_offered(brief, EpisodeConfig()).severity == "ok"
    assert rules.tools_offered(load_template("agent"), both).severity == "ok"
    assert rules.tools_offered(brief, EpisodeConfig(tools=())).severity == "problem"
    assert rules.tools_offered(brief, EpisodeConfig(max_turns=1)).severity == "problem"
    finding = rules.tools_offered(silent(), both)
    assert finding.severity == "warning" and "nothing of resize, crop" in finding.evidence


def test_chat_templates(checkpoint: Path) -> None:
    tokenizer = load_tokenizer(checkpoint)
    own = str(tokenizer.chat_template)
    user_only = (
        "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}\n"
        "{% for c in m.content %}{{ c.text }}{% endfor %}<|im_end|>\n{% endfor %}"
    )
    raises = "{{ raise_exception('System role not supported') }}"
    for chat, severity in ((own, "ok"), (user_only, "problem"), (raises, "problem")):
        tokenizer.chat_template = chat
        finding = rules.chat_template(ChatEncoder(tokenizer), "Answer, or ask.")
        assert finding.severity == severity, chat
        assert rules.chat_template(ChatEncoder(tokenizer), "").severity == "ok"
    assert "System role not supported" in finding.evidence


def test_ladders() -> None:
    config = EpisodeConfig()
    for climbable, severity in ((10, "ok"), (2, "warning"), (0, "problem")):
        found = LadderCheck(climbable, 10, (56, 56))
        assert rules.ladder(found, config).severity == severity
    assert rules.ladder(LadderCheck(0, 0), config).severity == "ok"


def test_advice_names_settings_that_exist() -> None:
    found = [
        before.requests(episodes(2, 2, 0.0), 8),
        before.protocol(replace(episodes(1, 1), free=[[episode(True, False, False, kept=False)]])),
        before.spread(episodes(5, 5, 1.0), NONE),
        before.what_asking_pays(episodes(5, 95), NONE, 8),
        before.what_asking_pays(episodes(0, 9), NONE, 8),
        rules.signs(pay(16, "all_penalty"), [None]),
        rules.signs(pay(8, price=2.0), [None]),
        rules.theta("paper", {}, 4),
        rules.theta("paper", {"theta": 0.9}, 4),
        rules.tools_offered(silent(), EpisodeConfig()),
        rules.tools_offered(silent(), EpisodeConfig(tools=())),
        rules.ladder(LadderCheck(0, 10, (56, 56)), EpisodeConfig()),
    ]
    assert all(finding is not None and finding.advice for finding in found)
    assert settings_named(finding.advice for finding in found if finding) == set()


def test_the_table_holds_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.report.terminal import console

    console.print(findings_table([Finding("spread", "problem", "100% [all].", "Try [this].")]))
    said = capsys.readouterr().out
    for text in ("spread", "problem", "100% [all].", "→ Try [this]."):
        assert text in said


FEW = ("--backend", "transformers", "--doctor.prompts", "6", "--doctor.samples", "2")


def test_the_command_on_the_embedded_model(tmp_path: Path) -> None:
    done = invoke("doctor", *FEW, "--out", str(tmp_path / "out"))
    assert done.exception is None, done.exception
    record = json.loads((tmp_path / "out" / "doctor.json").read_text())
    found = {finding["name"]: finding["severity"] for finding in record["findings"]}
    assert {"tools", "chat template", "ladder", "signs", "requests", "protocol"} <= set(found)
    assert found["protocol"] == found["signs"] == found["ladder"] == "ok"
    assert (done.exit_code == 1) is ("problem" in found.values())
    assert record["metrics"]["low"]["resize_call_ratio"] == 0.0
    assert record["metrics"]["high"]["resize_call_ratio"] == 1.0
    assert record["settings"]["doctor"]["prompts"] == 6
    assert "what asking pays" in done.output


def test_a_problem_ends_with_exit_code_1(tmp_path: Path) -> None:
    """A picture so small that nothing sharper can be asked for, and a price that is too high."""
    Image.new("RGB", (28, 28), "red").save(tmp_path / "a.png")
    row = {"image": "a.png", "question": "What color?", "answer": "red"}
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps(row) + "\n")
    done = invoke("doctor", *FEW, "--data", str(data), "--rewards.price", "3")
    assert done.exception is None, done.exception
    assert done.exit_code == 1
    assert "ladder" in done.output and "problem" in done.output
    assert not list(tmp_path.glob("**/doctor.json"))


def test_its_settings_are_those_of_training() -> None:
    assert DoctorSettings().doctor.prompts == 64
    assert invoke("doctor", "--doctor.prompts", "0").exit_code != 0
    assert invoke("doctor", "--shaper", "papr").exception is not None
