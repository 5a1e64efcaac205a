"""The optimiser of the policy: decay, schedules, weights of full width, and going on."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from agents.errors import TrainingError
from agents.grpo.algorithm import GRPOConfig
from agents.grpo.optimizer import PolicyAdamW
from agents.grpo.schedule import steps_of
from agents.models.checkpoints import load_model
from benchmarks.training.grpo import build_config
from benchmarks.training.settings import TrainSettings
from tests.agents.test_grpo import build_learner
from vt_env.errors import UnknownNameError
from vt_env.settings.tree import build

Parameters = list[torch.nn.Parameter]


def parameters(dtype: torch.dtype = torch.float32) -> Parameters:
    generator = torch.Generator().manual_seed(0)
    shapes = ((5, 3), (3,), (4, 5))
    return [
        torch.nn.Parameter((0.02 * torch.randn(shape, generator=generator)).to(dtype))
        for shape in shapes
    ]


def give_gradients(trained: Parameters, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in trained:
        parameter.grad = torch.randn(parameter.shape, generator=generator).to(parameter.dtype)


def by_hand(trained: Parameters, rates: list[float], decay: float) -> list[list[float]]:
    """AdamW of Loshchilov and Hutter (2019, algorithm 2), in plain loops of Python's floats."""
    values = [p.detach().double().flatten().tolist() for p in trained]
    first = [[0.0] * len(own) for own in values]
    second = [[0.0] * len(own) for own in values]
    for step, rate in enumerate(rates, start=1):
        give_gradients(trained, step)
        for place, parameter in enumerate(trained):
            assert parameter.grad is not None
            shrink = decay if parameter.ndim > 1 else 0.0
            for i, g in enumerate(parameter.grad.double().flatten().tolist()):
                first[place][i] = 0.9 * first[place][i] + 0.1 * g
                second[place][i] = 0.999 * second[place][i] + 0.001 * g * g
                mean = first[place][i] / (1 - 0.9**step)
                root = math.sqrt(second[place][i] / (1 - 0.999**step)) + 1e-8
                values[place][i] -= rate * (shrink * values[place][i] + mean / root)
    return values


def test_steps_are_adamws_with_decay_on_matrices_alone() -> None:
    trained = parameters()
    expected = by_hand(parameters(), [0.01] * 4, decay=0.3)
    optimizer = PolicyAdamW(trained, 0.01, weight_decay=0.3)
    for step in range(1, 5):
        give_gradients(trained, step)
        optimizer.step()
    for parameter, values in zip(trained, expected, strict=True):
        assert parameter.flatten().tolist() == pytest.approx(values, abs=1e-6)


@torch.no_grad()
def test_small_steps_are_not_lost_in_16_bits(checkpoint: Path) -> None:
    """A step of 1e-6 is below the grain of bfloat16; in copies of float32 such steps add up."""
    went: dict[str, float] = {}
    for name, dtype, wide in (
        ("full", "float32", True),
        ("copies", "bfloat16", True),
        ("plain", "bfloat16", False),
    ):
        trained: Parameters = list(load_model(checkpoint, dtype).parameters())
        before = [p.clone() for p in trained]
        optimizer = PolicyAdamW(trained, 1e-6, weight_decay=0.0, master_weights=wide)
        weights = sum(p.numel() for p in trained)
        for step in range(40):
            for parameter in trained:
                parameter.grad = torch.ones_like(parameter)
            optimizer.step()
            if step == 0:
                stepped = dict(optimizer._pairs())
                pairs = zip(trained, before, strict=True)
                moved = sum(int((stepped[p] != old).sum()) for p, old in pairs)
                share = moved / weights
                assert share < 0.02 if name == "plain" else share > 0.99, name
        stepped = dict(optimizer._pairs())
        assert all(torch.equal(p, stepped[p].to(p.dtype)) for p in trained)
        ways = [
            (old.double() - stepped[p].double()).sum()
            for p, old in zip(trained, before, strict=True)
        ]
        went[name] = float(sum(ways)) / weights
    assert went["full"] == pytest.approx(40e-6, rel=0.02)
    assert went["copies"] == pytest.approx(40e-6, rel=0.02)
    assert went["plain"] < 10e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", ["constant", "linear", "cosine"])
def test_going_on_is_the_unbroken_course(kind: str, dtype: torch.dtype) -> None:
    from ray.rllib.utils.numpy import convert_to_numpy
    from ray.rllib.utils.torch_utils import convert_to_torch_tensor
    from transformers import get_scheduler

    def optimizer(trained: Parameters) -> PolicyAdamW:
        return PolicyAdamW(trained, 1e-3, schedule=lambda one: get_scheduler(kind, one, 2, 10))

    unbroken, broken = parameters(dtype), parameters(dtype)
    first, second = optimizer(unbroken), optimizer(broken)
    for step in range(3):
        for one, trained in ((first, unbroken), (second, broken)):
            give_gradients(trained, step)
            one.step()
    saved = convert_to_numpy(second.state_dict())  # as RLlib writes and reads it
    saved["state"] = convert_to_torch_tensor(saved["state"])
    copied = [torch.nn.Parameter(p.detach().clone()) for p in broken]
    third = optimizer(copied)
    third.load_state_dict(saved)
    assert third.param_groups[0]["lr"] == first.param_groups[0]["lr"]
    for step in range(3, 6):
        for one, trained in ((first, unbroken), (third, copied)):
            give_gradients(trained, step)
            one.step()
    assert all(torch.equal(a, b) for a, b in zip(unbroken, copied, strict=True))


def test_weights_that_are_loaded_are_taken_over() -> None:
    trained = parameters(torch.bfloat16)
    optimizer = PolicyAdamW(trained, 1e-6, weight_decay=0.0)
    with torch.no_grad():
        for parameter in trained:
            parameter.fill_(3.0)
    give_gradients(trained, 0)
    optimizer.step()
    assert all(float((p.detach() - 3).abs().max()) < 0.02 for p in trained)


COURSES: dict[str, Callable[[int], float]] = {
    "constant": lambda step: min(1, step / 4),
    "linear": lambda step: step / 4 if step < 4 else (20 - step) / 16,
    "cosine": lambda step: step / 4 if step < 4 else (1 + math.cos(math.pi * (step - 4) / 16)) / 2,
}


@pytest.mark.parametrize("kind", COURSES)
def test_a_learner_follows_the_schedule(kind: str, checkpoint: Path) -> None:
    learner = build_learner(
        checkpoint, lr_scheduler_type=kind, warmup_steps=4, max_steps=20, weight_decay=0.1
    )
    (optimizer,) = learner._named_optimizers.values()
    assert isinstance(optimizer, PolicyAdamW)
    assert {g["weight_decay"] for g in optimizer.param_groups} == {0.1, 0.0}
    for step in range(21):
        assert learner._get_optimizer_lr(optimizer) == pytest.approx(1e-3 * COURSES[kind](step))
        optimizer.step()
        learner.after_gradient_based_update(timesteps={"num_env_steps_sampled_lifetime": step})


def test_rllibs_own_schedule_still_works(checkpoint: Path) -> None:
    learner = build_learner(checkpoint, lr=[[0, 1e-3], [100, 1e-4]])
    (optimizer,) = learner._named_optimizers.values()
    assert learner._get_optimizer_lr(optimizer) == pytest.approx(1e-3)
    learner.after_gradient_based_update(timesteps={"num_env_steps_sampled_lifetime": 50})
    assert learner._get_optimizer_lr(optimizer) == pytest.approx(5.5e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr_scheduler_type": "linear"}, "needs max_steps"),
        ({"lr_scheduler_type": "cosine", "max_steps": 5, "warmup_steps": 5}, "larger than"),
        ({"lr": [[0, 1e-3], [9, 1e-4]], "warmup_steps": 5}, "a schedule of its own"),
        ({"weight_decay": 2}, "weight_decay must"),
        ({"warmup_steps": 0.5}, "warmup_steps must"),
    ],
)
def test_what_cannot_be_is_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        GRPOConfig().training(**settings).validate()
    with pytest.raises(UnknownNameError, match="Did you mean 'cosine'"):
        GRPOConfig().training(lr_scheduler_type="cosin")


def test_a_run_knows_how_many_steps_it_takes() -> None:
    config = GRPOConfig().training(num_prompts=4, num_generations=8, num_iterations=2)
    assert steps_of(10, config) == 20
    config.training(minibatch_size=12)
    assert steps_of(10, config) == 60
    told = {"run.iterations": 7, "grpo.lr_scheduler_type": "cosine"}
    assert build_config(build(TrainSettings, told), {}).max_steps == 7
    assert build_config(build(TrainSettings, {**told, "grpo.max_steps": 3}), {}).max_steps == 3
