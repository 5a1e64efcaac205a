"""`Muon`: steps whose singular values are all about alike, for matrices.

PyTorch has the same optimizer, but it always multiplies in bfloat16, which a processor without
AVX-512 does very slowly; there ours uses float32. `benchmarks.speed.pretrain` compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

MOMENTUM = 0.95
ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic polynomial; Jordan et al., https://kellerjordan.github.io/posts/muon/."""
SCALE = 0.2
"""Root mean square of AdamW's steps, about (arXiv 2502.16982, section 2.2)."""
SMALLEST_NORM = 1e-7


def fast_precision() -> torch.dtype:
    """bfloat16 where the processor multiplies matrices of it fast, otherwise float32."""
    wide = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return torch.bfloat16 if wide else torch.float32


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, made orthogonal by Newton-Schulz iterations, in steps of AdamW's size.

    Args:
        params: Matrices, or groups of them, as for any optimizer.
        lr: Learning rate, on the scale of AdamW's.
        precision: What the iterations compute in; None: `fast_precision()`.
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        precision: torch.dtype | None = None,
    ) -> None:
        super().__init__(params, {"lr": lr})
        self.precision = precision or fast_precision()

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Takes one step."""
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._move(matrix, matrix.grad, group["lr"])

    def _move(self, matrix: torch.Tensor, gradient: torch.Tensor, lr: float) -> None:
        memory = self.state[matrix]
        if not memory:
            memory["momentum"] = torch.zeros_like(gradient)
        momentum: torch.Tensor = memory["momentum"]
        momentum.lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM)
        size = lr * SCALE * math.sqrt(max(matrix.shape))
        matrix.add_(orthogonal(ahead, self.precision), alpha=-size)


def orthogonal(matrix: torch.Tensor, precision: torch.dtype) -> torch.Tensor:
    """A matrix with the same singular vectors, and singular values between about 0.7 and 1.2.

    Args:
        matrix: (m, n), of any scale.
        precision: What to compute in.

    Returns:
        (m, n), of type `precision`.
    """
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    wide = (matrix.T if tall else matrix).to(precision)  # (m, n), m <= n: the smaller products
    wide = wide / wide.norm().clamp(min=SMALLEST_NORM)  # no singular value is above 1
    for _ in range(ITERATIONS):  # wide <- (a + b G + c G G) wide
        gram = wide @ wide.T  # (m, m)
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.T if tall else wide
