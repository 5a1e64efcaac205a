"""An engine is kept only where a block says so, for the very same use, and is as new then."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agents.backends import GenerationBackend, Sampling, drop_engine, kept_engine, make_backend
from agents.backends.kept import Renewable
from agents.backends.transformers_backend import TransformersBackend
from agents.models.checkpoints import load_model
from tests.agents.test_backends import requests

HOME = __name__
GREEDY = Sampling(temperature=0.0, max_new_tokens=32)


class Keepable(TransformersBackend):
    """The reference engine, with what it takes to be kept; it counts."""

    made = closed = renewed = 0

    def __init__(self, model_dir: Path, **arguments: Any) -> None:
        type(self).made += 1
        self._dir = model_dir
        super().__init__(model_dir, **arguments)

    def renew(self) -> None:
        type(self).renewed += 1
        self._model = load_model(self._dir)

    def close(self) -> None:
        type(self).closed += 1
        super().close()


@pytest.fixture(autouse=True)
def counts() -> Iterator[None]:
    Keepable.made = Keepable.closed = Keepable.renewed = 0
    yield
    drop_engine()


def use(model_dir: Path, **arguments: Any) -> GenerationBackend:
    """Takes an engine, spoils its weights and closes it."""
    engine = make_backend(f"{HOME}:Keepable", model_dir, **arguments)
    weights = load_model(model_dir).state_dict()
    engine.load_weights({name: tensor * 0 for name, tensor in weights.items()})
    engine.close()
    return engine


def counted() -> tuple[int, int, int]:
    return Keepable.made, Keepable.closed, Keepable.renewed


def test_without_a_block_nothing_is_kept(checkpoint: Path) -> None:
    use(checkpoint)
    assert counted() == (1, 1, 0)
    use(checkpoint)
    assert counted() == (2, 2, 0)


def test_a_block_takes_what_the_one_before_it_left(
    checkpoint: Path, hf_backend: GenerationBackend
) -> None:
    for _ in range(3):
        with kept_engine():
            use(checkpoint)
    assert counted() == (1, 0, 2)
    with kept_engine():
        engine = make_backend(f"{HOME}:Keepable", checkpoint)
        asked = requests(engine, 3)
        assert engine.generate(asked, GREEDY) == hf_backend.generate(asked, GREEDY), "as new"
        assert engine.context_length == hf_backend.context_length
        engine.close()
        engine.close()
        with pytest.raises(AssertionError, match="is closed"):
            engine.generate(asked, GREEDY)
    drop_engine()
    assert counted() == (1, 1, 3)


def test_another_engine_is_started_anew_and_the_kept_one_ends(
    checkpoint: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    for number, (path, arguments) in enumerate(
        [(checkpoint, {}), (checkpoint, {"batch_size": 2}), (copy, {"batch_size": 2})]
    ):
        with kept_engine():
            use(path, **arguments)
        assert counted() == (number + 1, number, 0)
    os.utime(copy / "model.safetensors", (1, 1))  # other weights, for all that is known
    with kept_engine():
        use(copy, batch_size=2)
    assert counted() == (4, 3, 0)


def test_two_engines_of_a_block_are_two_and_the_last_is_kept(checkpoint: Path) -> None:
    with kept_engine():
        one, other = (make_backend(f"{HOME}:Keepable", checkpoint) for _ in range(2))
        one.close()
        other.close()
    assert counted() == (2, 1, 0)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_fails_leaves_no_engine(checkpoint: Path, error: type[BaseException]) -> None:
    with kept_engine():
        use(checkpoint)
    with pytest.raises(error), kept_engine():
        use(checkpoint)
        raise error
    assert counted() == (1, 1, 1)
    with kept_engine():
        use(checkpoint)
    assert counted() == (2, 1, 1)


def test_an_engine_that_is_closed_after_its_block_ends(checkpoint: Path) -> None:
    with kept_engine():
        engine = make_backend(f"{HOME}:Keepable", checkpoint)
    engine.close()
    assert counted() == (1, 1, 0)


def test_an_engine_that_cannot_be_as_new_is_not_kept(checkpoint: Path) -> None:
    """It starts in a second, and is what it was."""
    with kept_engine():
        engine = make_backend("transformers", checkpoint)
        assert type(engine) is TransformersBackend
        engine.close()
        assert engine._model is None


def test_vllm_is_renewed_to_what_a_start_leaves(
    vllm_backend: GenerationBackend, checkpoint: Path
) -> None:
    assert isinstance(vllm_backend, Renewable)
    vllm_backend.renew()
    drawn = Sampling(seed=4, max_new_tokens=32)
    asked = requests(vllm_backend, 8)
    expected = [vllm_backend.generate(asked, sampling) for sampling in (GREEDY, drawn)]
    weights = load_model(checkpoint).state_dict()
    vllm_backend.load_weights({name: tensor * 0.9 for name, tensor in weights.items()})
    for seed in (1, 2):
        found = vllm_backend.generate(requests(vllm_backend, 8)[seed:], Sampling(max_new_tokens=9))
        assert len(found) == 8 - seed
    vllm_backend.renew()
    found = [vllm_backend.generate(asked, sampling) for sampling in (GREEDY, drawn)]
    assert found == expected, "to the last digit of the log-probs"


def test_vllm_leaves_the_generators_as_a_start_does(checkpoint: Path) -> None:
    seen = []
    for seed in (5, 6):  # what they were before is nothing to either
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        with kept_engine():
            engine = make_backend("vllm", checkpoint)
            seen.append((random.random(), np.random.random(), torch.rand(1).item()))
            engine.close()
    assert seen[0] == seen[1]
