import pytest
import torch

from agents.grpo.losses import LOSS_TYPES, BatchSize, LossConfig, TokenBatch, kl_to_reference
from judges.errors import RegistryError
from vt_env.errors import ConfigError, UnknownNameError

ROWS = torch.tensor([0, 0, 0, 1])
SIZE = BatchSize(sequences=2, tokens=4)


def batch(ratio: float, advantages: tuple[float, float], **changes: object) -> TokenBatch:
    old = torch.full((4,), -1.0)
    values = {
        "logp": (old + torch.tensor(ratio).log()).requires_grad_(),
        "old_logp": old,
        "sampler_logp": old,
        "advantages": torch.tensor(advantages),
        "rows": ROWS,
        "entropy": torch.ones(4),
    }
    return TokenBatch(**(values | changes))  # type: ignore[arg-type]


def loss_of(tokens: TokenBatch, config: LossConfig) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    return LOSS_TYPES[config.loss_type](tokens, SIZE, config)


@pytest.mark.parametrize(
    ("loss_type", "expected"),
    [("grpo", [1 / 6] * 3 + [1 / 2]), ("dapo", [1 / 4] * 4), ("dr_grpo", [1 / 20] * 4)],
)
def test_token_weights(loss_type: str, expected: list[float]) -> None:
    tokens = batch(1.0, (1.0, 1.0))
    loss_of(tokens, LossConfig(loss_type=loss_type, max_completion_length=10))[0].backward()
    assert tokens.logp.grad is not None
    assert (-tokens.logp.grad).tolist() == pytest.approx(expected)


def test_on_policy_gradient_is_the_advantage() -> None:
    config = LossConfig()
    tokens = batch(1.0, (1.0, -2.0))
    loss, _ = loss_of(tokens, config)
    loss.backward()
    assert tokens.logp.grad is not None
    assert tokens.logp.grad.tolist() == pytest.approx([-0.25, -0.25, -0.25, 0.5])


@pytest.mark.parametrize(
    ("ratio", "advantage", "has_gradient"),
    [(1.5, 1.0, False), (1.5, -1.0, True), (0.5, 1.0, True), (0.5, -1.0, False)],
)
def test_clipping_is_one_sided(ratio: float, advantage: float, has_gradient: bool) -> None:
    config = LossConfig(epsilon=0.2, epsilon_high=0.28)
    tokens = batch(ratio, (advantage, advantage))
    loss, sums = loss_of(tokens, config)
    loss.backward()
    assert tokens.logp.grad is not None
    assert bool(tokens.logp.grad.abs().sum() > 0) is has_gradient
    clipped = sums["clip_ratio/low_mean"] + sums["clip_ratio/high_mean"]
    assert clipped.item() == (0 if has_gradient else 4)


def test_micro_batches_add_up() -> None:
    for loss_type in ("grpo", "dapo", "dr_grpo"):
        config = LossConfig(loss_type=loss_type)
        whole, _ = loss_of(batch(1.1, (1.0, -2.0)), config)
        parts = torch.zeros(())
        for row, keep in ((0, ROWS == 0), (1, ROWS == 1)):
            full = batch(1.1, (1.0, -2.0))
            part = TokenBatch(
                logp=full.logp[keep],
                old_logp=full.old_logp[keep],
                sampler_logp=full.sampler_logp[keep],
                advantages=full.advantages[row : row + 1],
                rows=torch.zeros(int(keep.sum()), dtype=torch.long),
                entropy=full.entropy[keep],
            )
            parts = parts + loss_of(part, config)[0]
        assert parts.item() == pytest.approx(whole.item(), rel=1e-6)


def test_engine_mismatch_is_corrected_and_capped() -> None:
    config = LossConfig(
        vllm_importance_sampling_mode="token_truncate", vllm_importance_sampling_clip_max=2.0
    )
    plain, _ = loss_of(batch(1.0, (1.0, 1.0)), config)
    far = batch(1.0, (1.0, 1.0), sampler_logp=torch.full((4,), -3.0))
    assert loss_of(far, config)[0].item() == pytest.approx(2 * plain.item())
    off = LossConfig(vllm_importance_sampling_correction=False)
    assert loss_of(far, off)[0].item() == pytest.approx(plain.item())


def test_kl_is_zero_at_the_reference_and_positive_elsewhere() -> None:
    logp = torch.tensor([-1.0, -2.0])
    assert kl_to_reference(logp, logp).tolist() == [0.0, 0.0]
    assert (kl_to_reference(logp, logp + torch.tensor([0.5, -0.5])) > 0).all()


def test_sequence_level_ratio_is_shared_within_a_sequence() -> None:
    config = LossConfig(importance_sampling_level="sequence", epsilon=10.0, epsilon_high=10.0)
    tokens = batch(1.0, (1.0, 1.0))
    moved = torch.tensor([0.3, 0.0, -0.3, 0.2]) + tokens.old_logp
    loss, _ = loss_of(batch(1.0, (1.0, 1.0), logp=moved.requires_grad_()), config)
    expected = -(3 * 1.0 + torch.tensor(0.2).exp().item()) / 4
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_bad_settings_are_named() -> None:
    with pytest.raises(UnknownNameError, match=r"loss_type 'dapoo'. Did you mean 'dapo'"):
        LossConfig(loss_type="dapoo")
    with pytest.raises(ConfigError, match="beta"):
        LossConfig(beta=-1.0)


def reinforce(
    tokens: TokenBatch, size: BatchSize, config: LossConfig
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    loss = -(tokens.logp * tokens.advantages[tokens.rows]).sum() / size.tokens
    return loss, {"logp": tokens.logp.detach().sum()}


def too_few(tokens: TokenBatch) -> torch.Tensor:
    return tokens.logp.sum()


def test_an_objective_of_ones_own_is_named_by_where_it_is() -> None:
    config = LossConfig(loss_type=f"{__name__}:reinforce")
    tokens = batch(1.5, (1.0, -2.0))
    loss, sums = LOSS_TYPES.find(config.loss_type)(tokens, SIZE, config)
    loss.backward()
    assert tokens.logp.grad is not None
    assert tokens.logp.grad.tolist() == pytest.approx([-0.25, -0.25, -0.25, 0.5])
    assert sums["logp"].item() == pytest.approx(tokens.logp.sum().item())
    with pytest.raises(RegistryError, match="must take 3"):
        LossConfig(loss_type=f"{__name__}:too_few")
