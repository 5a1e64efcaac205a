"""A step of supervised fine-tuning: its loss by hand, its packing, what it leaves, its resume."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agents.errors import CheckpointError, TrainingError
from agents.grpo.logprobs import Readout, sampled_logprobs
from agents.sft.config import SFTOptions
from agents.sft.demonstrations import Demonstration, Retracer
from agents.sft.trainer import STATE, Trainer
from tests.agents.helpers import a_collator
from vt_env import VisionThinkEnv
from vt_env.errors import UnknownNameError

OPTIONS = SFTOptions(lr=1e-3, lr_scheduler_type="linear")


def groups(trainer: Trainer, start: int = 0) -> list[list]:
    """Four samples: a right answer on each, and on the first a request as well."""
    factory = VisionThinkEnv(split="validation").factory
    trace = Retracer(factory, trainer.encoder, Path("a.jsonl"))
    some = []
    for index in range(start, start + 4):
        sample = factory.dataset[index]
        answer = f"<think></think><answer>{sample.answers[0]}</answer>"
        some.append(Demonstration(sample.sample_id, (answer,), False, 1))
        if index == start:
            request = str(factory.episode(index).forced_request)
            some.append(Demonstration(sample.sample_id, (request, answer), True, 2))
    return trace(some)


def made(checkpoint: Path, options: SFTOptions = OPTIONS) -> Trainer:
    return Trainer(str(checkpoint), options, steps=10)


def test_the_loss_is_the_mean_over_tokens(checkpoint: Path) -> None:
    trainer = made(checkpoint)
    taught = groups(trainer)
    members = [[t] for group in taught for t in group]
    collate = a_collator(checkpoint, trainer.model, trainer.encoder)
    total, tokens = 0.0, 0
    for rows in collate.plan(members, "padded", 1):  # an episode at a time
        batch = collate(rows, "padded")
        readout = Readout(tuple(trainer.encoder.banned), entropy="none")
        with torch.no_grad():
            logp = sampled_logprobs(trainer.model, batch, readout)[0]
        total, tokens = total - float(logp.sum()), tokens + len(logp)
    metrics = trainer.step(taught)
    assert tokens == metrics["tokens"] == sum(sum(t.mask) for (t,) in members)
    assert metrics["loss"] == pytest.approx(total / tokens, rel=1e-5)
    assert metrics["lr"] == pytest.approx(1e-3)


@pytest.mark.parametrize(
    "changes", [{"packing": "padded"}, {"micro_batch_nodes": 300}, {"micro_batch_nodes": None}]
)
def test_packing_does_not_change_the_step(changes: dict, checkpoint: Path) -> None:
    one, other = made(checkpoint), made(checkpoint, replace(OPTIONS, **changes))
    first, second = one.step(groups(one)), other.step(groups(other))
    assert second["loss"] == pytest.approx(first["loss"], rel=1e-5)
    assert second["grad_norm"] == pytest.approx(first["grad_norm"], rel=1e-4)


def test_what_is_frozen_stays_and_the_rest_learns(checkpoint: Path) -> None:
    trainer = made(checkpoint)
    before, taught = trainer.weights(), groups(trainer)
    losses = [trainer.step(taught)["loss"] for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
    after = trainer.weights()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and not any("visual" in name or ".layers.0." in name for name in moved)
    trained, whole = trainer.parameter_counts()
    assert 0 < trained < whole


def test_a_resumed_trainer_takes_the_same_steps(checkpoint: Path, tmp_path: Path) -> None:
    unbroken = made(checkpoint)
    unbroken.step(groups(unbroken))
    unbroken.save(tmp_path)
    resumed = made(checkpoint)
    resumed.load(tmp_path)
    first, second = (t.step(groups(t, 4)) for t in (unbroken, resumed))
    assert first == second
    one, other = unbroken.weights(), resumed.weights()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_copies_of_16_bits_are_kept(checkpoint: Path, tmp_path: Path) -> None:
    options = replace(OPTIONS, dtype="bfloat16", lr=1e-6)
    unbroken = made(checkpoint, options)
    unbroken.step(groups(unbroken))
    unbroken.save(tmp_path)
    resumed = made(checkpoint, options)
    resumed.load(tmp_path)
    pairs = zip(unbroken._optimizer._pairs(), resumed._optimizer._pairs(), strict=True)
    for (_, one), (_, other) in pairs:
        assert one.dtype == torch.float32 and torch.equal(one, other)


def test_a_state_that_is_cut_off_is_told(checkpoint: Path, tmp_path: Path) -> None:
    trainer = made(checkpoint)
    trainer.save(tmp_path)
    file = tmp_path / STATE
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=STATE):
        trainer.load(tmp_path)


def test_options_that_cannot_be() -> None:
    with pytest.raises(TrainingError, match=r"^lr must"):
        SFTOptions(lr=2)
    with pytest.raises(TrainingError, match="must be larger than warmup_steps"):
        SFTOptions(max_steps=5, warmup_steps=5)
    with pytest.raises(UnknownNameError, match="oracle"):
        SFTOptions(targets="oracel")  # type: ignore[arg-type]
