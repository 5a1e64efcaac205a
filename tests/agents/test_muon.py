"""Our Muon beside PyTorch's, and what its steps look like."""

import pytest
import torch

from agents.tiny.muon import SCALE, Muon, fast_precision, orthogonal

SHAPES = [(16, 16), (12, 40), (40, 12)]


def steps(kind: str, count: int = 4) -> list[torch.Tensor]:
    """Matrices after some steps of our Muon, by its precision, or of PyTorch's."""
    stream = torch.Generator().manual_seed(0)
    matrices = [torch.nn.Parameter(torch.randn(shape, generator=stream)) for shape in SHAPES]
    optimizer: torch.optim.Optimizer
    if kind == "torch":
        optimizer = torch.optim.Muon(
            matrices, lr=1e-2, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
        )
    else:
        optimizer = Muon(matrices, lr=1e-2, precision=getattr(torch, kind))
    for _ in range(count):
        for matrix in matrices:
            matrix.grad = torch.randn(matrix.shape, generator=stream)
        optimizer.step()
    return [matrix.detach() for matrix in matrices]


def test_in_bfloat16_it_is_pytorchs_to_the_last_digit() -> None:
    for ours, theirs in zip(steps("bfloat16"), steps("torch"), strict=True):
        assert torch.equal(ours, theirs)


def test_in_float32_it_differs_by_rounding_alone() -> None:
    for ours, theirs, start in zip(
        steps("float32"), steps("torch"), steps("torch", count=0), strict=True
    ):
        assert (ours - theirs).norm() < 0.02 * (theirs - start).norm()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_singular_values_come_out_alike(shape: tuple[int, int], scale: float) -> None:
    matrix = scale * torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonal(matrix, torch.float32))
    assert values.min() > 0.5
    assert values.max() < 1.3


def test_nothing_comes_of_nothing() -> None:
    assert not orthogonal(torch.zeros(4, 6), torch.float32).any()


def test_a_step_is_as_large_as_adamws() -> None:
    """A matrix and its transpose move alike, by entries of about the learning rate's size."""
    start = torch.randn(24, 48, generator=torch.Generator().manual_seed(2))
    moved = []
    for matrix in (torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.T.clone())):
        optimizer = Muon([matrix], lr=1e-2, precision=torch.float32)
        before = matrix.detach().clone()
        matrix.grad = before.clone()
        optimizer.step()
        moved.append(matrix.detach() - before)
    torch.testing.assert_close(moved[0], moved[1].T)
    rms = float(moved[0].square().mean().sqrt())
    assert 0.7 * SCALE < rms / 1e-2 < 1.3 * SCALE


def test_a_matrix_without_a_gradient_stays() -> None:
    matrix = torch.nn.Parameter(torch.ones(3, 4))
    Muon([matrix]).step()
    assert torch.equal(matrix.detach(), torch.ones(3, 4))


def test_bfloat16_is_for_processors_that_are_fast_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for capability, precision in {
        "DEFAULT": torch.float32,
        "AVX2": torch.float32,
        "AVX512": torch.bfloat16,
    }.items():
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda c=capability: c)
        assert fast_precision() == precision
        assert Muon([torch.nn.Parameter(torch.ones(2, 2))]).precision == precision
