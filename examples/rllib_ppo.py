"""Stock RLlib PPO on `VisionThinkDiscrete-v0`.

python examples/rllib_ppo.py --iterations 20
"""

from __future__ import annotations

import argparse
import os
from typing import Any

os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")


def make_env(settings: dict[str, Any]) -> Any:
    """One env with flat observations, pixels in [0, 1]; runs in RLlib's processes too."""
    import numpy as np
    from gymnasium import spaces
    from gymnasium.wrappers import FlattenObservation, TransformObservation

    import vt_env

    def scaled(seen: dict[str, Any]) -> dict[str, Any]:
        return {**seen, "image": seen["image"] / np.float32(255)}

    env = vt_env.make("VisionThinkDiscrete-v0", **settings)
    known: Any = env.observation_space
    image = spaces.Box(0.0, 1.0, known["image"].shape, np.float32)
    space = spaces.Dict({**known.spaces, "image": image})
    return FlattenObservation(TransformObservation(env, scaled, space))


def main(iterations: int = 20, batch: int = 512) -> list[float]:
    """Trains; returns the mean episode return of every iteration."""
    import ray
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.tune.registry import register_env

    register_env("vision_think_discrete", make_env)
    config = (
        PPOConfig()
        .environment(
            "vision_think_discrete",
            env_config={"families": ("objects", "textures"), "image_size": 56},
        )
        .env_runners(num_env_runners=0, rollout_fragment_length="auto")
        .training(train_batch_size_per_learner=batch, minibatch_size=128, num_epochs=4, lr=3e-4)
        .debugging(seed=0, log_level="ERROR")
    )
    ray.init(num_cpus=2, include_dashboard=False, ignore_reinit_error=True, log_to_driver=False)
    algorithm = config.build_algo()
    returns = []
    try:
        for iteration in range(iterations):
            result = algorithm.train()
            returns.append(float(result["env_runners"]["episode_return_mean"]))
            print(f"iteration {iteration + 1}: mean return {returns[-1]:.3f}")
    finally:
        algorithm.stop()
        ray.shutdown()
    return returns


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="PPO on the discrete environment.")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--batch", type=int, default=512)
    options = parser.parse_args()
    main(options.iterations, options.batch)
