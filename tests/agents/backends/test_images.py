"""An engine has room for as many images as the rules of the episodes allow."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.backends import GenerationBackend, GenerationRequest, Sampling, make_backend
from agents.errors import BackendError
from agents.grpo.algorithm import GRPOConfig
from agents.grpo.env_runner import GRPOEnvRunner
from agents.rollouts.collect import most_images
from tests.agents.helpers import world_episodes
from vt_env.config import EpisodeRules


class Told:
    """What an engine is started with; it has no model."""

    context_length, encoder = 1024, None

    def __init__(self, model_dir: str, *, max_model_len: int, max_images: int = 2) -> None:
        self.max_images = max_images

    def generate(self, requests: Any, sampling: Any) -> list[Any]:
        return []

    def load_weights(self, weights: Any) -> None: ...

    def close(self) -> None: ...


class Unasked(Told):
    """An engine that has no such argument."""

    def __init__(self, model_dir: str, *, max_model_len: int) -> None:
        super().__init__(model_dir, max_model_len=max_model_len, max_images=-1)


@pytest.mark.parametrize(
    ("rules", "most"),
    [
        ({}, 2),
        ({"resolutions": (0.25, 0.5, 1.0), "max_turns": 3}, 3),
        ({"resolutions": (0.25, 0.5, 1.0), "max_turns": 2}, 2),
        ({"resolutions": (1.0,), "max_turns": 3}, 1),
        ({"max_turns": 5}, 2),
        ({"max_turns": 5, "tools": ("resize", "crop")}, 5),
        ({"max_turns": 4, "tools": ("crop",)}, 4),
        ({"max_turns": 1}, 1),
    ],
)
def test_the_rules_say_how_many(rules: dict[str, Any], most: int) -> None:
    assert most_images(EpisodeRules(**rules)) == most


@pytest.mark.parametrize(
    ("engine", "given", "room"),
    [("Told", {}, 4), ("Told", {"max_images": 9}, 9), ("Unasked", {}, -1)],
)
def test_a_runners_engine_is_told(engine: str, given: dict[str, int], room: int) -> None:
    config = GRPOConfig().training(
        backend=f"{__name__}:{engine}", backend_config=given, max_model_len=1024
    )
    config.environment(
        "VisionThink-v0", env_config={"max_turns": 4, "tools": ("resize", "crop"), "data": "world"}
    )
    runner = GRPOEnvRunner(config=config)
    try:
        assert runner.backend.max_images == room  # type: ignore[attr-defined]
    finally:
        runner.stop()


def test_more_images_than_there_is_room_for_are_refused(
    vllm_backend: GenerationBackend, checkpoint: Path
) -> None:
    (episode,) = world_episodes(1)
    ids = vllm_backend.encoder.opening(episode.messages)
    image = episode.observation.image
    asked = GenerationRequest((*ids, *ids, *ids), (image,) * 3)
    with pytest.raises(BackendError, match=r"holds 3 images.* max_images=3"):
        vllm_backend.generate([asked], Sampling(max_new_tokens=4))
    roomy = make_backend("vllm", checkpoint, images=3)
    try:
        (found,) = roomy.generate([asked], Sampling(max_new_tokens=4))
        assert found.prompt_ids.count(roomy.encoder.image_pad) == 27
        one = replace(asked, prompt_ids=tuple(ids), images=(image,))
        assert roomy.generate([one], Sampling(max_new_tokens=4))[0].token_ids
    finally:
        roomy.close()
