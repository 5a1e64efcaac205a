"""PPO in one file on `VisionThinkDiscrete-v0`, in the manner of CleanRL: all of it is here to read.

python examples/cleanrl_ppo.py --steps 50000
"""

from __future__ import annotations

import argparse
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn

import vt_env

ENVS, ROLLOUT, EPOCHS, MINIBATCH = 8, 64, 4, 128
GAMMA, LAMBDA, CLIP, ENTROPY, VALUE, LR = 0.99, 0.95, 0.2, 0.01, 0.5, 3e-4
SETTINGS: dict[str, Any] = {"families": ("objects", "textures"), "image_size": 56}


class ActorCritic(nn.Module):
    """A small CNN for the image, a line for the words, and two heads."""

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.image = nn.Sequential(
            nn.Conv2d(3, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Flatten()
        )  # (N, 3, 56, 56) -> (N, 1600)
        self.body = nn.Sequential(nn.Linear(1600 + 64 + 2, 256), nn.ReLU())
        self.actor, self.critic = nn.Linear(256, actions), nn.Linear(256, 1)

    def forward(self, seen: dict[str, Tensor]) -> tuple[torch.distributions.Categorical, Tensor]:
        """What is likely to be done, and what it is worth: actions (N,), values (N,)."""
        pixels = self.image(seen["image"].permute(0, 3, 1, 2).float() / 255.0)
        hidden = self.body(torch.cat([pixels, seen["question"], seen["state"]], dim=1))
        return torch.distributions.Categorical(logits=self.actor(hidden)), self.critic(hidden)[:, 0]


def tensors(observation: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """A batch of observations as tensors."""
    return {name: torch.as_tensor(values) for name, values in observation.items()}


def advantages(rewards: Tensor, values: Tensor, dones: Tensor, last: Tensor) -> Tensor:
    """Generalised advantage estimates (arXiv 1506.02438): (steps, envs) each, `last` (envs,)."""
    found, following, ahead = torch.zeros_like(rewards), last, torch.zeros_like(last)
    for step in reversed(range(len(rewards))):
        goes_on = 1.0 - dones[step]
        gap = rewards[step] + GAMMA * following * goes_on - values[step]
        ahead = gap + GAMMA * LAMBDA * goes_on * ahead
        found[step], following = ahead, values[step]
    return found


def update(model: ActorCritic, optimizer: torch.optim.Optimizer, batch: dict[str, Any]) -> None:
    """Takes the steps of PPO (arXiv 1707.06347) on a rollout."""
    size = len(batch["actions"])
    for _ in range(EPOCHS):
        for rows in torch.randperm(size).split(MINIBATCH):
            policy, value = model({name: seen[rows] for name, seen in batch["seen"].items()})
            gain = batch["advantages"][rows]
            gain = (gain - gain.mean()) / (gain.std() + 1e-8)
            ratio = (policy.log_prob(batch["actions"][rows]) - batch["logprobs"][rows]).exp()
            clipped = torch.min(ratio * gain, ratio.clamp(1 - CLIP, 1 + CLIP) * gain).mean()
            error = (value - batch["returns"][rows]).square().mean()
            loss = VALUE * error - clipped - ENTROPY * policy.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()


def main(steps: int = 50_000, rollout: int = ROLLOUT) -> float:
    """Trains; returns the mean return of the last 100 episodes."""
    torch.manual_seed(0)
    envs = gymnasium.vector.SyncVectorEnv(
        [lambda: vt_env.make("VisionThinkDiscrete-v0", **SETTINGS)] * ENVS,
        autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP,
    )
    model = ActorCritic(int(envs.single_action_space.n))  # type: ignore[attr-defined]
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    seen, running, ended = tensors(envs.reset(seed=0)[0]), np.zeros(ENVS), []
    for iteration in range(max(1, steps // (rollout * ENVS))):
        kept: dict[str, list[Any]] = {n: [] for n in ("seen", "a", "logp", "value", "r", "done")}
        for _ in range(rollout):
            with torch.no_grad():
                policy, value = model(seen)
                action = policy.sample()
            after, reward, terminated, _, _ = envs.step(action.numpy())
            logprob, done = policy.log_prob(action), torch.as_tensor(terminated).float()
            found = (seen, action, logprob, value, torch.as_tensor(reward).float(), done)
            for name, one in zip(kept, found, strict=True):
                kept[name].append(one)
            running += reward
            ended += running[terminated].tolist()
            running[terminated], seen = 0.0, tensors(after)
        with torch.no_grad():
            last = model(seen)[1]
        rows = {name: torch.stack(values) for name, values in kept.items() if name != "seen"}
        gain = advantages(rows["r"], rows["value"], rows["done"], last)
        looks = {name: torch.cat([one[name] for one in kept["seen"]]) for name in seen}
        batch = {"seen": looks, "actions": rows["a"].flatten(), "logprobs": rows["logp"].flatten()}
        batch |= {"advantages": gain.flatten(), "returns": (gain + rows["value"]).flatten()}
        update(model, optimizer, batch)
        if (iteration + 1) % 10 == 0:
            done_steps = (iteration + 1) * rollout * ENVS
            print(f"{done_steps} steps: mean return {np.mean(ended[-100:]):.3f}", flush=True)
    envs.close()
    mean = float(np.mean(ended[-100:]))
    print(f"mean return of the last {len(ended[-100:])} episodes: {mean:.3f}")
    return mean


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="PPO in one file on the discrete environment.")
    parser.add_argument("--steps", type=int, default=50_000)
    main(parser.parse_args().steps)
