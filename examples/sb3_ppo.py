"""Stable-Baselines3 PPO on `VisionThinkDiscrete-v0`.

pip install stable-baselines3
python examples/sb3_ppo.py --steps 20000
"""

from __future__ import annotations

import argparse
from typing import Any

import vt_env


def main(steps: int = 20_000, rollout: int = 512) -> float:
    """Trains; returns the mean return of the last episodes."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.monitor import Monitor

    env: Any = vt_env.make(
        "VisionThinkDiscrete-v0", families=("objects", "textures"), image_size=56
    )
    model = PPO("MultiInputPolicy", Monitor(env), n_steps=rollout, batch_size=128, seed=0)
    model.learn(total_timesteps=steps)
    recent = [float(episode["r"]) for episode in model.ep_info_buffer or ()]
    mean = sum(recent) / len(recent)
    print(f"mean return of the last {len(recent)} episodes: {mean:.3f}")
    return mean


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="PPO on the discrete environment.")
    parser.add_argument("--steps", type=int, default=20_000)
    main(parser.parse_args().steps)
