"""Trains with a tool of somebody else's, and writes what was played; run by `test_training`.

python train_with_tool.py ACME_FOLDER RUNNERS OUT_FOLDER
"""

import json
import sys
from pathlib import Path

import ray

from agents import GRPOConfig, Sampling
from agents.grpo import ROLLOUTS


def main(acme: str, runners: str, out: Path) -> None:
    """One iteration, then four samples with the request forced."""
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    env = {"tools": ("acme_look",), "rewards": "acme", "data": "acme_world"}
    config = (
        GRPOConfig()
        .environment("VisionThink-v0", env_config=env)
        .env_runners(num_env_runners=int(runners))
        .training(plugins=[acme], backend="acme_engine", num_prompts=4, num_generations=4)
    )
    algorithm = config.build_algo()
    metrics = algorithm.train()[ROLLOUTS]
    played = algorithm.play_fixed(env, range(4), Sampling(temperature=0.0), "request")
    algorithm.stop()
    ray.shutdown()
    (out / "metrics.json").write_text(json.dumps({key: float(metrics[key]) for key in metrics}))
    (out / "episodes.jsonl").write_text("".join(t.record.to_line() for t in played))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
