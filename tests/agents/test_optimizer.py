"""Muon for the matrices and AdamW for the rest, as one optimizer."""

import torch

from agents.tiny.optimizer import MuonAdamW

Named = list[tuple[str, torch.nn.Parameter]]


def named() -> Named:
    torch.manual_seed(0)
    shapes = {
        "model.visual.attn.weight": (8, 6),
        "model.visual.norm.weight": (6,),
        "model.mlp.weight": (6, 8),
        "model.embed_tokens.weight": (9, 6),
        "lm_head.weight": (9, 6),
        "probes.marks.weight": (5, 6),
    }
    return [(name, torch.nn.Parameter(torch.randn(shape))) for name, shape in shapes.items()]


def take_steps(optimizer: MuonAdamW, parameters: Named, count: int, start: int = 0) -> None:
    for step in range(start, start + count):
        stream = torch.Generator().manual_seed(step)
        for _, parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=stream)
        optimizer.step()


def test_only_inner_matrices_are_muons() -> None:
    """Muon makes a step's singular values alike; AdamW's first step moves every entry alike."""
    parameters = named()
    before = [parameter.detach().clone() for _, parameter in parameters]
    optimizer = MuonAdamW(parameters)
    optimizer.set_rate(1e-2)
    take_steps(optimizer, parameters, 1)
    for (name, parameter), was in zip(parameters, before, strict=True):
        change = parameter.detach() - was
        alike = change.abs().flatten()
        if name in ("model.visual.attn.weight", "model.mlp.weight"):
            values = torch.linalg.svdvals(change)
            assert values.min() > 0.5 * values.max(), name
            assert alike.min() < 0.5 * alike.max(), name
        else:
            assert alike.min() > 0.9 * alike.max(), name


def test_a_pace_slows_what_it_names() -> None:
    moved = []
    for paces in ({}, {"model.visual.": 0.25}):
        parameters = named()
        before = [parameter.detach().clone() for _, parameter in parameters]
        optimizer = MuonAdamW(parameters, paces)
        optimizer.set_rate(1e-3)
        take_steps(optimizer, parameters, 1)
        moved.append(
            {
                name: float((parameter.detach() - was).norm())
                for (name, parameter), was in zip(parameters, before, strict=True)
            }
        )
    for name, distance in moved[0].items():
        share = 0.25 if name.startswith("model.visual.") else 1.0
        assert abs(moved[1][name] / distance - share) < 0.05, name


def test_what_it_remembers_can_be_restored() -> None:
    unbroken, broken = named(), named()
    first = MuonAdamW(unbroken)
    first.set_rate(1e-2)
    take_steps(first, unbroken, 6)
    second = MuonAdamW(broken)
    second.set_rate(1e-2)
    take_steps(second, broken, 3)
    third = MuonAdamW(broken)
    third.restore({name: value.clone() for name, value in second.tensors().items()})
    third.set_rate(1e-2)
    take_steps(third, broken, 3, start=3)
    for (name, one), (_, two) in zip(unbroken, broken, strict=True):
        assert torch.equal(one, two), name


def test_gradients_are_dropped() -> None:
    parameters = named()
    optimizer = MuonAdamW(parameters)
    for _, parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.zero_grad()
    assert all(parameter.grad is None for _, parameter in parameters)
