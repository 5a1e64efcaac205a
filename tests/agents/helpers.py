"""Small builders for the tests of the agents."""

import functools
from pathlib import Path
from typing import Any

import vt_env
from agents.grpo.packing.batching import Collator
from agents.grpo.packing.positions import Positions
from agents.models.chat import ChatEncoder
from agents.models.vision import VisionProcessor
from agents.rollouts.trajectory import Trajectory
from judges import EpisodeRecord
from vt_env.episode import Ending, Episode, EpisodeConfig
from vt_env.rewards import Outcome, RewardConfig
from vt_env.tasks import World
from vt_env.templates import load_template


def world_episodes(count: int, *, seed: int = 11, split: str = "validation") -> list[Episode]:
    """Fresh episodes of the embedded world."""
    world, template = World(split, seed=seed), load_template("brief")
    return [Episode(world[i], EpisodeConfig(), RewardConfig(), template) for i in range(count)]


def with_prompt_end(chat_template: str, ending: str) -> str:
    """A chat template whose generation prompt goes on with `ending`."""
    start = "<|im_start|>assistant\n"
    assert chat_template.count(start) == 1
    return chat_template.replace(start, start + ending)


@functools.cache
def a_record() -> EpisodeRecord:
    """The record of an episode that nobody played."""
    return world_episodes(1)[0].record(0)


def trajectory(**changes: Any) -> Trajectory:
    """A trajectory of three tokens, the last of them sampled."""
    values: dict[str, Any] = {
        "ids": (1, 2, 3),
        "mask": (0, 0, 1),
        "logprobs": (0.0, 0.0, -0.5),
        "images": (),
        "image_tokens": (),
        "reward_terms": {"accuracy": 1.0, "format": 0.5},
        "outcome": Outcome(correct=True, requested=False, well_formed=True, needs_high_res=False),
        "ending": Ending.ANSWERED,
        "sample_id": "a",
        "family": "objects",
        "answer": "red",
        "visual_tokens": 4,
        "full_tokens": 16,
        "record": a_record(),
    }
    return Trajectory(**(values | changes))


def read_weights(directory: Path) -> dict[str, Any]:
    """Weights of a saved model."""
    from safetensors.torch import load_file

    return dict(load_file(directory / "model.safetensors"))


def a_collator(checkpoint: Path, model: Any, encoder: ChatEncoder) -> Collator:
    """What puts trajectories into batches for a model."""
    vision = VisionProcessor(checkpoint)
    rope = Positions(model.model.get_rope_index, encoder.image_pad, vision.merge)
    return Collator(vision, encoder.pad, encoder.image_pad, rope)


def build_learner(checkpoint: Path, **settings: Any) -> Any:
    """A learner in this process; all of the model is trained unless told otherwise."""
    from agents.grpo.algorithm import GRPOConfig

    config = GRPOConfig().training(
        model_dir=str(checkpoint), **({"lr": 1e-3, "grad_clip": None, "freeze": ()} | settings)
    )
    env = vt_env.make()
    spaces = (env.observation_space, env.action_space)
    return config.build_learner(spaces={"default_policy": spaces})
