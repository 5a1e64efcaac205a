"""Processes that share a batch: the same gradient as one process would get, and a named end."""

from collections.abc import Iterator

import pytest
import torch

from agents.tiny.learner import Learner
from agents.tiny.model import save_checkpoint, save_processor
from agents.tiny.recipe import PretrainConfig
from agents.tiny.shards import ShardError, Shards
from agents.tiny.tokenizer import build_tokenizer
from vt_env.errors import ConfigError

CONFIG = PretrainConfig(batch_size=4, tower_batch_size=4, pages_beside=2, shards=2)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Learner, Shards]]:
    """A learner and the other process of its pretraining."""
    out = tmp_path_factory.mktemp("shards")
    tokenizer = build_tokenizer()
    save_processor(CONFIG.architecture, out)
    learner = Learner(CONFIG, tokenizer, out)
    save_checkpoint(learner.model, tokenizer, out)
    shards = Shards(learner, out)
    yield learner, shards
    shards.close()


@pytest.mark.parametrize(("stage", "step"), [(0, 7), (0, 8), (1, 7), (1, 8), (1, 4)])
def test_the_gradient_is_the_mean_of_all_shards_at_the_weights_of_the_moment(
    pair: tuple[Learner, Shards], stage: int, step: int
) -> None:
    learner, shards = pair
    trained = [parameter for _, parameter in learner.trained(stage)]
    alone = []
    losses = []
    for shard in range(CONFIG.shards):
        loss = learner.loss(learner.draw(stage, step, shard))
        losses.append(float(loss.detach()))
        alone.append(torch.autograd.grad(loss, trained, allow_unused=True))
    for parameter in [*learner.model.parameters(), *learner.probes.parameters()]:
        parameter.grad = None
    assert shards.backward(stage, step) == pytest.approx(sum(losses) / 2, rel=1e-5)
    for parameter, one, two in zip(trained, *alone, strict=True):
        if one is None:
            assert parameter.grad is None
            continue
        torch.testing.assert_close(parameter.grad, (one + two) / 2, rtol=1e-3, atol=1e-6)
    with torch.no_grad():  # the other process must see, in the next stage, what is changed here
        for parameter in trained:
            parameter.mul_(0.9)


def test_a_process_that_ends_is_an_error_that_says_how_to_go_on(
    pair: tuple[Learner, Shards],
) -> None:
    _, shards = pair
    process = shards._workers[0][0]
    process.kill()
    process.join()
    with pytest.raises(ShardError, match=r"exit code -9.*--resume"):
        shards.backward(1, 2)


def test_a_batch_must_be_shared_evenly() -> None:
    with pytest.raises(ConfigError, match=r"batch_size must be a multiple of shards \(3\)"):
        PretrainConfig(shards=3)
