"""Every loss against plain loops in float64, written from the equations of the papers."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.grpo.losses import LOSS_TYPES, BatchSize, LossConfig, TokenBatch, kl_to_reference
from vt_env.errors import ConfigError

Sequence = list[tuple[torch.Tensor, float, float, float, float]]
"""Log-probs of a sequence's tokens: policy (with gradient), old, engine, reference; entropy."""
OWN = ("grpo", "dr_grpo", "dapo", "bnpo", "gspo", "gspo_token", "luspo", "gmpo", "vespo", "cispo",
       "sapo", "dppo")  # fmt: skip
MODES = ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask")


@dataclass
class Case:
    """A ragged batch, as lists."""

    sequences: list[Sequence]
    advantages: list[float]

    @property
    def tokens(self) -> int:
        return sum(len(s) for s in self.sequences)


def ratio(sequence: Sequence, level: str, place: int) -> torch.Tensor:
    logs = [p - old for p, old, *_ in sequence]
    if level == "token":
        return logs[place].exp()
    return (sum(logs, torch.tensor(0.0)) / len(logs)).exp()


def clip(r: torch.Tensor, a: float, c: LossConfig) -> torch.Tensor:
    return min(r * a, r.clamp(1 - c.epsilon, 1 + c.upper) * a, key=torch.Tensor.item)


def weight(sequence: Sequence, place: int, c: LossConfig) -> float:
    """w of the mismatch correction."""
    logs = [old - engine for _, old, engine, *_ in sequence]
    level, limit = c.vllm_importance_sampling_mode.split("_")
    w = math.exp(logs[place] if level == "token" else sum(logs))
    low, high = c.vllm_importance_sampling_clip_min, c.vllm_importance_sampling_clip_max
    low, high = (0.0 if low is None else low), (math.inf if high is None else high)
    return min(max(w, low), high) if limit == "truncate" else w * (low <= w <= high)


def kept(sequence: Sequence, a: float, c: LossConfig) -> bool:
    gaps = [engine - p.item() for p, _, engine, *_ in sequence]
    limit = c.off_policy_mask_threshold
    return limit is None or a >= 0 or sum(gaps) / len(gaps) <= limit


def gain(name: str, s: Sequence, t: int, a: float, c: LossConfig) -> torch.Tensor:  # noqa: PLR0911 - a case a loss
    """What token `t` of a sequence gains; of losses of whole sequences, the sequence's gain."""
    p, old, *_ = s[t]
    r = (p - old).exp()
    if name in ("grpo", "dr_grpo", "dapo", "bnpo"):
        return clip(ratio(s, c.importance_sampling_level, t), a, c)
    if name in ("gspo", "luspo"):
        return clip(ratio(s, "sequence", t), a, c)
    if name == "gspo_token":
        return clip(ratio(s, "sequence", t).item() * p.exp() / p.exp().item(), a, c)
    if name == "gmpo":
        total = torch.tensor(0.0)
        for q, o, *_ in s:
            total = total + ((q - o).clamp(max=c.upper) if a > 0 else (q - o).clamp(-c.epsilon))
        return (total / len(s)).exp() * a
    if name == "cispo":
        return min(ratio(s, c.importance_sampling_level, t).item(), 1 + c.upper) * a * p
    if name == "sapo":
        tau = c.sapo_temperature_pos if a > 0 else c.sapo_temperature_neg
        r = ratio(s, c.importance_sampling_level, t)
        return 4 / tau / (1 + (-tau * (r - 1)).exp()) * a
    if name == "dppo":
        new, before = math.exp(p.item()), math.exp(old)
        away = abs(new - before)
        if c.dppo_divergence == "kl":
            others = math.log((1 - before + 1e-8) / (1 - new + 1e-8))
            away = before * (old - p.item()) + (1 - before) * others
        blocked = (a > 0 and new > before and away > c.upper) or (
            a <= 0 and new <= before and away > c.epsilon
        )
        return 0.0 * p if blocked else min(r.item(), 20.0) * a * p
    assert name == "vespo"
    k = c.vespo_k_pos if a >= 0 else c.vespo_k_neg
    decay = c.vespo_lambda_pos if a >= 0 else c.vespo_lambda_neg
    log_w = sum(q.item() - o for q, o, *_ in s)
    if c.vllm_importance_sampling_correction:
        places = range(len(s)) if c.vllm_importance_sampling_mode.startswith("token") else [0]
        log_w += sum(math.log(max(weight(s, i, c), 1e-8)) for i in places)
    w = math.exp(max(log_w, math.log(1e-8)))
    phi: float = w**k * math.exp(decay * (1 - w))
    return p * (phi * a)


def kl(p: torch.Tensor, ref: float, name: str) -> torch.Tensor:
    if name == "k1":
        return p - ref
    if name == "k2":
        return (p - ref) ** 2 / 2
    return (ref - p).exp() - (ref - p) - 1


def reference(name: str, case: Case, c: LossConfig, with_ref: bool) -> torch.Tensor:
    """The loss of a whole batch, a token at a time."""
    total = torch.tensor(0.0)
    for s, a in zip(case.sequences, case.advantages, strict=True):
        for t, (p, _, _, ref, entropy) in enumerate(s):
            term = gain(name, s, t, a, c) * kept(s, a, c)
            if c.vllm_importance_sampling_correction and name != "vespo":
                term = term * weight(s, t, c)
            term = term + c.entropy_coef * entropy
            if with_ref:
                term = term - c.beta * kl(p, ref, c.kl_estimator)
            divisor = {
                "grpo": len(s) * len(case.sequences),
                "dr_grpo": len(case.sequences) * c.max_completion_length,
                "luspo": len(case.sequences),
            }
            for other in ("gspo", "gspo_token", "gmpo", "sapo"):
                divisor[other] = divisor["grpo"]
            total = total - term / divisor.get(name, case.tokens)
    return total


LOGP, ADVANTAGE = st.floats(-4, -0.05), st.floats(-2, 2)
SHIFT = st.floats(-0.8, 0.8)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    sequences = []
    for length in lengths:
        sequence = []
        for _ in range(length):
            old = draw(LOGP)
            p = torch.tensor(min(old + draw(SHIFT), -0.01), dtype=torch.float64)
            sequence.append(
                (p, old, old + draw(SHIFT) / 2, old + draw(SHIFT), draw(st.floats(0, 2)))
            )
        sequences.append(sequence)
    advantages = [draw(st.one_of(st.just(0.0), ADVANTAGE)) for _ in lengths]
    return Case(sequences, advantages)


configs: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    epsilon=st.sampled_from([0.1, 0.2, 0.4]),
    epsilon_high=st.sampled_from([None, 0.28, 0.05]),
    beta=st.sampled_from([0.0, 0.1]),
    kl_estimator=st.sampled_from(["k1", "k2", "k3"]),
    importance_sampling_level=st.sampled_from(["token", "sequence"]),
    max_completion_length=st.integers(1, 20),
    vllm_importance_sampling_correction=st.booleans(),
    vllm_importance_sampling_mode=st.sampled_from(MODES),
    vllm_importance_sampling_clip_max=st.sampled_from([None, 1.3, 3.0]),
    vllm_importance_sampling_clip_min=st.sampled_from([None, 0.5, 0.9]),
    off_policy_mask_threshold=st.sampled_from([None, 0.1]),
    dppo_divergence=st.sampled_from(["tv", "kl"]),
    entropy_coef=st.sampled_from([0.0, 0.01]),
)


def tensors(case: Case, with_ref: bool) -> TokenBatch:
    flat = [token for sequence in case.sequences for token in sequence]
    rows = [row for row, sequence in enumerate(case.sequences) for _ in sequence]

    def column(place: int) -> torch.Tensor:
        return torch.tensor([torch.as_tensor(token[place]).item() for token in flat])

    return TokenBatch(
        logp=column(0).requires_grad_(),
        old_logp=column(1),
        sampler_logp=column(2),
        advantages=torch.tensor(case.advantages, dtype=torch.float64),
        rows=torch.tensor(rows),
        entropy=column(4),
        ref_logp=column(3) if with_ref else None,
    )


@pytest.fixture(autouse=True)
def in_float64() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_these_are_all() -> None:
    ours = [name for name, loss in LOSS_TYPES.items() if loss.__module__.startswith("agents.")]
    assert set(ours) == set(OWN)


@pytest.mark.parametrize("name", OWN)
@given(case=cases(), values=configs, with_ref=st.booleans())
@settings(max_examples=40, deadline=None)
def test_value_and_gradient_are_those_of_the_equation(
    name: str, case: Case, values: dict[str, Any], with_ref: bool
) -> None:
    config = LossConfig(loss_type=name, **values)
    leaves = [p.requires_grad_() for s in case.sequences for p, *_ in s]
    for leaf in leaves:
        leaf.grad = None
    expected = reference(name, case, config, with_ref)
    expected.backward()
    batch = tensors(case, with_ref)
    found, _ = LOSS_TYPES[name](batch, BatchSize(len(case.sequences), case.tokens), config)
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-9, abs=1e-12)
    slopes = [0.0 if leaf.grad is None else leaf.grad.item() for leaf in leaves]
    assert batch.logp.grad is not None
    assert batch.logp.grad.tolist() == pytest.approx(slopes, rel=1e-9, abs=1e-12)


def part(batch: TokenBatch, row: int) -> TokenBatch:
    mine = batch.rows == row
    fields = {name: getattr(batch, name)[mine].detach() for name in
              ("logp", "old_logp", "sampler_logp", "entropy")}  # fmt: skip
    ref = None if batch.ref_logp is None else batch.ref_logp[mine]
    rows, one = batch.rows[mine] * 0, batch.advantages[row : row + 1]
    return TokenBatch(**fields, advantages=one, rows=rows, ref_logp=ref)


@pytest.mark.parametrize("name", [name for name in OWN if name != "bnpo"])
@given(case=cases())
@settings(max_examples=10, deadline=None)
def test_micro_batches_add_up(name: str, case: Case) -> None:
    config, size = LossConfig(loss_type=name), BatchSize(len(case.sequences), case.tokens)
    batch = tensors(case, with_ref=True)
    whole, metrics = LOSS_TYPES[name](batch, size, config)
    losses = [LOSS_TYPES[name](part(batch, row), size, config) for row in range(size.sequences)]
    assert sum(x.item() for x, _ in losses) == pytest.approx(whole.item(), abs=1e-12)
    for key, value in metrics.items():
        assert sum(m[key].item() for _, m in losses) == pytest.approx(value.item(), abs=1e-9)


@given(case=cases())
@settings(max_examples=10, deadline=None)
def test_bnpo_is_grpo_a_sequence_at_a_time_and_dapo_all_at_once(case: Case) -> None:
    size, batch = BatchSize(len(case.sequences), case.tokens), tensors(case, with_ref=True)
    config = LossConfig()
    whole = LOSS_TYPES["bnpo"](batch, size, config)[0].item()
    assert whole == pytest.approx(LOSS_TYPES["dapo"](batch, size, config)[0].item())
    each = [LOSS_TYPES["bnpo"](part(batch, row), size, config)[0] for row in range(size.sequences)]
    grpo = LOSS_TYPES["grpo"](batch, size, config)[0].item()
    assert sum(x.item() for x in each) == pytest.approx(grpo)


@pytest.mark.parametrize("name", OWN)
def test_flat_sequences_count_in_what_is_divided_by_and_nothing_else(name: str) -> None:
    """The other half has the gradient that it has without them, with a KL term or not."""
    live: Sequence = [(torch.tensor(-1.0), -1.0, -1.0, -1.0, 0.0)] * 3
    case = Case([live, live], [1.0, 0.0])
    for with_ref in (False, True):
        batch = tensors(case, with_ref)
        LOSS_TYPES[name](batch, BatchSize(2, 6), LossConfig(loss_type=name))[0].backward()
        assert batch.logp.grad is not None
        alone = tensors(Case([live], [1.0]), with_ref)
        LOSS_TYPES[name](alone, BatchSize(2, 6), LossConfig(loss_type=name))[0].backward()
        assert alone.logp.grad is not None
        assert batch.logp.grad.tolist()[:3] == pytest.approx(alone.logp.grad.tolist())
        assert batch.logp.grad.tolist()[3:] == pytest.approx([0.0] * 3)


@pytest.mark.parametrize("name", OWN)
def test_far_off_tokens_explode_nothing(name: str) -> None:
    """Gaps of 100 nats in float32, in every direction, to old policy, engine and reference."""
    torch.set_default_dtype(torch.float32)
    far = torch.tensor([-0.1, -100.0, -0.1, -100.0, -50.0])
    for config in (LossConfig(loss_type=name), LossConfig(loss_type=name, dppo_divergence="kl")):
        for shifts in ((1, 2, 3), (2, 3, 4), (3, 1, 2)):
            old, engine, ref = (far.roll(n) for n in shifts)
            logp = far.clone().requires_grad_()
            rows, advantages = torch.tensor([0, 0, 1, 1, 1]), torch.tensor([1.0, 0.5])
            batch = TokenBatch(logp, old, engine, advantages, rows, -logp.detach(), ref)
            loss, sums = LOSS_TYPES[name](batch, BatchSize(2, 5), config)
            loss.backward()
            assert torch.isfinite(loss) and logp.grad is not None
            assert torch.isfinite(logp.grad).all()
            assert all(torch.isfinite(value) for value in sums.values())


@pytest.mark.parametrize("gap", [-100.0, -23.0, 0.5, 2.0, 23.0, 100.0])
def test_k3_neither_grows_nor_pulls_without_bound(gap: float) -> None:
    torch.set_default_dtype(torch.float32)
    logp = torch.tensor([-1.0], requires_grad=True)
    value = kl_to_reference(logp, logp.detach() + gap)
    value.sum().backward()
    assert logp.grad is not None
    exact = math.exp(gap) - gap - 1 if gap < 50 else math.inf
    assert value.item() == pytest.approx(min(exact, 10.0), rel=1e-5)
    slope = 0.0 if exact > 10 else 1 - math.exp(gap)
    assert logp.grad.item() == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_estimators_are_of_the_same_divergence() -> None:
    """Means over all tokens of a small vocabulary: k1 and k3 are the KL, k2 is near it."""
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.45, 0.33, 0.22])
    exact = (p * (p / q).log()).sum().item()
    means = {k: (p * kl_to_reference(p.log(), q.log(), k)).sum().item() for k in ("k1", "k2", "k3")}
    assert means["k1"] == pytest.approx(exact)
    assert means["k3"] == pytest.approx(exact)
    assert means["k2"] == pytest.approx(exact, rel=0.1)


def mismatched(mode: str, low: float | None, high: float | None) -> list[float]:
    """Gradients of two sequences whose tokens weigh (4, 1/4) and (2, 2)."""
    old = torch.tensor([-2.0] * 4)
    engine = old - torch.tensor([4.0, 0.25, 2.0, 2.0]).log()
    logp = old.clone().requires_grad_()
    batch = TokenBatch(logp, old, engine, torch.ones(2), torch.tensor([0, 0, 1, 1]), torch.zeros(4))
    config = LossConfig(
        vllm_importance_sampling_mode=mode,  # type: ignore[arg-type]
        vllm_importance_sampling_clip_min=low,
        vllm_importance_sampling_clip_max=high,
    )
    LOSS_TYPES["dapo"](batch, BatchSize(2, 4), config)[0].backward()
    assert logp.grad is not None
    return [-4 * slope for slope in logp.grad.tolist()]


@pytest.mark.parametrize(
    ("mode", "low", "high", "weights"),
    [
        ("token_truncate", None, 3.0, [3, 0.25, 2, 2]),
        ("token_truncate", 0.5, 3.0, [3, 0.5, 2, 2]),
        ("token_mask", None, 3.0, [0, 0.25, 2, 2]),
        ("token_mask", 0.5, 5.0, [4, 0, 2, 2]),  # IcePop
        ("token_mask", 0.5, None, [4, 0, 2, 2]),
        ("sequence_truncate", None, 3.0, [1, 1, 3, 3]),
        ("sequence_mask", None, 3.0, [1, 1, 0, 0]),
        ("sequence_mask", 2.0, None, [0, 0, 4, 4]),
        ("sequence_mask", None, None, [1, 1, 4, 4]),
    ],
)
def test_what_each_correction_does(
    mode: str, low: float | None, high: float | None, weights: list[float]
) -> None:
    assert mismatched(mode, low, high) == pytest.approx(weights)


def test_the_defaults_are_those_of_trl() -> None:
    config = LossConfig()
    assert config.vllm_importance_sampling_correction
    assert config.vllm_importance_sampling_mode == "sequence_mask"
    assert config.vllm_importance_sampling_clip_max == 3.0
    assert config.vllm_importance_sampling_clip_min is None
    assert config.off_policy_mask_threshold is None
    assert (config.sapo_temperature_pos, config.sapo_temperature_neg) == (1.0, 1.05)
    assert (config.vespo_k_pos, config.vespo_lambda_pos) == (2.0, 3.0)
    assert (config.vespo_k_neg, config.vespo_lambda_neg) == (3.0, 2.0)
    with pytest.raises(ConfigError, match=r"clip_min \(4\) must not exceed .*clip_max \(3\)"):
        replace(config, vllm_importance_sampling_clip_min=4.0)


def test_bad_sequences_that_the_policy_has_left_are_masked() -> None:
    logp = torch.tensor([-3.0, -3.0, -3.0, -1.1], requires_grad=True)
    old = torch.full((4,), -1.0)
    batch = TokenBatch(
        logp, old, old, torch.tensor([1.0, -1.0, -1.0]), torch.tensor([0, 1, 1, 2]), torch.zeros(4)
    )
    run: Callable[[LossConfig], Any] = lambda c: LOSS_TYPES["cispo"](batch, BatchSize(3, 4), c)  # noqa: E731
    loss, sums = run(LossConfig(off_policy_mask_threshold=0.5))
    loss.backward()
    assert logp.grad is not None
    assert [slope != 0 for slope in logp.grad.tolist()] == [True, False, False, True]
    assert sums["sampling/off_policy_masked"].item() == 2
    assert "sampling/off_policy_masked" not in run(LossConfig())[1]


def test_the_mismatch_is_measured() -> None:
    """Mean of k3 over all tokens that an engine may sample is KL(engine || trainer)."""
    engine, trainer = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.4, 0.4, 0.2])
    exact = (engine * (engine / trainer).log()).sum().item()
    found = 0.0
    for place in range(3):
        batch = TokenBatch(
            trainer.log()[place : place + 1],
            trainer.log()[place : place + 1],
            engine.log()[place : place + 1],
            torch.ones(1),
            torch.tensor([0]),
            torch.zeros(1),
        )
        _, sums = LOSS_TYPES["dapo"](batch, BatchSize(1, 1), LossConfig())
        found += engine[place].item() * sums["sampling/mismatch_kl"].item()
        assert sums["sampling/masked"].item() == 0
    assert found == pytest.approx(exact)
