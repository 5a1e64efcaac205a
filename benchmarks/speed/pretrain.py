"""How fast the parts of a pretraining are that were written anew for speed, on one core.

    python -m benchmarks.speed.pretrain

Each pair is timed in turn, in one run: what counts is the ratio. A figure is the best of some
rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from agents.tiny.model import TinyConfig, build_model
from agents.tiny.muon import Muon, fast_precision
from agents.tiny.optimizer import ADAMW_ONLY
from agents.tiny.patches import PatchProjection
from agents.tiny.tokenizer import build_tokenizer

PATCHES = 1440
"""Patches of ten images of 168 pixels."""
BOUND = 1.2
"""How many times as long as the other precision the chosen one may take."""


def best_of(pair: dict[str, Callable[[], None]], rounds: int = 5) -> dict[str, float]:
    """Least milliseconds of each, timed in turn."""
    best = dict.fromkeys(pair, float("inf"))
    for number in range(rounds + 1):
        for name, work in pair.items():
            start = time.perf_counter()
            work()
            if number:  # the first round warms up
                best[name] = min(best[name], 1000 * (time.perf_counter() - start))
    return best


def main() -> None:
    """Prints a line a pair; exits with 1 when the slower precision was chosen for Muon."""
    torch.set_num_threads(1)
    model = build_model(TinyConfig(), build_tokenizer(), seed=0)
    inner = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.ndim == 2 and not any(part in name for part in ADAMW_ONLY)
    ]
    for matrix in inner:
        matrix.grad = torch.randn_like(matrix)
    muons = {dtype: Muon(inner, precision=dtype) for dtype in (torch.bfloat16, torch.float32)}
    steps = best_of({str(dtype): muon.step for dtype, muon in muons.items()})
    chosen = str(fast_precision())
    other = next(name for name in steps if name != chosen)
    print(f"Muon, a step          {chosen} (chosen) {steps[chosen]:8.1f} ms", end="")
    print(f"   {other} {steps[other]:8.1f} ms   {steps[other] / steps[chosen]:.1f} times as long")
    convolution = model.model.visual.patch_embed.proj
    product = PatchProjection(convolution)
    patches = torch.randn(PATCHES, *convolution.weight.shape[1:])

    def through(module: torch.nn.Module) -> None:
        module(patches).sum().backward()

    embeds = best_of({"product": lambda: through(product), "conv": lambda: through(convolution)})
    print(f"patches, with gradient   product {embeds['product']:8.1f} ms", end="")
    ratio = embeds["conv"] / embeds["product"]
    print(f"   convolution {embeds['conv']:8.1f} ms   {ratio:.1f} times as long")
    if steps[chosen] > BOUND * steps[other]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
