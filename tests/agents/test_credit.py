"""Credit by turn: by hand, by its algebra, and as the learner takes it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agents.backends import GenerationBackend, Sampling
from agents.errors import AlignmentError, TrainingError
from agents.grpo.advantages import comparison, finish_groups, leave_one_out_advantages
from agents.grpo.algorithm import GRPOConfig
from agents.grpo.credit import CreditSettings, with_turn_advantages
from agents.grpo.losses import TokenBatch
from agents.grpo.packing.batching import as_groups
from agents.models.checkpoints import load_model
from agents.rollouts.collect import collect
from agents.rollouts.trajectory import Trajectory
from judges import make_judge
from tests.agents.helpers import a_collator, build_learner, trajectory
from tests.agents.test_learner import distance, gradients
from vt_env.env import VisionThinkEnv
from vt_env.rewards import Outcome
from vt_env.shapers import group_shaper

TURNS = {"mask": (1, 0, 1), "logprobs": (-0.5, 0.0, -0.5)}
"""Of an episode with a token in each of two turns."""


def member(asked: bool, correct: bool | None, cost: float, **changes: Any) -> Trajectory:
    terms = {"accuracy": float(bool(correct)), "token_cost": cost}
    outcome = Outcome(correct=correct, requested=asked, well_formed=True)
    return trajectory(
        reward_terms=terms, outcome=outcome, **{**(TURNS if asked else {}), **changes}
    )


GROUP = [
    member(True, True, -0.5),
    member(True, False, -0.5),
    member(False, True, -0.25),
    member(False, False, -0.25),
]


def credited(
    group: Sequence[Trajectory],
    size: int = 4,
    shaper: str = "none",
    guard: bool = False,
    **own: Any,
) -> list[Trajectory]:
    """Centred advantages, and the credit of turns."""
    done = finish_groups(group, size, group_shaper(shaper, sign_guard=guard), "none")
    settings = CreditSettings(**own)
    return with_turn_advantages(done, size, comparison(size, "none"), settings, sign_guard=guard)


def turns(done: Sequence[Trajectory]) -> list[Any]:
    return [t.turn_advantages and pytest.approx(t.turn_advantages) for t in done]


def test_by_default_nothing_is_added() -> None:
    done = credited(GROUP)
    assert [t.turn_advantages for t in done] == [None] * 4
    assert [t.credits for t in done] == [[(t.advantage, sum(t.mask))] for t in done]


def test_an_answer_is_compared_with_those_that_took_the_same_path() -> None:
    done = credited(GROUP, credit="turn")
    assert [t.advantage for t in done] == pytest.approx([0.375, -0.625, 0.625, -0.375])
    assert turns(done) == [(0.375, 0.5), (-0.625, -0.5), (0.625,), (-0.375,)]
    assert done[0].credits == [(pytest.approx(0.375), 1), (pytest.approx(0.5), 1)]


def test_one_of_a_kind_compares_nothing() -> None:
    longer = member(True, True, -0.5, mask=(1, 1, 0), turns=(1, 1, 0), logprobs=(-0.5, -0.5, 0.0))
    done = credited([GROUP[0], longer, GROUP[2], GROUP[3]], credit="turn")
    assert [t.turn_advantages and t.turn_advantages[1:] for t in done] == [(0,), (0, 0), (), ()]
    size = 4
    whitened = comparison(size, "batch", leave_one_out_advantages)
    done = finish_groups([*GROUP, *done], size, group_shaper("none"), "batch")
    found = with_turn_advantages(done, size, whitened, CreditSettings(credit="turn"))
    assert [t.turn_advantages and t.turn_advantages[1:] for t in found[4:6]] == [(0,), (0, 0)]


def test_a_forced_request_is_a_turn_without_tokens() -> None:
    forced = member(True, True, -0.5, mask=(0, 0, 1), turns=(0, 1), logprobs=(0.0, 0.0, -0.5))
    done = credited([forced, *GROUP[1:]], credit="turn")
    assert turns(done)[:2] == [(0.375, 0.5), (-0.625, -0.5)]
    assert done[0].credits == [(pytest.approx(0.375), 0), (pytest.approx(0.5), 1)]
    with pytest.raises(AlignmentError, match=r"1 sampled tokens in turns of \[1, 1\]"):
        replace(forced, turns=(1, 1))


def test_dtpo_adds_the_decision_to_the_first_turn() -> None:
    done = credited(GROUP, credit="dtpo", turn_weight=0.5)
    assert turns(done) == [(0.4375, 0.5), (-0.5625, -0.5), (0.5625,), (-0.4375,)]
    other = credited(GROUP, credit="dtpo", turn_weight=0.5, decision_terms=("accuracy",))
    assert turns(other)[0] == (0.25 - 0.125, -0.125)


def test_what_is_not_known_has_no_credit() -> None:
    done = credited([member(True, None, 0.0), *GROUP[:3]], credit="turn")
    assert (done[0].advantage, done[0].turn_advantages) == (None, None)
    assert done[0].credits == [(0.0, 2)]
    assert [t.turn_advantages and t.turn_advantages[1:] for t in done[1:]] == [(0.5,), (-0.5,), ()]


def test_the_guard_holds_in_every_turn() -> None:
    """A request that pays 2 is a bad one; with the guard no turn of a right answer is."""
    group = [member(True, True, 0.0), member(True, False, 0.0), *[member(False, True, 0.0)] * 2]
    for credit in ("turn", "dtpo"):
        own = {"shaper": f"{__name__}:steep", "credit": credit, "turn_weight": 1.0}
        open_, held = credited(group, **own), credited(group, guard=True, **own)
        assert open_[0].turn_advantages and open_[0].turn_advantages[0] < 0
        assert held[0].turn_advantages and min(held[0].turn_advantages) >= 0
        assert held[1].turn_advantages == open_[1].turn_advantages


def steep(outcomes: Sequence[Outcome]) -> list[float]:
    return [-2.0 if o.requested else 0.0 for o in outcomes]


REWARDS = st.lists(
    st.tuples(st.booleans(), st.floats(-1, 1, width=32), st.floats(-1, 0, width=32)),
    min_size=8,
    max_size=8,
)


@given(values=REWARDS)
def test_the_parts_add_up(values: list[tuple[bool, float, float]]) -> None:
    """Centred only, terms are linear: at weight 1 the first turn has the whole advantage."""
    group = [
        replace(member(asked, True, cost), reward_terms={"accuracy": right, "token_cost": cost})
        for asked, right, cost in values
    ]
    for t in credited(group, credit="dtpo", turn_weight=1.0):
        assert t.turn_advantages and t.turn_advantages[0] == pytest.approx(t.advantage, abs=1e-9)
    for t in credited(group, credit="dtpo", turn_weight=0.0):
        assert t.turn_advantages and len(set(t.turn_advantages)) == 1
    done = credited(group, credit="turn")
    for number in (0, 4):
        found = [t.turn_advantages or () for t in done[number : number + 4]]
        later = [advantages[1] for advantages in found if len(advantages) > 1]
        assert sum(later) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss_type": "gspo"}, "loss_type 'gspo' works on whole"),
        ({"loss_type": "luspo"}, "loss_type 'luspo'"),
        ({"loss_type": "gmpo"}, "loss_type 'gmpo'"),
        ({"loss_type": "vespo"}, "loss_type 'vespo'"),
        ({"importance_sampling_level": "sequence"}, "importance_sampling_level 'sequence'"),
        ({"off_policy_mask_threshold": 0.5}, "off_policy_mask_threshold"),
    ],
)
def test_losses_of_whole_sequences_are_refused(settings: dict[str, Any], message: str) -> None:
    for credit in ("turn", "dtpo"):
        with pytest.raises(TrainingError, match=message):
            GRPOConfig().training(credit=credit, **settings).validate()
    GRPOConfig().training(**settings).validate()


def test_losses_of_tokens_are_not() -> None:
    for loss in ("dapo", "grpo", "dr_grpo", "bnpo", "cispo", "sapo", "dppo", "gspo_token"):
        GRPOConfig().training(credit="dtpo", loss_type=loss).validate()


def test_tokens_have_the_advantage_of_their_turn() -> None:
    logp = torch.zeros(3)
    rows = torch.tensor([0, 0, 1])
    batch = TokenBatch(logp, logp, logp, torch.tensor([1.0, 2.0]), rows, logp)
    assert batch.token_advantages.tolist() == [1.0, 1.0, 2.0]
    batch = replace(batch, turn_advantages=torch.tensor([3.0, 4.0, 5.0]))
    assert batch.token_advantages.tolist() == [3.0, 4.0, 5.0]


@pytest.fixture(scope="module")
def played(hf_backend: GenerationBackend) -> list[Trajectory]:
    factory = VisionThinkEnv(split="validation", seed=11).factory
    episodes = [e for index in range(3) for e in factory.group(index, 4)]
    found = collect(hf_backend, episodes, make_judge("rule"), Sampling(seed=2, max_new_tokens=32))
    drawn = np.random.default_rng(0).normal(size=(len(found), 2))
    assert {len(t.turns) for t in found} == {1, 2}
    return [
        replace(t, advantage=1.0, turn_advantages=tuple(map(float, pair[: len(t.turns)])))
        for t, pair in zip(found, drawn, strict=True)
    ]


@pytest.mark.parametrize("packing", ["tree", "padded"])
def test_the_collator_gives_each_token_that_of_its_turn(
    played: list[Trajectory], hf_backend: GenerationBackend, checkpoint: Path, packing: Any
) -> None:
    collate = a_collator(checkpoint, load_model(checkpoint), hf_backend.encoder)
    groups = [played[i : i + 4] for i in (0, 4, 8)]
    for rows in collate.plan(groups, packing, None):
        batch = collate(rows, packing)
        members = [t for row in rows for t in row.members]
        expected = [a for t in members for a, n in t.credits for _ in range(n)]
        assert batch.turn_advantages is not None
        assert batch.turn_advantages.tolist() == pytest.approx(expected)
        assert len(expected) == len(batch.targets)
    plain = [[replace(t, turn_advantages=None) for t in group] for group in groups]
    (rows,) = collate.plan(plain, "padded", None)
    assert collate(rows, "padded").turn_advantages is None


def test_the_gradient_is_that_of_the_turns(played: list[Trajectory], checkpoint: Path) -> None:
    """It is linear in the advantages: that of each turn alone adds up to that of both."""

    def of(which: Sequence[float] | None) -> dict[str, torch.Tensor]:
        given = [
            replace(
                t,
                advantage=0.7,
                turn_advantages=None
                if which is None
                else tuple(f * a for f, a in zip(which, t.turn_advantages or (), strict=False)),
            )
            for t in played
        ]
        learner = build_learner(checkpoint, num_generations=4, beta=0.0)
        return gradients(learner, as_groups(given, 4))

    first, second, both = of((1.0, 0.0)), of((0.0, 1.0)), of((1.0, 1.0))
    assert distance(first, both) > 0.1 < distance(second, both)
    assert distance({name: first[name] + second[name] for name in both}, both) < 1e-4
    assert distance(of(None), both) > 0.1
