"""`PatchProjection`: the patch embedding as one matrix product, which is what it is."""

from __future__ import annotations

import torch


class PatchProjection(torch.nn.Module):
    """Stands in for a convolution that meets each patch once, with the very same parameters.

    On a CPU the convolution takes longer, its gradient too; see `benchmarks.speed.pretrain`.

    Args:
        convolution: What is replaced; its stride is its kernel.
    """

    def __init__(self, convolution: torch.nn.Conv3d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        """Projects patches, (n, channels, frames, side, side), to (n, width)."""
        return torch.nn.functional.linear(patches.flatten(1), self.weight.flatten(1), self.bias)
