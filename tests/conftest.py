"""Fixtures shared by all tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from agents.backends import GenerationBackend

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# A busy machine is no reason to fail: nothing in the tests is timed.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


@pytest.fixture(scope="session")
def checkpoint() -> Path:
    """The shipped tiny Qwen2.5-VL."""
    from agents.tiny import CHECKPOINT

    return CHECKPOINT


@pytest.fixture(scope="session")
def hf_backend(checkpoint: Path) -> Iterator["GenerationBackend"]:
    """One transformers engine for all tests."""
    from agents.backends import make_backend

    backend = make_backend("transformers", checkpoint)
    yield backend
    backend.close()


@pytest.fixture(scope="session")
def vllm_backend(checkpoint: Path) -> Iterator["GenerationBackend"]:
    """One real vLLM engine for all tests; it starts once."""
    from agents.backends import make_backend

    backend = make_backend("vllm", checkpoint)
    yield backend
    backend.close()
