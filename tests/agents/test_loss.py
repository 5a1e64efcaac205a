import pytest
import torch

from agents.grpo.loss import LossConfig, TokenBatch, k3_kl, policy_loss, token_weights
from vt_env.errors import ConfigError

ROWS = torch.tensor([0, 0, 0, 1])
LENGTHS = torch.tensor([3, 1])


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


def weights(config: LossConfig) -> torch.Tensor:
    return token_weights(ROWS, 2, 4, config, LENGTHS)


@pytest.mark.parametrize(
    ("loss_type", "expected"),
    [("grpo", [1 / 6] * 3 + [1 / 2]), ("dapo", [1 / 4] * 4), ("dr_grpo", [1 / 20] * 4)],
)
def test_token_weights(loss_type: str, expected: list[float]) -> None:
    config = LossConfig(loss_type=loss_type, max_completion_length=10)  # type: ignore[arg-type]
    assert weights(config).tolist() == pytest.approx(expected)


def test_on_policy_gradient_is_the_advantage() -> None:
    config = LossConfig()
    tokens = batch(1.0, (1.0, -2.0))
    loss, _ = policy_loss(tokens, weights(config), config)
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
    loss, sums = policy_loss(tokens, weights(config), config)
    loss.backward()
    assert tokens.logp.grad is not None
    assert bool(tokens.logp.grad.abs().sum() > 0) is has_gradient
    clipped = sums["clip_ratio/low_mean"] + sums["clip_ratio/high_mean"]
    assert clipped.item() == (0 if has_gradient else 4)


def test_micro_batches_add_up() -> None:
    for loss_type in ("grpo", "dapo", "dr_grpo"):
        config = LossConfig(loss_type=loss_type)  # type: ignore[arg-type]
        whole, _ = policy_loss(batch(1.1, (1.0, -2.0)), weights(config), config)
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
            weight = token_weights(part.rows, 2, 4, config, LENGTHS[row : row + 1])
            parts = parts + policy_loss(part, weight, config)[0]
        assert parts.item() == pytest.approx(whole.item(), rel=1e-6)


def test_engine_mismatch_is_corrected_and_capped() -> None:
    config = LossConfig(vllm_importance_sampling_cap=2.0)
    plain, _ = policy_loss(batch(1.0, (1.0, 1.0)), weights(config), config)
    far = batch(1.0, (1.0, 1.0), sampler_logp=torch.full((4,), -3.0))
    assert policy_loss(far, weights(config), config)[0].item() == pytest.approx(2 * plain.item())
    off = LossConfig(vllm_importance_sampling_correction=False)
    assert policy_loss(far, weights(off), off)[0].item() == pytest.approx(plain.item())


def test_kl_is_zero_at_the_reference_and_positive_elsewhere() -> None:
    logp = torch.tensor([-1.0, -2.0])
    assert k3_kl(logp, logp).tolist() == [0.0, 0.0]
    assert (k3_kl(logp, logp + torch.tensor([0.5, -0.5])) > 0).all()


def test_sequence_level_ratio_is_shared_within_a_sequence() -> None:
    config = LossConfig(importance_sampling_level="sequence", epsilon=10.0, epsilon_high=10.0)
    tokens = batch(1.0, (1.0, 1.0))
    moved = torch.tensor([0.3, 0.0, -0.3, 0.2]) + tokens.old_logp
    loss, _ = policy_loss(
        batch(1.0, (1.0, 1.0), logp=moved.requires_grad_()), weights(config), config
    )
    expected = -(3 * 1.0 + torch.tensor(0.2).exp().item()) / 4
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_bad_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="loss_type"):
        LossConfig(loss_type="ppo")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="beta"):
        LossConfig(beta=-1.0)
